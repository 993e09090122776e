//! A service to be watched, and clients of it: good ones, careless ones, and those that should not be let in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{Client, Response};
use serde_json::Value;

/// A client of a service.
#[derive(Clone)]
pub struct Customer {
    client: Client,
    url: String,
}

impl Customer {
    pub fn of(service: &super::service::Service) -> Self {
        let client = Client::builder().timeout(Duration::from_secs(60)).no_proxy().build().unwrap();
        Self { client, url: service.url("") }
    }

    pub fn get(&self, path: &str) -> Option<Response> {
        self.client.get(format!("{}{path}", self.url)).send().ok()
    }

    /// Sends a job of one picture; a key and a callback where there are such.
    pub fn submit(&self, shade: u8, key: Option<&str>, callback: Option<&str>) -> Option<Response> {
        self.submit_picture(picture(shade), key, callback)
    }

    /// The same, with this picture.
    pub fn submit_picture(
        &self,
        picture: Vec<u8>,
        key: Option<&str>,
        callback: Option<&str>,
    ) -> Option<Response> {
        let mut form = Form::new().part("images", Part::bytes(picture).file_name("a.png"));
        if let Some(callback) = callback {
            form = form.text("callback_url", callback.to_owned());
        }
        let mut request = self.client.post(format!("{}/jobs", self.url)).multipart(form);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        request.send().ok()
    }

    /// Sends JSON, such as a job of pictures that lie elsewhere.
    pub fn post(&self, path: &str, body: &Value) -> Option<Response> {
        self.client.post(format!("{}{path}", self.url)).json(body).send().ok()
    }

    /// Sends one picture to be processed at once.
    pub fn process(&self, picture: Vec<u8>) -> Option<Response> {
        let form = Form::new().part("image", Part::bytes(picture).file_name("a.png"));
        self.client.post(format!("{}/process", self.url)).multipart(form).send().ok()
    }

    /// Whether a job has ended.
    pub fn has_ended(&self, job: &str) -> bool {
        let body = self.get(&format!("/jobs/{job}?cards=url")).and_then(|answer| answer.json::<Value>().ok());
        body.is_some_and(|body| body["status"] == "completed" || body["status"] == "failed")
    }

    pub fn is_ready(&self) -> bool {
        self.get("/ready").is_some_and(|answer| answer.status() == 200)
    }
}

/// The id of an accepted job.
pub fn id(answer: Response) -> String {
    assert_eq!(answer.status(), 202);
    answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned()
}

/// A small picture.
pub fn picture(shade: u8) -> Vec<u8> {
    let image = image::RgbImage::from_fn(24, 16, |x, y| image::Rgb([x as u8 * 10, y as u8 * 15, shade]));
    let mut bytes = Vec::new();
    image.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    bytes
}

/// A picture with an end that is missing.
pub fn broken(shade: u8) -> Vec<u8> {
    let mut bytes = picture(shade);
    bytes.truncate(bytes.len() / 2);
    bytes
}

/// Does something again and again until it is dropped.
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
