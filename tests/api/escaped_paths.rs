//! Paths with escaped letters: `/%6aobs` is `/jobs` to the router, so it must be so to whatever checks a request.

use reqwest::Method;
use serde_json::json;

use crate::answers::photo;
use crate::job_requests::{OPERATOR, accepted, album, ended, id, zip_form};
use crate::test_service::TestService;

/// Every route, with values for its names that could exist.
const PATHS: [&str; 22] = [
    "/jobs",
    "/jobs/{job}",
    "/jobs/{job}/events",
    "/jobs/{job}/cancel",
    "/jobs/{job}/retry",
    "/jobs/{job}/results",
    "/jobs/{job}/results.zip",
    "/jobs/{job}/results/0/card",
    "/process",
    "/process_zip",
    "/fetch_url",
    "/webhooks/deliveries",
    "/webhooks/deliveries/dlv_1/redeliver",
    "/keys",
    "/keys/{key}",
    "/keys/{key}/rotate",
    "/queue",
    "/queue/pause",
    "/queue/resume",
    "/processes",
    "/metrics",
    "/ready",
];

/// The path with each of its letters escaped, one at a time, and with all of them.
fn escaped(path: &str) -> Vec<String> {
    let escape = |letter: u8| format!("%{letter:02x}");
    let one = |at: usize| format!("{}{}{}", &path[..at], escape(path.as_bytes()[at]), &path[at + 1..]);
    let letters = (1..path.len()).filter(|at| path.as_bytes()[*at] != b'/');
    let all = path.bytes().map(|byte| if byte == b'/' { "/".to_owned() } else { escape(byte) }).collect();
    letters.map(one).chain([all]).collect()
}

fn status(service: &TestService, method: &Method, path: &str) -> u16 {
    service.client.request(method.clone(), service.url(path)).send().unwrap().status().as_u16()
}

/// Checks that nobody without a credential gets more by an escaped path than by the path itself.
fn assert_same(service: &TestService, job: &str, key: &str) {
    for path in PATHS {
        let path = path.replace("{job}", job).replace("{key}", key);
        for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE] {
            let plain = status(service, &method, &path);
            if plain != 401 {
                continue;
            }
            for escaped in escaped(&path) {
                let found = status(service, &method, &escaped);
                assert!(found == 401 || found == 404, "{method} {path} is {plain}, {escaped} is {found}");
            }
        }
    }
}

#[test]
fn an_escaped_path_opens_nothing_where_keys_are_in_force() {
    let service = TestService::start(&[("HUEMILL__ACCESS__MODE", "keys"), ("OPERATOR_TOKEN", OPERATOR)]);
    let made = service
        .post("/keys")
        .bearer_auth(OPERATOR)
        .json(&json!({"name": "a test", "scopes": ["jobs:read", "jobs:write"]}));
    let made: serde_json::Value = made.send().unwrap().json().unwrap();
    let secret = made["key"].as_str().unwrap();
    let answer = service.post("/jobs").bearer_auth(secret).multipart(zip_form(album(1, 0))).send().unwrap();
    let job = id(&accepted(answer)).to_owned();
    assert_same(&service, &job, made["id"].as_str().unwrap());
    // Whoever holds the key may write the path as it likes.
    for path in escaped(&format!("/jobs/{job}")) {
        let answer = service.client.get(service.url(&path)).bearer_auth(secret).send().unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
}

#[test]
fn an_escaped_path_opens_nothing_of_operators_in_open_mode() {
    let service = crate::test_service::spawn();
    let job = accepted(service.post("/jobs").multipart(zip_form(album(1, 0))).send().unwrap());
    ended(&service, id(&job));
    assert_same(&service, id(&job), "x");
    // What everybody may do, everybody may do by an escaped path.
    let answer =
        service.post("/pro%63ess").header("content-type", "image/png").body(photo("png")).send().unwrap();
    assert_eq!(answer.status(), 200);
    service.wait_for_event("http_request", |line| line["endpoint"] == "/process");
}
