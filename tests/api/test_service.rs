//! A running service for a test of its HTTP interface: a process with its own port and data directory, a client of it,
//! its log lines and its memory.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitStatus;

use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{Client, RequestBuilder, Response};
use serde_json::Value;

use crate::support::http::{client_builder, metric};
use crate::support::service::Service;
use crate::support::{TIMEOUT, variables, wait_for, wait_until};

/// One service. It is killed when the test ends.
pub struct TestService {
    service: Service,
    pub address: SocketAddr,
    pub client: Client,
    pub data: tempfile::TempDir,
}

/// Whether a log line reports a panic.
pub fn has_panicked(line: &Value) -> bool {
    line["event"] == "panic" || line["event"] == "attempt_panicked"
}

/// Starts a service with the default settings of tests and waits until it is ready.
pub fn spawn() -> TestService {
    TestService::start(&[])
}

impl TestService {
    /// Starts a service with these settings and waits until it is ready.
    pub fn start(environment: &[(&str, &str)]) -> Self {
        let service = Self::start_unready(environment);
        service.wait_for("the service is ready", |service| service.get("/ready").status() == 200);
        service
    }

    /// Starts a service and returns once it listens, ready or not.
    pub fn start_unready(environment: &[(&str, &str)]) -> Self {
        Self::launch(tempfile::tempdir().unwrap(), environment)
    }

    /// Stops the service and starts it again on the same data. It may have another port.
    pub fn restart(&mut self, environment: &[(&str, &str)]) {
        self.signal("-TERM");
        assert!(self.wait_for_exit().success());
        let data = std::mem::replace(&mut self.data, tempfile::tempdir().unwrap());
        *self = Self::launch(data, environment);
        self.wait_for("the service is ready", |service| service.get("/ready").status() == 200);
    }

    fn launch(data: tempfile::TempDir, environment: &[(&str, &str)]) -> Self {
        let common =
            [("HUEMILL__SERVER__SHUTDOWN_DELAY_MS", "100"), ("HUEMILL__HEALTH__INTERVAL_SECONDS", "1")];
        let service = Service::start(data.path(), &[variables(&common), variables(environment)].concat());
        Self { address: service.address, service, client: client_builder().build().unwrap(), data }
    }

    pub fn url(&self, path: &str) -> String {
        self.service.url(path)
    }

    pub fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().unwrap()
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(self.url(path))
    }

    /// Posts a picture to /process as the raw body.
    pub fn process(&self, picture: Vec<u8>) -> Response {
        self.post("/process").header("content-type", "image/x-any").body(picture).send().unwrap()
    }

    /// Posts a picture to /process as a form field, as browsers and curl do.
    pub fn process_form(&self, picture: Vec<u8>) -> Response {
        let form = Form::new().part("image", Part::bytes(picture).file_name("photo.jpg"));
        self.post("/process").multipart(form).send().unwrap()
    }

    /// Posts a ZIP to /`process_zip` as the raw body.
    pub fn process_zip(&self, zip: Vec<u8>) -> Response {
        self.post("/process_zip").header("content-type", "application/zip").body(zip).send().unwrap()
    }

    /// Sends bytes on a bare socket and reads until the server closes it. Fails where the server does not.
    pub fn raw(&self, bytes: &[u8]) -> String {
        let mut socket = self.socket();
        socket.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        if let Err(error) = socket.read_to_end(&mut answer) {
            let timed_out = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
            assert!(!timed_out, "the server did not close: {}", String::from_utf8_lossy(&answer));
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A bare connection to the service.
    pub fn socket(&self) -> TcpStream {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        socket
    }

    /// The log lines so far. Fails where a line is not JSON.
    pub fn log(&self) -> Vec<Value> {
        let lines = self.service.output().log();
        lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }

    /// The first log line that contains this text, as the service wrote it.
    pub fn raw_line(&self, text: &str) -> String {
        let lines = self.service.output().log();
        lines
            .into_iter()
            .find(|line| line.contains(text))
            .unwrap_or_else(|| panic!("no log line contains {text}"))
    }

    /// Waits for a log line of this event that matches, and returns it.
    #[track_caller]
    pub fn wait_for_event(&self, event: &str, matches: impl Fn(&Value) -> bool) -> Value {
        wait_for(&format!("the service logs {event}"), || {
            self.log().into_iter().find(|line| line["event"] == event && matches(line))
        })
    }

    /// Waits until the condition holds.
    #[track_caller]
    pub fn wait_for(&self, condition: &str, holds: impl Fn(&Self) -> bool) {
        wait_until(condition, || holds(self));
    }

    /// The value of a counter in a scrape, by its name with its labels; 0 where it is not there.
    pub fn metric(&self, series: &str) -> u64 {
        metric(&self.service, series).unwrap_or_default() as u64
    }

    /// The resident memory now, in KiB.
    pub fn resident_kib(&self) -> u64 {
        self.status_kib("VmRSS:")
    }

    /// The peak of the resident memory since the start, in KiB.
    pub fn peak_kib(&self) -> u64 {
        self.status_kib("VmHWM:")
    }

    fn status_kib(&self, key: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.service.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// The number of temporary files that the process holds open, deleted ones included.
    pub fn temporary_files(&self) -> usize {
        self.open_files("spool")
    }

    /// The number of files in a folder of the data directory that the process holds open.
    pub fn open_files(&self, folder: &str) -> usize {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.service.id())).unwrap();
        let folder = self.data.path().join(folder);
        open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
            .filter(|target| target.starts_with(&folder))
            .count()
    }

    pub fn signal(&self, name: &str) {
        self.service.signal(name);
    }

    /// Waits until the process ends.
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        self.service.wait_for_exit()
    }

    /// Checks that the service is healthy and waits until it has removed all temporary files.
    #[track_caller]
    pub fn assert_healthy(&self) {
        assert_eq!(self.get("/health").status(), 200);
        self.wait_for("the spool is empty", |service| service.temporary_files() == 0);
    }
}

/// Checks that the answer is a problem with this status and code, and returns its body.
#[track_caller]
pub fn assert_problem(answer: Response, status: u16, code: &str) -> Value {
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(answer.status(), status, "{:?}", answer.text());
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert!(answer.headers().contains_key("access-control-allow-origin"));
    let body: Value = answer.json().unwrap();
    assert_eq!((&body["success"], &body["error_code"]), (&Value::Bool(false), &Value::from(code)), "{body}");
    assert_eq!((&body["status"], &body["request_id"]), (&Value::from(status), &Value::from(id)));
    for member in ["user_message", "message", "type", "title", "detail"] {
        assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member} in {body}");
    }
    assert!(body["timestamp"].as_u64().is_some_and(|seconds| seconds > 1_700_000_000));
    body
}
