//! Clients of the service that a drill watches, and the load that they make.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{Client, Response};
use serde_json::Value;

use crate::support::http::images_form;
use crate::support::pictures::gradient_png;
use crate::support::service::Service;

/// A client of a service.
#[derive(Clone)]
pub struct TestClient {
    client: Client,
    url: String,
}

impl TestClient {
    pub fn of(service: &Service) -> Self {
        Self { client: crate::support::http::client(), url: service.url("") }
    }

    pub fn get(&self, path: &str) -> Option<Response> {
        self.client.get(format!("{}{path}", self.url)).send().ok()
    }

    /// Asks as browsers do before a request to another origin.
    pub fn preflight(&self, path: &str) -> Option<Response> {
        let request = self.client.request(Method::OPTIONS, format!("{}{path}", self.url));
        request.header("origin", "http://drill").header("access-control-request-method", "POST").send().ok()
    }

    /// Submits a job of one small picture, with this key and callback URL if any.
    pub fn submit(&self, shade: u8, key: Option<&str>, callback: Option<&str>) -> Option<Response> {
        self.submit_picture(gradient_png(shade), key, callback)
    }

    /// Submits a job of this picture, with this key and callback URL if any.
    pub fn submit_picture(
        &self,
        picture: Vec<u8>,
        key: Option<&str>,
        callback: Option<&str>,
    ) -> Option<Response> {
        let mut form = images_form(&[picture]);
        if let Some(callback) = callback {
            form = form.text("callback_url", callback.to_owned());
        }
        let mut request = self.client.post(format!("{}/jobs", self.url)).multipart(form);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        request.send().ok()
    }

    /// Posts JSON, such as a job of pictures by URL.
    pub fn post(&self, path: &str, body: &Value) -> Option<Response> {
        self.client.post(format!("{}{path}", self.url)).json(body).send().ok()
    }

    /// Posts one picture to /process.
    pub fn process(&self, picture: Vec<u8>) -> Option<Response> {
        let form = Form::new().part("image", Part::bytes(picture).file_name("a.png"));
        self.client.post(format!("{}/process", self.url)).multipart(form).send().ok()
    }

    /// Whether a job has ended.
    pub fn has_ended(&self, job: &str) -> bool {
        let body = self.get(&format!("/jobs/{job}?cards=url")).and_then(|answer| answer.json::<Value>().ok());
        body.is_some_and(|body| body["status"] == "completed" || body["status"] == "failed")
    }
}

/// The id of the job that this answer accepted.
pub fn job_id(answer: Response) -> String {
    assert_eq!(answer.status(), 202);
    answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned()
}

/// A picture whose second half is missing.
pub fn broken_picture(shade: u8) -> Vec<u8> {
    let mut bytes = gradient_png(shade);
    bytes.truncate(bytes.len() / 2);
    bytes
}

/// A thread that repeats an action until it is dropped.
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    pub fn start(pause: Duration, mut act: impl FnMut(u32) + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut number = 0;
            while !stopped.load(Ordering::SeqCst) {
                act(number);
                number += 1;
                std::thread::sleep(pause);
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
