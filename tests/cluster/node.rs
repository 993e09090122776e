//! One of several processes of the service, and what a client asks of it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use reqwest::blocking::multipart::Form;
use reqwest::blocking::{Client, RequestBuilder, Response};
use serde_json::Value;

use crate::support::http::{client_builder, images_form, is_ready, metric, readiness};
use crate::support::service::Service;
use crate::support::{variables, wait_until};

/// A setting with which other processes soon take over the pictures of one that is silent. A process that is merely
/// slow may lose its pictures too, so a test with this setting must not count on the opposite.
pub const SHORT_LEASE: (&str, &str) = ("HUEMILL__JOBS__LEASE_SECONDS", "3");

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
    /// The number of lines so far that start with this text.
    pub fn count(&self, start: &str) -> usize {
        self.lines.lock().unwrap().iter().filter(|line| line.starts_with(start)).count()
    }

    pub fn has_ended(&self) -> bool {
        self.reader.is_finished()
    }

    /// Waits for the end of the stream and returns all lines. Fails where the body is cut off.
    pub fn finish(self) -> Vec<String> {
        self.reader.join().unwrap().expect("the body ends cleanly");
        self.lines.lock().unwrap().clone()
    }
}

/// A process with its own data directory. All nodes of a test share the store and the blobs.
pub struct Node {
    service: Service,
    client: Client,
    _data: tempfile::TempDir,
}

impl Node {
    pub fn start(database: &str, blobs: &Path) -> Self {
        Self::start_with(database, blobs, &[])
    }

    /// Starts a node with these additional settings.
    pub fn start_with(database: &str, blobs: &Path, settings: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let environment = variables(&[
            ("DATABASE_URL", database),
            ("BLOB_URL", &format!("file://{}", blobs.display())),
            ("HUEMILL__WORKERS__COUNT", "2"),
            ("HUEMILL__JOBS__POLL_MS", "50"),
            ("HUEMILL__JOBS__COLLECT_SECONDS", "1"),
            ("HUEMILL__HEALTH__INTERVAL_SECONDS", "1"),
            ("HUEMILL__HEALTH__STORE_SECONDS", "1"),
        ]);
        let service = Service::start(data.path(), &[environment, variables(settings)].concat());
        let node = Self { service, client: client_builder().build().unwrap(), _data: data };
        wait_until("the node is ready", || node.is_ready());
        node
    }

    /// Posts a job of these pictures.
    pub fn post(&self, pictures: &[Vec<u8>]) -> Response {
        self.request(images_form(pictures)).send().unwrap()
    }

    fn request(&self, form: Form) -> RequestBuilder {
        self.client.post(self.service.url("/jobs")).multipart(form)
    }

    /// Submits a job of these pictures and returns its id.
    pub fn submit(&self, pictures: &[Vec<u8>]) -> String {
        accepted(self.request(images_form(pictures)))
    }

    /// Submits a job with this callback URL.
    pub fn submit_with_callback(&self, callback: &str, pictures: &[Vec<u8>]) -> String {
        accepted(self.request(images_form(pictures).text("callback_url", callback.to_owned())))
    }

    /// Submits a job with this idempotency key.
    pub fn submit_with_key(&self, key: &str, pictures: &[Vec<u8>]) -> String {
        accepted(self.request(images_form(pictures)).header("idempotency-key", key))
    }

    /// Waits until the job is completed and checks the number of its results.
    #[track_caller]
    pub fn assert_job_completes(&self, job: &str, results: usize) {
        let mut body = Value::Null;
        wait_until("the job is completed", || {
            let answer = self.client.get(self.service.url(&format!("/jobs/{job}?cards=url"))).send().unwrap();
            assert!(matches!(answer.status().as_u16(), 200 | 503), "{answer:?}");
            body = answer.json().unwrap();
            body["status"] == "completed"
        });
        assert_eq!(body["results_count"], results, "{body}");
    }

    /// Polls a job as a client that has the version with this entity tag. Returns the status and the new tag.
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

    /// Opens the event stream of a job, which a thread reads.
    pub fn events(&self, job: &str) -> Events {
        let client = client_builder().timeout(None).build().unwrap();
        let answer = client.get(self.service.url(&format!("/jobs/{job}/events"))).send().unwrap();
        assert_eq!(answer.status(), 200);
        let lines = Lines::default();
        let sink = lines.clone();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(answer).lines() {
                sink.lock().unwrap().push(line?);
            }
            Ok(())
        });
        Events { lines, reader }
    }

    /// Downloads all results of a job.
    pub fn download(&self, job: &str) {
        let answer = self.client.get(self.service.url(&format!("/jobs/{job}/results.zip"))).send().unwrap();
        assert_eq!(answer.status(), 200);
        assert!(!answer.bytes().unwrap().is_empty());
    }

    /// The value of a counter in a scrape; 0 where it is not there.
    pub fn metric(&self, series: &str) -> u64 {
        metric(&self.service, series).unwrap_or_default() as u64
    }

    pub fn is_ready(&self) -> bool {
        is_ready(&self.service)
    }

    pub fn is_healthy(&self) -> bool {
        self.client.get(self.service.url("/health")).send().is_ok_and(|answer| answer.status() == 200)
    }

    /// The body of /ready.
    pub fn readiness(&self) -> Value {
        readiness(&self.service)
    }

    /// Sends a request with this bearer token.
    pub fn send(&self, method: &str, path: &str, token: &str) -> Response {
        let request = self.client.request(method.parse().unwrap(), self.service.url(path));
        request.bearer_auth(token).send().unwrap()
    }

    pub fn get(&self, path: &str, token: &str) -> Response {
        self.send("GET", path, token)
    }

    pub fn url(&self, path: &str) -> String {
        self.service.url(path)
    }

    pub fn signal(&self, name: &str) {
        self.service.signal(name);
    }

    pub fn kill(self) {
        self.service.kill();
    }
}
