//! Starts a real S3 server for a test binary: moto, which `make setup` installs. All tests of a binary share one
//! server process, and each test takes its own bucket. The process ends with the last of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::time::Duration;

use super::Tool;

/// How long the server may take to start on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// How often a listing of a bucket is tried.
const LIST_ATTEMPTS: u32 = 20;

/// A server that is killed on drop.
pub struct S3 {
    process: Child,
    address: SocketAddr,
}

impl S3 {
    /// The server of this test binary. The first test that asks for it starts it.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<S3>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start());
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// Starts a server on a free port and waits until it listens.
    pub fn start() -> Self {
        let mut process = Command::new(Tool::S3.path())
            .args(["-H", "127.0.0.1", "-p", "0"])
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        let (sender, receiver) = mpsc::channel();
        // Reads to the end, so that the server never waits for its log to be read.
        std::thread::spawn(move || {
            log.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        let listens = |line: String| line.split_once("Running on http://")?.1.trim().parse().ok();
        let address = std::iter::from_fn(|| receiver.recv_timeout(START_TIMEOUT).ok()).find_map(listens);
        let address = address.expect("the S3 server did not start");
        Self { process, address }
    }

    /// The URL that the server listens on.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Creates a bucket for the caller alone and returns its name.
    pub fn bucket(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("bucket-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let answer = self.ask("PUT", &format!("/{name}"));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        name
    }

    /// Looks up the environment variables that lead to this server.
    pub fn environment(&self) -> impl Fn(&str) -> Option<String> + Send + Sync + 'static {
        environment(self.endpoint())
    }

    /// The environment variables that lead a process to this server.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let find = self.environment();
        NAMES.iter().filter_map(|name| Some((*name, find(name)?))).collect()
    }

    /// The number of multi-part uploads in a bucket that are not complete.
    pub fn unfinished_uploads(&self, bucket: &str) -> usize {
        self.ask("GET", &format!("/{bucket}?uploads")).matches("<UploadId>").count()
    }

    /// The keys of all objects in a bucket.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        loop {
            let after = keys.last().map(|key| format!("&start-after={key}")).unwrap_or_default();
            let path = format!("/{bucket}?list-type=2{after}");
            // moto answers 500 when a key is added or removed while it lists.
            let mut answers = (0..LIST_ATTEMPTS).map(|_| self.ask("GET", &path));
            let answer = answers.find(|answer| !answer.starts_with("HTTP/1.1 500")).unwrap_or_default();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            let texts = answer.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
            keys.extend(texts.map(|(key, _)| key.to_owned()));
            if !answer.contains("<IsTruncated>true") {
                return keys;
            }
        }
    }

    /// Sends a request without a body and returns the whole answer. The server accepts it unsigned.
    fn ask(&self, method: &str, path: &str) -> String {
        self.call("s3", method, path, "", "")
    }

    /// Sends a request to one of its services, with these headers (a line each), and returns the whole answer.
    pub fn call(&self, service: &str, method: &str, path: &str, headers: &str, body: &str) -> String {
        let mut socket = TcpStream::connect(self.address).unwrap();
        let (host, length) = (self.address, body.len());
        // The authorization's region and service tell the server which of its services is meant.
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=test/20200101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        write!(
            socket,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    /// From now on, requests must be signed with credentials that this server knows.
    pub fn require_signatures(&self) {
        let answer = self.call("moto_api", "POST", "/moto-api/reset-auth", "", "0");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const NAMES: [&str; 4] = ["AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// Looks up the environment variables that lead to a server at this endpoint.
pub fn environment(endpoint: String) -> impl Fn(&str) -> Option<String> + Send + Sync + 'static {
    move |name| match name {
        "AWS_ENDPOINT_URL" => Some(endpoint.clone()),
        "AWS_REGION" => Some("us-east-1".to_owned()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
        _ => None,
    }
}
