//! One of several processes, and what a client asks of it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use jpeg_encoder::{ColorType, Encoder};
use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{Client, RequestBuilder, Response};
use serde_json::Value;

use super::service::Service;
use super::until;

/// Pictures by name.
pub type Pictures = Vec<(String, Vec<u8>)>;

/// Pictures that take a few milliseconds each; those of another seed are others.
pub fn small(count: u32, seed: u32) -> Pictures {
    (0..count).map(|n| (format!("{n}.jpg"), jpeg(120, 80, seed * 31 + n))).collect()
}

/// Pictures that take long enough to be caught at work.
pub fn large(count: u32) -> Pictures {
    let one = jpeg(5200, 3600, 1);
    (0..count).map(|n| (format!("{n}.jpg"), one.clone())).collect()
}

fn jpeg(width: u16, height: u16, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut pixels = Vec::with_capacity(usize::from(width) * usize::from(height) * 3);
    for y in 0..u32::from(height) {
        for x in 0..u32::from(width) {
            // xorshift: noise keeps the decoder busy.
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            pixels.extend([(x / 8) as u8 ^ (state as u8 & 31), (y / 8) as u8, state as u8 & 63]);
        }
    }
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, 90).encode(&pixels, width, height, ColorType::Rgb).unwrap();
    bytes
}

fn form(pictures: &Pictures) -> Form {
    pictures.iter().fold(Form::new(), |form, (name, bytes)| {
        form.part("images", Part::bytes(bytes.clone()).file_name(name.clone()))
    })
}

fn accepted(request: RequestBuilder) -> String {
    let answer = request.send().unwrap();
    assert_eq!(answer.status(), 202);
    answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned()
}

type Lines = Arc<Mutex<Vec<String>>>;

/// The lines of an event stream.
pub struct Events {
    lines: Lines,
    reader: JoinHandle<std::io::Result<()>>,
}

impl Events {
    /// How many lines there are so far that begin so.
    pub fn count(&self, start: &str) -> usize {
        self.lines.lock().unwrap().iter().filter(|line| line.starts_with(start)).count()
    }

    pub fn has_ended(&self) -> bool {
        self.reader.is_finished()
    }

    /// All lines of a stream whose body must end as it should.
    pub fn end(self) -> Vec<String> {
        self.reader.join().unwrap().expect("the body ends cleanly");
        self.lines.lock().unwrap().clone()
    }
}

/// A process with a data directory of its own; store and blobs are shared.
pub struct Node {
    service: Service,
    client: Client,
    _data: tempfile::TempDir,
}

impl Node {
    pub fn start(database: &str, blobs: &Path) -> Self {
        Self::start_with(database, blobs, &[])
    }

