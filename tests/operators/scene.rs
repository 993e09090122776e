//! A service whose secrets are canaries, a client that signs, and a receiver and image server with canaries of its own.

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

use super::archive::picture;
use super::canaries::Canaries;
use super::receiver::{Receiver, Reply, Request};
use super::service::{PATIENCE, Service};
use super::variables;

/// See the module.
pub struct Scene {
    pub service: Service,
    pub receiver: Receiver,
    pub canaries: Arc<Canaries>,
    pub operator: String,
    pub client: Client,
    secret: String,
    /// What was said in answers that are errors, their heads included.
    refusals: Mutex<Vec<String>>,
    folder: tempfile::TempDir,
}

/// An answer.
pub struct Said {
    pub status: u16,
    pub text: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

impl Scene {
    /// A service that logs everything, with these settings.
    pub fn open(canaries: &Arc<Canaries>, secret: &str, settings: &[(&str, &str)]) -> Self {
        let own = canaries.clone();
        let receiver = Receiver::start(move |_, request| answer(&own, request));
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
        let service = Service::start(folder.path(), &settings);
        let client = Client::builder().timeout(PATIENCE).no_proxy();
        let client = client.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let (canaries, secret, refusals) = (canaries.clone(), secret.to_owned(), Mutex::default());
        Self { service, receiver, canaries, operator, client, secret, refusals, folder }
    }

    pub fn data(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn plant(&self, what: &str) -> String {
        self.canaries.plant(what)
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.service.url(path))
    }

    pub fn get(&self, path: &str) -> Said {
        self.send(self.request(Method::GET, path))
    }

    /// Sends a request; what comes back of it is searched too, where it is a refusal.
    pub fn send(&self, request: RequestBuilder) -> Said {
        let answer = request.send().unwrap();
        let (status, head) = (answer.status().as_u16(), format!("{:?}", answer.headers()));
        let text = String::from_utf8_lossy(&answer.bytes().unwrap()).into_owned();
        assert!(status < 500 || matches!(status, 502 | 503), "{status}: {text}");
        if status >= 400 {
            self.refusals.lock().unwrap().extend([head, text.clone()]);
        }
        Said { status, text }
    }

    /// A request that is signed as it should be. Its signature is nobody else's business.
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

    /// A signed job of these members; the answer's body.
    pub fn job(&self, members: &Value) -> Said {
        let body = serde_json::to_vec(members).unwrap();
        self.send(self.signed(Method::POST, "/jobs", "application/json", body))
    }

    /// Sends bytes that no client would, and reads what comes. The other side may hang up at any time.
    pub fn send_raw(&self, bytes: &[u8]) {
        let mut socket = TcpStream::connect(self.service.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let _ = socket.write_all(bytes);
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer).into_owned();
        self.refusals.lock().unwrap().extend(text.lines().map(str::to_owned));
    }

    /// Everything that was said to anybody: refusals, the scrape, the log and what was said beside it. Ends the service.
    pub fn close(self) -> (Vec<String>, Vec<String>) {
        let scrape = self.get("/metrics").text;
        let tape = self.service.tape();
        assert_eq!(self.service.stop(), Some(0));
        let others = self.refusals.into_inner().unwrap();
        let others =
            others.into_iter().chain(scrape.lines().map(str::to_owned)).chain(tape.aside()).collect();
        (tape.log(), others)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What the receiver says, by the path's first word; everything of it is a canary.
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
        "picture" => (200, format!("content-type: image/{secret}\r\nset-cookie: a={secret}\r\n"), picture()),
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
