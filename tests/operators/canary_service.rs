//! A service whose secrets are canaries, a client that signs requests, and a server that puts a canary into every part
//! of its answers.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, Mac};
use reqwest::Method;
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::canaries::Canaries;
use crate::support::http::client_builder;
use crate::support::pictures::small_png;
use crate::support::receiver::{Receiver, Reply, Request};
use crate::support::service::Service;
use crate::support::variables;

/// The service, its client and the external server.
pub struct CanaryService {
    pub process: Service,
    pub receiver: Receiver,
    pub canaries: Arc<Canaries>,
    /// The operator token.
    pub operator: String,
    pub client: Client,
    secret: String,
    /// The heads and bodies of all error answers.
    errors: Mutex<Vec<String>>,
    folder: tempfile::TempDir,
}

/// An answer of the service.
pub struct Answer {
    pub status: u16,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

impl CanaryService {
    /// Starts a service that logs everything, with these settings.
    pub fn start(canaries: &Arc<Canaries>, secret: &str, settings: &[(&str, &str)]) -> Self {
        let planter = canaries.clone();
        let receiver = Receiver::start(move |_, request| answer(&planter, request));
        let operator = canaries.plant("the operator's token");
        canaries.watch("the webhook secret", secret.trim_start_matches("whsec_"));
        let port = receiver.port().to_string();
        let common = [
            ("RUST_LOG", "trace"),
            ("WEBHOOK_SECRET", secret),
            ("OPERATOR_TOKEN", &operator),
            ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"),
            ("HUEMILL__OUTBOUND__ALLOW_PORTS", &port),
            ("HUEMILL__OUTBOUND__CONNECT_SECONDS", "2"),
            ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0,0"),
            ("HUEMILL__WEBHOOKS__CIRCUIT_SECONDS", "1"),
            ("HUEMILL__WEBHOOKS__CIRCUIT_MAX_SECONDS", "1"),
            ("HUEMILL__JOBS__COLLECT_SECONDS", "1"),
            ("HUEMILL__HEALTH__INTERVAL_SECONDS", "1"),
        ];
        let folder = tempfile::tempdir().unwrap();
        let settings = [variables(&common), variables(settings)].concat();
        let process = Service::start(folder.path(), &settings);
        let client = client_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let (canaries, secret, errors) = (canaries.clone(), secret.to_owned(), Mutex::default());
        Self { process, receiver, canaries, operator, client, secret, errors, folder }
    }

    pub fn data(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn plant(&self, what: &str) -> String {
        self.canaries.plant(what)
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.process.url(path))
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path))
    }

    /// Sends a request. An error answer is kept for the search.
    pub fn send(&self, request: RequestBuilder) -> Answer {
        let answer = request.send().unwrap();
        let (status, head) = (answer.status().as_u16(), format!("{:?}", answer.headers()));
        let text = String::from_utf8_lossy(&answer.bytes().unwrap()).into_owned();
        assert!(status < 500 || matches!(status, 502 | 503), "{status}: {text}");
        if status >= 400 {
            self.errors.lock().unwrap().extend([head, text.clone()]);
        }
        Answer { status, text }
    }

    /// A correctly signed request. Its signature is a secret too.
    pub fn signed(&self, method: Method, path: &str, kind: &str, body: Vec<u8>) -> RequestBuilder {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let bare = path.split('?').next().unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(format!("{now}\n{method}\n{bare}\n{}", hex(&Sha256::digest(&body))).as_bytes());
        let signature = hex(&mac.finalize().into_bytes());
        self.canaries.watch("a request's signature", &signature);
        self.request(method, path)
            .header("x-timestamp", now.to_string())
            .header("x-request-id", format!("nonce-{:032x}", rand::random::<u128>()))
            .header("x-signature", format!("sha256={signature}"))
            .header("content-type", kind)
            .body(body)
    }

    /// Submits a signed job with this JSON body.
    pub fn job(&self, members: &Value) -> Answer {
        let body = serde_json::to_vec(members).unwrap();
        self.send(self.signed(Method::POST, "/jobs", "application/json", body))
    }

    /// Sends bytes that no client would send, and reads the answer. The service may hang up at any time.
    pub fn send_raw(&self, bytes: &[u8]) {
        let mut socket = TcpStream::connect(self.process.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let _ = socket.write_all(bytes);
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer).into_owned();
        self.errors.lock().unwrap().extend(text.lines().map(str::to_owned));
    }

    /// Stops the service. Returns its log, and everything else that it printed or answered: errors, the scrape and
    /// standard error.
    pub fn stop(self) -> (Vec<String>, Vec<String>) {
        let scrape = self.get("/metrics").text;
        let output = self.process.output();
        assert_eq!(self.process.stop(), Some(0));
        let others = self.errors.into_inner().unwrap();
        let others =
            others.into_iter().chain(scrape.lines().map(str::to_owned)).chain(output.stderr()).collect();
        (output.log(), others)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The server's answer to a path, by its first word. Every part of the answer is a canary.
fn answer(canaries: &Canaries, request: &Request) -> Reply {
    for name in ["x-signature", "webhook-signature"] {
        let signature = request.header(name);
        if !signature.is_empty() {
            canaries.watch("a webhook's signature", signature.split(['=', ',']).nth(1).unwrap());
        }
    }
    let secret = canaries.plant("a server's answer");
    let header = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let (status, headers, body) = match request.path.split(['/', '?']).nth(1).unwrap_or_default() {
        "picture" => {
            (200, format!("content-type: image/{secret}\r\nset-cookie: a={secret}\r\n"), small_png())
        }
        "page" => (200, "content-type: text/html\r\n".to_owned(), format!("<p>{secret}").into_bytes()),
        "away" => {
            (302, format!("location: http://127.0.0.1:1/{secret}?token={secret}#{secret}\r\n"), Vec::new())
        }
        "inward" => (302, format!("location: //u:{secret}@[::1]/{secret}?token={secret}\r\n"), Vec::new()),
        "on" => (302, format!("location: /picture?token={secret}\r\n"), Vec::new()),
        "nonsense" => (302, format!("location: ht!tp:{secret}\r\n"), Vec::new()),
        "gone" => (410, String::new(), secret.into_bytes()),
        "later" => (429, format!("retry-after: {secret}\r\n"), secret.into_bytes()),
        "broken" => (200, format!("content-length: {secret}\r\n"), secret.into_bytes()),
        "fails" => (500, format!("x-cause: {secret}\r\n"), secret.into_bytes()),
        _ => (204, format!("x-thanks: {secret}\r\n"), Vec::new()),
    };
    Reply::Whole(status, header(headers), body)
}
