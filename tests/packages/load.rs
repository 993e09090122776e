//! Clients that send pictures and jobs while processes of the service are replaced. Each request has to succeed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{Client, RequestBuilder};

use crate::support::http::images_form;
use crate::support::pictures::small_png;
use crate::support::wait_until;

/// Requests that clients send until it ends.
#[derive(Default)]
pub struct Load {
    has_ended: AtomicBool,
    answered: AtomicU64,
}

/// Ends the load where a test fails, too: the test waits for its clients.
struct EndOnDrop<'load>(&'load AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Load {
    /// Has three clients send requests to the addresses of paths, and fails where a request has failed.
    pub fn run(client: &Client, url: &(impl Fn(&str) -> String + Sync), meanwhile: impl FnOnce(&Self)) {
        let load = Self::default();
        let failures: Vec<_> = std::thread::scope(|scope| {
            let clients: Vec<_> =
                (0..3).map(|_| scope.spawn(|| load.failures(&client.clone(), url))).collect();
            let end = EndOnDrop(&load.has_ended);
            meanwhile(&load);
            drop(end);
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        assert_eq!(failures, Vec::<String>::new());
    }

    /// Waits until as many more requests are answered.
    pub fn wait_for(&self, count: u64) {
        let before = self.answered.load(Ordering::Relaxed);
        wait_until("requests are answered", || self.answered.load(Ordering::Relaxed) >= before + count);
    }

    /// Sends pictures and jobs until the load ends, and returns the failures.
    fn failures(&self, client: &Client, url: &impl Fn(&str) -> String) -> Vec<String> {
        let mut failures = Vec::new();
        while !self.has_ended.load(Ordering::Relaxed) {
            let picture = Form::new().part("image", Part::bytes(small_png()).file_name("a.png"));
            failures.extend(self.failure(client.post(url("/process")).multipart(picture), 200));
            failures
                .extend(self.failure(client.post(url("/jobs")).multipart(images_form(&[small_png()])), 202));
        }
        failures
    }

    /// Why a request did not get this status. The answer is read at once: a process that ends waits until it was taken.
    fn failure(&self, request: RequestBuilder, expected: u16) -> Option<String> {
        let answer = request.send().and_then(|answer| Ok((answer.status(), answer.text()?)));
        match answer {
            Ok((status, _)) if status == expected => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                None
            }
            other => Some(format!("{other:?}")),
        }
    }
}
