//! A service that may send to a receiver on loopback, and a client of it.

use reqwest::blocking::Client;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::Value;

use super::receiver::{Receiver, Reply};
use super::service::{PATIENCE, Service};
use super::until;

pub const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
pub const CALLER: &str = "b7ad6b7169203331";

/// See the module.
pub struct Desk {
    pub service: Service,
    pub client: Client,
    pub receiver: Receiver,
    _folder: tempfile::TempDir,
}

impl Desk {
    pub fn open(variables: &[(String, String)]) -> Self {
        let receiver = Receiver::start(|_, _| Reply::status(200));
        let port = receiver.port().to_string();
        let own =
            [("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"), ("HUEMILL__OUTBOUND__ALLOW_PORTS", &*port)];
        let own = own.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let folder = tempfile::tempdir().unwrap();
        let service = Service::start(folder.path(), &[&own, variables].concat());
        let client = Client::builder().timeout(PATIENCE).no_proxy().build().unwrap();
        Self { service, client, receiver, _folder: folder }
    }

    /// The id of a job of one picture whose end is told to the receiver, asked for as a part of this trace.
    pub fn submit(&self, traceparent: Option<&str>) -> String {
        let form = Form::new()
            .part("images", Part::bytes(picture()).file_name("a.png"))
            .text("callback_url", self.receiver.url("/"));
        let mut request = self.client.post(self.service.url("/jobs")).multipart(form);
        if let Some(traceparent) = traceparent {
            request = request.header("traceparent", traceparent).header("tracestate", "shop=7");
        }
        let answer = request.send().unwrap();
        assert_eq!(answer.status(), 202);
        answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned()
    }

    /// Waits until so many webhooks were delivered.
    pub fn delivered(&self, count: usize) {
        until("webhooks are delivered", || self.service.logged("webhook_delivered").len() >= count);
    }

    /// The first log line of this event, once it is written.
    pub fn line(&self, event: &str) -> Value {
        until("it is logged", || !self.service.logged(event).is_empty());
        self.service.logged(event).swap_remove(0)
    }

    pub fn health(&self) -> u16 {
        let request = self.client.get(self.service.url("/health")).header("traceparent", traceparent("01"));
        request.send().unwrap().status().as_u16()
    }

    /// A series' value in a scrape.
    pub fn figure(&self, series: &str) -> f64 {
        let text = self.client.get(self.service.url("/metrics")).send().unwrap().text().unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {series}")).parse().unwrap()
    }
}

pub fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{CALLER}-{flags}")
}

pub fn picture() -> Vec<u8> {
    let image = image::RgbImage::from_fn(24, 16, |x, y| image::Rgb([x as u8 * 10, y as u8 * 15, 90]));
    let mut bytes = Vec::new();
    image.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    bytes
}
