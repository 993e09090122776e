//! Requests that tests of jobs make: submit, poll, sign.

use hmac::{Hmac, Mac};
use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{RequestBuilder, Response};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::answers::photo;
use crate::archives::{Member, zip};
use crate::support::{files_below, wait_for};
use crate::test_service::TestService;

/// The operator token.
pub const OPERATOR: &str = "the-operators-own-token";
/// The secret with which requests are signed.
pub const SECRET: &str = "a-secret-of-both-sides";

/// Starts a service whose operator token is [`OPERATOR`].
pub fn spawn() -> TestService {
    TestService::start(&[("OPERATOR_TOKEN", OPERATOR)])
}

/// Starts a service that accepts only signed requests.
pub fn spawn_signed() -> TestService {
    TestService::start(&[("REQUIRE_SIGNATURE", "true"), ("WEBHOOK_SECRET", SECRET)])
}

/// A ZIP with this many good pictures, and this many broken ones between them.
pub fn album(good: usize, broken: usize) -> Vec<u8> {
    let picture = photo("png");
    let total = good + broken;
    let is_broken =
        |at: usize| broken > 0 && at.is_multiple_of(total / broken) && at / (total / broken) < broken;
    let bytes = |at: usize| if is_broken(at) { b"\x89PNG\r\n\x1a\nnot really" } else { &picture[..] };
    let member = |at: usize| Member::stored(format!("trip/{at:02}.png"), bytes(at));
    zip(&(0..total).map(member).collect::<Vec<_>>())
}

/// A form with a ZIP.
pub fn zip_form(zip: Vec<u8>) -> Form {
    Form::new().part("zip_file", Part::bytes(zip).file_name("album.zip"))
}

/// A request that submits a ZIP.
pub fn post_zip(service: &TestService, zip: Vec<u8>) -> RequestBuilder {
    service.post("/jobs").header("content-type", "application/zip").body(zip)
}

/// Checks that the answer accepts a job and returns its body.
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

/// The id of a job.
pub fn id(body: &Value) -> &str {
    body["job_id"].as_str().unwrap()
}

/// Waits until the job has ended and returns its body.
pub fn ended(service: &TestService, id: &str) -> Value {
    wait_for(&format!("{id} ends"), || {
        let body: Value = service.get(&format!("/jobs/{id}")).json().unwrap();
        let status = body["status"].as_str().unwrap_or_else(|| panic!("{body}"));
        (!matches!(status, "queued" | "processing")).then_some(body)
    })
}

/// The path and the query of an absolute URL of the service.
pub fn path_of(service: &TestService, url: &Value) -> String {
    let base = format!("http://{}", service.address);
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

/// Starts a service whose queue is paused and submits a job of this many large pictures, which one worker processes once
/// [`resume`] is called. Returns the service and the job's id.
pub fn paused(pictures: usize) -> (TestService, String) {
    paused_with(pictures, &[])
}

/// The same with these settings.
pub fn paused_with(pictures: usize, environment: &[(&str, &str)]) -> (TestService, String) {
    let own = [("OPERATOR_TOKEN", OPERATOR), ("HUEMILL__WORKERS__COUNT", "1")];
    let service = TestService::start(&[&own, environment].concat());
    set_queue(&service, "pause");
    let picture = crate::photos::jpeg(4000, 3000, 1);
    let members: Vec<_> = (0..pictures).map(|at| Member::stored(format!("{at}.jpg"), &picture)).collect();
    let body = accepted(post_zip(&service, zip(&members)).send().unwrap());
    let id = id(&body).to_owned();
    (service, id)
}

/// Lets the service of [`paused`] process its job.
pub fn resume(service: &TestService) {
    set_queue(service, "resume");
}

fn set_queue(service: &TestService, order: &str) {
    let answer = service.post(&format!("/queue/{order}")).bearer_auth(OPERATOR).send().unwrap();
    assert_eq!(answer.status(), 200);
}

/// The parts of a signed request. Each may be wrong.
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

    /// The correct signature.
    pub fn signature(&self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let digest = hex(&Sha256::digest(&self.body));
        let text = format!("{}\n{}\n{}\n{digest}", self.timestamp, self.method, self.path);
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        format!("sha256={}", hex(&mac.finalize().into_bytes()))
    }

    /// The request with this signature.
    pub fn with(&self, service: &TestService, signature: &str) -> RequestBuilder {
        let method = self.method.parse().unwrap();
        service
            .client
            .request(method, service.url(&self.path))
            .header("x-timestamp", &self.timestamp)
            .header("x-request-id", &self.nonce)
            .header("x-signature", signature)
            .header("content-type", "application/zip")
            .body(self.body.clone())
    }

    /// Sends the request with its correct signature.
    pub fn send(&self, service: &TestService) -> Response {
        self.with(service, &self.signature()).send().unwrap()
    }
}

/// The keys of all blobs of jobs in the service's data directory.
pub fn blobs(service: &TestService) -> Vec<String> {
    let mut keys = files_below(&service.data.path().join("blobs"));
    keys.retain(|key| key.contains("jobs/"));
    keys
}
