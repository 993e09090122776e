//! What tests of jobs do to a service: send, poll, sign.

use hmac::{Hmac, Mac};
use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{RequestBuilder, Response};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::app::{App, PATIENCE, wait};
use crate::archives::{Member, zip};
use crate::cards::photo;

pub const OPERATOR: &str = "the-operators-own-token";
pub const SECRET: &str = "a-secret-of-both-sides";

/// A service with a known operator.
pub fn spawn() -> App {
    App::start(&[("OPERATOR_TOKEN", OPERATOR)])
}

/// A service that takes signed requests alone.
pub fn spawn_signed() -> App {
    App::start(&[("REQUIRE_SIGNATURE", "true"), ("WEBHOOK_SECRET", SECRET)])
}

/// A form with a ZIP of so many good pictures, and so many broken ones between them.
pub fn album(good: usize, broken: usize) -> Vec<u8> {
    let picture = photo("png");
    let total = good + broken;
    let is_broken =
        |at: usize| broken > 0 && at.is_multiple_of(total / broken) && at / (total / broken) < broken;
    let bytes = |at: usize| if is_broken(at) { b"\x89PNG\r\n\x1a\nnot really" } else { &picture[..] };
    let member = |at: usize| Member::stored(format!("trip/{at:02}.png"), bytes(at));
    zip(&(0..total).map(member).collect::<Vec<_>>())
}

pub fn zip_form(zip: Vec<u8>) -> Form {
    Form::new().part("zip_file", Part::bytes(zip).file_name("album.zip"))
}

pub fn post_zip(app: &App, zip: Vec<u8>) -> RequestBuilder {
    app.post("/jobs").header("content-type", "application/zip").body(zip)
}

/// The body of an answer that accepted a job, checked.
#[track_caller]
pub fn accepted(answer: Response) -> Value {
    let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(answer.status(), 202, "{:?}", answer.text());
    let body: Value = answer.json().unwrap();
    let id = body["job_id"].as_str().unwrap();
    assert_eq!(location.unwrap(), format!("/jobs/{id}"));
    assert!(body["eta_s"].is_u64() && body["request_id"].is_string() && body["status"].is_string(), "{body}");
    body
}

/// A job's id.
pub fn id(body: &Value) -> &str {
    body["job_id"].as_str().unwrap()
}

/// A job's body once it has ended.
pub fn ended(app: &App, id: &str) -> Value {
    wait(PATIENCE, || {
        let body: Value = app.get(&format!("/jobs/{id}")).json().unwrap();
        let status = body["status"].as_str().unwrap_or_else(|| panic!("{body}"));
        (!matches!(status, "queued" | "processing")).then_some(body)
    })
    .unwrap_or_else(|| panic!("{id} never ended"))
}

/// The path and query of an absolute URL of the service.
pub fn path_of(app: &App, url: &Value) -> String {
    let base = format!("http://{}", app.address);
    url.as_str()
        .unwrap()
        .strip_prefix(&base)
        .unwrap_or_else(|| panic!("{url} is not under {base}"))
        .to_owned()
}

/// Seconds since 1970.
pub fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

/// A service with one slot that is kept busy, so that later jobs wait.
pub fn busy() -> (App, String) {
    let app = App::start(&[("OPERATOR_TOKEN", OPERATOR), ("HUEMILL__WORKERS__COUNT", "1")]);
    let picture = crate::photos::jpeg(4000, 3000, 1);
    let large = zip(&(0..8).map(|at| Member::stored(format!("{at}.jpg"), &picture)).collect::<Vec<_>>());
    let body = accepted(post_zip(&app, large).send().unwrap());
    let id = id(&body).to_owned();
    (app, id)
}

/// What a signed request is made of; each part may be wrong.
#[derive(Clone)]
pub struct Signing {
    pub method: &'static str,
    pub path: String,
    pub body: Vec<u8>,
    pub timestamp: String,
    pub nonce: String,
}

impl Signing {
    pub fn new(method: &'static str, path: &str, body: &[u8], nonce: &str) -> Self {
        let timestamp = now().to_string();
        Self { method, path: path.to_owned(), body: body.to_vec(), timestamp, nonce: nonce.to_owned() }
    }

    /// The right signature.
    pub fn signature(&self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let digest = hex(&Sha256::digest(&self.body));
        let text = format!("{}\n{}\n{}\n{digest}", self.timestamp, self.method, self.path);
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        format!("sha256={}", hex(&mac.finalize().into_bytes()))
    }

    /// The request with this signature.
    pub fn with(&self, app: &App, signature: &str) -> RequestBuilder {
        let method = self.method.parse().unwrap();
        app.client
            .request(method, app.url(&self.path))
            .header("x-timestamp", &self.timestamp)
            .header("x-request-id", &self.nonce)
            .header("x-signature", signature)
            .header("content-type", "application/zip")
            .body(self.body.clone())
    }

    /// The request, rightly signed.
    pub fn send(&self, app: &App) -> Response {
        self.with(app, &self.signature()).send().unwrap()
    }
}

/// The keys of all blobs of jobs that the service has now.
pub fn blobs(app: &App) -> Vec<String> {
    let root = app.data.path().join("blobs");
    let (mut keys, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                keys.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    keys.retain(|key| key.contains("jobs/"));
    keys
}
