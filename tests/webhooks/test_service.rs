//! A service that sends webhooks to receivers on loopback, and a client of it.

use serde_json::Value;

use crate::support::http::{client, images_form, metric};
use crate::support::pictures::small_png;
use crate::support::receiver::Receiver;
use crate::support::service::Service;
use crate::support::{loopback_settings, variables, wait_until};

/// The webhook secret of the service.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A running service and its data.
pub struct TestService {
    pub service: Service,
    data: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl TestService {
    /// Starts a service that may send to these receivers, with these settings.
    pub fn start(receivers: &[&Receiver], settings: &[(&str, &str)]) -> Self {
        let ports: Vec<u16> = receivers.iter().map(|receiver| receiver.port()).collect();
        let common = [("WEBHOOK_SECRET", SECRET), ("HUEMILL__JOBS__COLLECT_SECONDS", "1")];
        let environment = [loopback_settings(&ports), variables(&common), variables(settings)].concat();
        let data = tempfile::tempdir().unwrap();
        Self { service: Service::start(data.path(), &environment), data, environment }
    }

    /// Kills the service and starts it again with these additional settings.
    pub fn kill_and_start(mut self, settings: &[(&str, &str)]) -> Self {
        self.service.kill();
        self.environment.extend(variables(settings));
        let service = Service::start(self.data.path(), &self.environment);
        Self { service, ..self }
    }

    /// Submits a job of one picture with this callback URL and returns its id.
    pub fn submit(&self, callback: &str) -> String {
        let form = images_form(&[small_png()]).text("callback_url", callback.to_owned());
        let request = client().post(self.service.url("/jobs")).header("x-request-id", "a-request-0001");
        let answer = request.multipart(form).send().unwrap();
        assert_eq!(answer.status(), 202);
        answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned()
    }

    /// Waits until this many attempts have failed and returns their log lines.
    pub fn wait_for_failures(&self, count: usize) -> Vec<Value> {
        wait_until("so many attempts fail", || self.service.logged("webhook_failed").len() >= count);
        self.service.logged("webhook_failed")
    }

    /// Waits until a webhook is delivered.
    pub fn wait_for_delivery(&self) {
        wait_until("the webhook is delivered", || !self.service.logged("webhook_delivered").is_empty());
    }

    /// The value of a counter in a scrape; 0 where it is not there.
    pub fn metric(&self, series: &str) -> u64 {
        metric(&self.service, series).unwrap_or_default() as u64
    }
}
