//! A service that may send to loopback, and a client of it.

use reqwest::blocking::Client;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::Value;

use super::receiver::Receiver;
use super::service::Service;
use super::until;

/// The secret in force.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A running service and its data.
pub struct Desk {
    pub service: Service,
    pub data: tempfile::TempDir,
    environment: Vec<(String, String)>,
    client: Client,
}

impl Desk {
    /// A service that may send to these receivers, with these settings.
    pub fn open(receivers: &[&Receiver], settings: &[(&str, &str)]) -> Self {
        let ports: Vec<String> = receivers.iter().map(|receiver| receiver.port().to_string()).collect();
        let mut environment = vec![
            ("WEBHOOK_SECRET".to_owned(), SECRET.to_owned()),
            ("HUEMILL__OUTBOUND__ALLOW_CIDRS".to_owned(), "127.0.0.1/32".to_owned()),
            ("HUEMILL__OUTBOUND__ALLOW_PORTS".to_owned(), ports.join(",")),
            ("HUEMILL__JOBS__COLLECT_SECONDS".to_owned(), "1".to_owned()),
        ];
        environment.extend(settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let data = tempfile::tempdir().unwrap();
        let service = Service::start(data.path(), &environment);
        Self { service, data, environment, client: Client::builder().no_proxy().build().unwrap() }
    }

    /// Kills the service and starts it again, with these settings beside its own.
    pub fn kill_and_start(mut self, settings: &[(&str, &str)]) -> Self {
        self.service.kill();
        self.environment.extend(settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let service = Service::start(self.data.path(), &self.environment);
        Self { service, ..self }
    }

    /// The id of a job of one picture whose end is told there.
    pub fn submit(&self, callback: &str) -> String {
        let form = Form::new()
            .part("images", Part::bytes(picture()).file_name("a.png"))
            .text("callback_url", callback.to_owned());
        let request = self.client.post(self.service.url("/jobs")).header("x-request-id", "a-request-0001");
        let answer = request.multipart(form).send().unwrap();
        assert_eq!(answer.status(), 202);
        answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned()
    }

    /// The log lines about failed tries, once there are so many.
    pub fn failures(&self, count: usize) -> Vec<Value> {
        until("so many tries fail", || self.service.logged("webhook_failed").len() >= count);
        self.service.logged("webhook_failed")
    }

    /// A series' value in a scrape; 0 where it is not there.
    pub fn figure(&self, series: &str) -> u64 {
        let text = self.client.get(self.service.url("/metrics")).send().unwrap().text().unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse::<f64>().unwrap() as u64)
    }
}

/// A small picture.
pub fn picture() -> Vec<u8> {
    let image = image::RgbImage::from_fn(24, 16, |x, y| image::Rgb([x as u8 * 10, y as u8 * 15, 90]));
    let mut bytes = Vec::new();
    image.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    bytes
}
