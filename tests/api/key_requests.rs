//! Requests with access keys, and a service on which keys are in force.

use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::answers::photo;
use crate::job_requests::{OPERATOR, accepted, album, id, zip_form};
use crate::support::wait_for;
use crate::test_service::{TestService, assert_problem};

/// The setting that puts keys in force.
pub const MODE: (&str, &str) = ("HUEMILL__ACCESS__MODE", "keys");

/// A service with keys in force.
pub fn spawn() -> TestService {
    TestService::start(&[MODE, ("OPERATOR_TOKEN", OPERATOR)])
}

/// Creates a key with this body and returns the answer.
pub fn create(service: &TestService, body: &Value) -> Value {
    let answer = service.post("/keys").bearer_auth(OPERATOR).json(body).send().unwrap();
    assert_eq!(answer.status(), 201);
    answer.json().unwrap()
}

/// A key with these scopes.
pub fn key(service: &TestService, scopes: &[&str]) -> String {
    let made = create(service, &json!({"name": "a test", "scopes": scopes}));
    made["key"].as_str().unwrap().to_owned()
}

/// Processes a picture with this key.
pub fn process(service: &TestService, key: &str) -> Response {
    service
        .post("/process")
        .bearer_auth(key)
        .header("content-type", "image/png")
        .body(photo("png"))
        .send()
        .unwrap()
}

/// Submits a job of one picture with this key.
pub fn submit(service: &TestService, key: &str) -> Response {
    service.post("/jobs").bearer_auth(key).multipart(zip_form(album(1, 0))).send().unwrap()
}

pub fn get(service: &TestService, path: &str, key: &str) -> Response {
    service.client.get(service.url(path)).bearer_auth(key).send().unwrap()
}

/// Keeps jobs from starting.
pub fn pause(service: &TestService) {
    assert_eq!(service.post("/queue/pause").bearer_auth(OPERATOR).send().unwrap().status(), 200);
}

/// Creates a job with this key and returns it once it has ended.
pub fn ended_job(service: &TestService, key: &str) -> Value {
    let job = accepted(submit(service, key));
    let path = format!("/jobs/{}", id(&job));
    wait_for("the job ends", || {
        let body: Value = get(service, &path, key).json().unwrap();
        (body["status"] == "completed").then_some(body)
    })
}

/// Checks that a credential was refused, and returns the message.
#[track_caller]
pub fn assert_refused(answer: Response) -> String {
    assert!(answer.headers().contains_key("www-authenticate"), "{:?}", answer.headers());
    assert_problem(answer, 401, "UNAUTHORIZED")["detail"].as_str().unwrap().to_owned()
}
