//! A running service for a test: its own process, port and data directory, its log lines, its memory.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, RequestBuilder, Response};
use serde_json::Value;

/// How long a test waits for anything before it fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// One service; killed when the test ends.
pub struct App {
    child: Child,
    pub address: SocketAddr,
    pub client: Client,
    pub data: tempfile::TempDir,
    lines: Arc<Mutex<Vec<String>>>,
}

/// A service with the defaults of tests, ready.
pub fn spawn() -> App {
    App::start(&[])
}

impl App {
    /// A service with these settings by environment, ready.
    pub fn start(environment: &[(&str, &str)]) -> Self {
        let app = Self::start_unready(environment);
        app.wait_for("readiness", |app| app.get("/ready").status() == 200);
        app
    }

    /// A service that listens, ready or not.
    pub fn start_unready(environment: &[(&str, &str)]) -> Self {
        Self::launch(tempfile::tempdir().unwrap(), environment)
    }

    /// Ends the service in good order and starts it again on the same data, ready. It may have another port.
    pub fn restart(&mut self, environment: &[(&str, &str)]) {
        self.signal("-TERM");
        assert!(self.wait_for_end().success());
        let data = std::mem::replace(&mut self.data, tempfile::tempdir().unwrap());
        *self = Self::launch(data, environment);
        self.wait_for("readiness", |app| app.get("/ready").status() == 200);
    }

    fn launch(data: tempfile::TempDir, environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_huemill"))
            .env_clear()
            .env("PORT", "0")
            .env("DATA_DIR", data.path())
            .env("HUEMILL__SERVER__SHUTDOWN_DELAY_MS", "100")
            .env("HUEMILL__HEALTH__INTERVAL_SECONDS", "1")
            .env("HUEMILL__HEALTH__MEMORY_USED_RATIO", "1.0")
            .env("HUEMILL__HEALTH__DISK_FREE_BYTES", "1")
            .env("HUEMILL__UPLOADS__DISK_LOW_BYTES", "1")
            .env("HUEMILL__JOBS__DISK_LOW_BYTES", "1")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = collect(child.stdout.take().unwrap());
        let address = wait(PATIENCE, || {
            let lines = lines.lock().unwrap();
            let started = lines.iter().find(|line| line.contains("\"service_started\""))?;
            serde_json::from_str::<Value>(started).unwrap()["address"].as_str().unwrap().parse().ok()
        })
        .unwrap_or_else(|| panic!("the service did not start: {:?}", child.try_wait()));
        let client = Client::builder().timeout(PATIENCE).no_proxy().build().unwrap();
        Self { child, address, client, data, lines }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().unwrap()
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(self.url(path))
    }

    /// A picture as the raw body.
    pub fn process(&self, picture: Vec<u8>) -> Response {
        self.post("/process").header("content-type", "image/x-any").body(picture).send().unwrap()
    }

    /// A picture as the form field, as browsers and curl send it.
    pub fn process_form(&self, picture: Vec<u8>) -> Response {
        let part = reqwest::blocking::multipart::Part::bytes(picture).file_name("photo.jpg");
        self.post("/process")
            .multipart(reqwest::blocking::multipart::Form::new().part("image", part))
            .send()
            .unwrap()
    }

    /// A ZIP as the raw body.
    pub fn process_zip(&self, zip: Vec<u8>) -> Response {
        self.post("/process_zip").header("content-type", "application/zip").body(zip).send().unwrap()
    }

    /// Bytes on a bare socket, and everything that comes back until the server closes; fails where it does not.
    pub fn raw(&self, bytes: &[u8]) -> String {
        let mut socket = self.socket();
        socket.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        if let Err(error) = socket.read_to_end(&mut answer) {
            let waited = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
            assert!(!waited, "the server did not close: {}", String::from_utf8_lossy(&answer));
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub fn socket(&self) -> TcpStream {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    /// The log lines so far, parsed; fails where one is no JSON.
    pub fn log(&self) -> Vec<Value> {
        let lines = self.lines.lock().unwrap();
        lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }

    /// The first log line that holds this text, as it was written.
    pub fn raw_line(&self, text: &str) -> String {
        let lines = self.lines.lock().unwrap();
        lines
            .iter()
            .find(|line| line.contains(text))
            .cloned()
            .unwrap_or_else(|| panic!("no line with {text}"))
    }

    /// Waits for a log line of this event.
    pub fn wait_for_event(&self, event: &str, matches: impl Fn(&Value) -> bool) -> Value {
        wait(PATIENCE, || self.log().into_iter().find(|line| line["event"] == event && matches(line)))
            .unwrap_or_else(|| panic!("no {event} in {:#?}", self.log()))
    }

    /// Waits until something holds.
    pub fn wait_for(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        wait(PATIENCE, || holds(self).then_some(())).unwrap_or_else(|| panic!("{what} never came"));
    }

    /// The whole value of a series in the scrape, by its exact name and labels; 0 where there is none.
    pub fn metric(&self, series: &str) -> u64 {
        let scrape = self.get("/metrics").text().unwrap();
        let line =
            scrape.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64)
    }

    /// Resident memory now, in KiB.
    pub fn resident_kib(&self) -> u64 {
        self.status_kib("VmRSS:")
    }

    /// The most resident memory since the start, in KiB.
    pub fn peak_kib(&self) -> u64 {
        self.status_kib("VmHWM:")
    }

    fn status_kib(&self, key: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Temporary files that the process holds open, named or not.
    pub fn temporary_files(&self) -> usize {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let spool = self.data.path().join("spool");
        open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
            .filter(|target| target.starts_with(&spool))
            .count()
    }

    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Waits for the process to end.
    pub fn wait_for_end(&mut self) -> ExitStatus {
        wait(PATIENCE, || self.child.try_wait().unwrap()).expect("the process did not end")
    }

    /// The service lives, and nothing is left over.
    pub fn assert_well(&self) {
        assert_eq!(self.get("/health").status(), 200);
        self.wait_for("an empty spool", |app| app.temporary_files() == 0);
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(stdout: impl Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = lines.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            sink.lock().unwrap().push(line);
        }
    });
    lines
}

/// Asks until there is an answer or patience ends.
pub fn wait<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + patience;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Fails unless the answer has the one error shape with this status and code.
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
