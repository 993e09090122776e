//! A service that sends its webhooks to a receiver on loopback, and a client of it.

use reqwest::blocking::Client;
use serde_json::Value;

use crate::support::http::{client_builder, images_form, metric};
use crate::support::pictures::small_png;
use crate::support::receiver::{Receiver, Reply};
use crate::support::service::Service;
use crate::support::{loopback_settings, wait_until};

/// The trace of the client.
pub const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
/// The span of the client.
pub const CALLER: &str = "b7ad6b7169203331";

/// The service, its client and the receiver of its webhooks.
pub struct TestService {
    pub service: Service,
    pub client: Client,
    pub receiver: Receiver,
    _folder: tempfile::TempDir,
}

impl TestService {
    pub fn start(environment: &[(String, String)]) -> Self {
        let receiver = Receiver::start(|_, _| Reply::status(200));
        let folder = tempfile::tempdir().unwrap();
        let environment = [&loopback_settings(&[receiver.port()]), environment].concat();
        let service = Service::start(folder.path(), &environment);
        Self { service, client: client_builder().build().unwrap(), receiver, _folder: folder }
    }

    /// Submits a job of one picture with a webhook, as a part of this trace if any, and returns its id.
    pub fn submit(&self, traceparent: Option<&str>) -> String {
        let form = images_form(&[small_png()]).text("callback_url", self.receiver.url("/"));
        let mut request = self.client.post(self.service.url("/jobs")).multipart(form);
        if let Some(traceparent) = traceparent {
            request = request.header("traceparent", traceparent).header("tracestate", "shop=7");
        }
        let answer = request.send().unwrap();
        assert_eq!(answer.status(), 202);
        answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned()
    }

    /// Waits until this many webhooks are delivered.
    pub fn wait_for_deliveries(&self, count: usize) {
        wait_until("webhooks are delivered", || self.service.logged("webhook_delivered").len() >= count);
    }

    /// Waits for the first log line of this event and returns it.
    pub fn wait_for_line(&self, event: &str) -> Value {
        wait_until("the event is logged", || !self.service.logged(event).is_empty());
        self.service.logged(event).swap_remove(0)
    }

    /// The status of /health to a traced client.
    pub fn health(&self) -> u16 {
        let request = self.client.get(self.service.url("/health")).header("traceparent", traceparent("01"));
        request.send().unwrap().status().as_u16()
    }

    /// The value of a series in a scrape.
    pub fn metric(&self, series: &str) -> f64 {
        metric(&self.service, series).unwrap_or_else(|| panic!("no {series}"))
    }
}

pub fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{CALLER}-{flags}")
}