    /// The same, with these settings too.
    pub fn start_with(database: &str, blobs: &Path, settings: &[(&str, String)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let environment = [
            ("DATABASE_URL", database.to_owned()),
            ("BLOB_URL", format!("file://{}", blobs.display())),
            ("HUEMILL__WORKERS__COUNT", "2".to_owned()),
            ("HUEMILL__JOBS__LEASE_SECONDS", "3".to_owned()),
            ("HUEMILL__JOBS__POLL_MS", "50".to_owned()),
            ("HUEMILL__JOBS__COLLECT_SECONDS", "1".to_owned()),
            ("HUEMILL__HEALTH__INTERVAL_SECONDS", "1".to_owned()),
            ("HUEMILL__HEALTH__STORE_SECONDS", "1".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value));
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        let environment: Vec<_> = environment.into_iter().chain(settings).collect();
        let service = Service::start(data.path(), &environment);
        let client = Client::builder().timeout(Duration::from_secs(60)).no_proxy().build().unwrap();
        let node = Self { service, client, _data: data };
        until("it is ready", || node.is_ready());
        node
    }

    pub fn post(&self, pictures: &Pictures) -> Response {
        self.request(pictures).send().unwrap()
    }

    fn request(&self, pictures: &Pictures) -> RequestBuilder {
        self.client.post(self.service.url("/jobs")).multipart(form(pictures))
    }

    /// The id of the job that these pictures become.
    pub fn submit(&self, pictures: &Pictures) -> String {
        accepted(self.request(pictures))
    }

    /// The same, its end to be told there.
    pub fn submit_told(&self, callback: &str, pictures: &Pictures) -> String {
        accepted(
            self.client
                .post(self.service.url("/jobs"))
                .multipart(form(pictures).text("callback_url", callback.to_owned())),
        )
    }

    /// The same, with a key.
    pub fn submit_keyed(&self, key: &str, pictures: &Pictures) -> String {
        accepted(self.request(pictures).header("idempotency-key", key))
    }

    /// Waits until the job is completed, with so many results.
    pub fn completes(&self, job: &str, results: usize) {
        let mut body = Value::Null;
        until("the job is completed", || {
            let answer = self.client.get(self.service.url(&format!("/jobs/{job}?cards=url"))).send().unwrap();
            assert!(matches!(answer.status().as_u16(), 200 | 503), "{answer:?}");
            body = answer.json().unwrap();
            body["status"] == "completed"
        });
        assert_eq!(body["results_count"], results, "{body}");
    }

    /// The status of a poll by a client that has this version already; the version's tag where there is one.
    pub fn poll(&self, job: &str, etag: Option<&str>) -> (u16, Option<String>) {
        let mut request = self.client.get(self.service.url(&format!("/jobs/{job}?cards=url")));
        if let Some(etag) = etag {
            request = request.header("if-none-match", etag);
        }
        let answer = request.send().unwrap();
        let etag = answer.headers().get("etag").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), etag)
    }

    pub fn delete(&self, job: &str) {
        let answer = self.client.delete(self.service.url(&format!("/jobs/{job}"))).send().unwrap();
        assert_eq!(answer.status(), 204);
    }

    /// The stream of a job's events, read on a thread of its own.
    pub fn events(&self, job: &str) -> Events {
        let client = Client::builder().timeout(None).no_proxy().build().unwrap();
        let answer = client.get(self.service.url(&format!("/jobs/{job}/events"))).send().unwrap();
        assert_eq!(answer.status(), 200);
        let lines = Lines::default();
        let own = lines.clone();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(answer).lines() {
                own.lock().unwrap().push(line?);
            }
            Ok(())
        });
        Events { lines, reader }
    }

    /// Takes all results home.
    pub fn download(&self, job: &str) {
        let answer = self.client.get(self.service.url(&format!("/jobs/{job}/results.zip"))).send().unwrap();
        assert_eq!(answer.status(), 200);
        assert!(!answer.bytes().unwrap().is_empty());
    }

    /// A series' value in a scrape; 0 where it is not there.
    pub fn figure(&self, series: &str) -> u64 {
        let text = self.client.get(self.service.url("/metrics")).send().unwrap().text().unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse::<f64>().unwrap() as u64)
    }

    pub fn is_ready(&self) -> bool {
        self.client.get(self.service.url("/ready")).send().is_ok_and(|answer| answer.status() == 200)
    }

    pub fn is_healthy(&self) -> bool {
        self.client.get(self.service.url("/health")).send().is_ok_and(|answer| answer.status() == 200)
    }

    /// What /ready says.
    pub fn readiness(&self) -> Value {
        self.client.get(self.service.url("/ready")).send().unwrap().json().unwrap()
    }

    /// Sends a request with this bearer token.
    pub fn send(&self, method: &str, path: &str, token: &str) -> Response {
        let request = self.client.request(method.parse().unwrap(), self.service.url(path));
        request.bearer_auth(token).send().unwrap()
    }

    pub fn get(&self, path: &str, token: &str) -> Response {
        self.send("GET", path, token)
    }

    pub fn signal(&self, name: &str) {
        self.service.signal(name);
    }

    pub fn kill(self) {
        self.service.kill();
    }
}
