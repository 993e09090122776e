//! Idempotency keys (rows A9 to A13): requests with the same key make one job.

use std::collections::HashSet;

use reqwest::blocking::Response;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::Value;

use crate::answers::photo;
use crate::job_requests::{OPERATOR, accepted, album, blobs, ended, id, post_zip, spawn, zip_form};
use crate::test_service::{TestService, assert_problem};

fn keyed(service: &TestService, key: &str, zip: &[u8]) -> Response {
    post_zip(service, zip.to_vec()).header("idempotency-key", key).send().unwrap()
}

fn jobs(service: &TestService) -> usize {
    let request = service.client.get(service.url("/jobs?limit=200")).bearer_auth(OPERATOR);
    request.send().unwrap().json::<Value>().unwrap()["jobs"].as_array().unwrap().len()
}

#[test]
fn a_repeated_request_is_answered_with_the_first_job() {
    let service = spawn();
    let zip = album(1, 0);
    let send = |boundary: &str, request: &str| {
        let body = [
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"zip_file\"; filename=\"{boundary}.zip\"\r\n\r\n").as_bytes(),
            &zip,
            format!("\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"ttl_h\"\r\n\r\n24\r\n--{boundary}--\r\n").as_bytes(),
        ]
        .concat();
        service
            .post("/jobs")
            .header("content-type", format!("multipart/form-data; boundary={boundary}"))
            .header("idempotency-key", "the-key")
            .header("x-request-id", request)
            .body(body)
            .send()
            .unwrap()
    };
    let first = send("one", "the-first-request");
    assert!(!first.headers().contains_key("idempotency-replayed"));
    let first = accepted(first);
    ended(&service, id(&first));
    let second = send("two", "the-second-request");
    assert_eq!(second.headers()["idempotency-replayed"], "true");
    assert_eq!(second.headers()["x-request-id"], "the-second-request");
    let second = accepted(second);
    assert_eq!((id(&second), &second["request_id"]), (id(&first), &"the-first-request".into()));
    assert_eq!(second["status"], "completed");
    assert_eq!(jobs(&service), 1);
    service.assert_healthy();
}

#[test]
fn a9_a_hundred_concurrent_requests_with_one_key_make_one_job() {
    let service = spawn();
    let zip = album(2, 0);
    let ids: HashSet<String> = std::thread::scope(|scope| {
        let send = || {
            let answer = keyed(&service, "one-for-all", &zip);
            if answer.status() == 409 {
                assert!(answer.headers().contains_key("retry-after"));
                assert_problem(answer, 409, "IDEMPOTENCY_IN_PROGRESS");
                None
            } else {
                Some(id(&accepted(answer)).to_owned())
            }
        };
        let all: Vec<_> = (0..100).map(|_| scope.spawn(send)).collect();
        all.into_iter().filter_map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(jobs(&service), 1);
    let job = ids.into_iter().next().unwrap();
    assert_eq!(ended(&service, &job)["results_count"], 2);
    assert!(
        blobs(&service).iter().all(|key| key.contains(&job)),
        "a request that lost the race has left blobs"
    );
    service.assert_healthy();
}

#[test]
fn a10_a_different_request_with_the_key_is_refused_and_each_caller_has_separate_keys() {
    let service = spawn();
    let (zip, other) = (album(1, 0), album(2, 0));
    let first = accepted(keyed(&service, "k", &zip));
    assert_problem(keyed(&service, "k", &other), 409, "IDEMPOTENCY_VIOLATION");
    let changed = service
        .post("/jobs?colors=5")
        .header("content-type", "application/zip")
        .header("idempotency-key", "k")
        .body(zip.clone());
    assert_problem(changed.send().unwrap(), 409, "IDEMPOTENCY_VIOLATION");
    assert_eq!(service.metric("idempotency_conflicts_total"), 2);
    let caller = post_zip(&service, zip.clone())
        .header("idempotency-key", "k")
        .bearer_auth("somebody")
        .send()
        .unwrap();
    assert_ne!(id(&accepted(caller)), id(&first));
    assert_ne!(id(&accepted(keyed(&service, "another", &zip))), id(&first));
    assert_eq!(id(&accepted(keyed(&service, "k", &zip))), id(&first));
    assert_eq!(jobs(&service), 3);
}

#[test]
fn the_name_of_a_picture_is_part_of_the_request() {
    let service = spawn();
    let send = |name: &'static str| {
        let form = Form::new().part("images", Part::bytes(photo("png")).file_name(name));
        service.post("/jobs").header("idempotency-key", "k").multipart(form).send().unwrap()
    };
    let first = accepted(send("a.png"));
    assert_eq!(id(&accepted(send("a.png"))), id(&first));
    assert_problem(send("b.png"), 409, "IDEMPOTENCY_VIOLATION");
}

#[test]
fn a11_invalid_keys_are_refused_and_quotes_make_no_difference() {
    let service = spawn();
    let zip = album(1, 0);
    let long = "k".repeat(256);
    for key in ["", "\"\"", "a b", "\"k", &long, "sch\u{fc}ssel"] {
        let request = post_zip(&service, zip.clone()).header("idempotency-key", key.as_bytes());
        assert_problem(request.send().unwrap(), 400, "INVALID_INPUT");
    }
    assert_eq!(jobs(&service), 0);
    let bare = accepted(keyed(&service, "k", &zip));
    assert_eq!(id(&accepted(keyed(&service, "\"k\"", &zip))), id(&bare));
    assert_eq!(accepted(keyed(&service, &"k".repeat(255), &zip))["status"], "queued");
}

#[test]
fn a13_a_key_whose_first_request_was_refused_can_be_used_again() {
    let service = spawn();
    let wrong = zip_form(album(1, 0)).text("ttl_h", "0");
    let answer = service.post("/jobs").header("idempotency-key", "k").multipart(wrong).send().unwrap();
    assert_problem(answer, 400, "INVALID_INPUT");
    assert_problem(keyed(&service, "k", b"no zip at all"), 422, "PROCESSING_ERROR");
    accepted(keyed(&service, "k", &album(1, 0)));
    service.assert_healthy();
}

#[test]
fn a_key_survives_a_restart() {
    let mut service = spawn();
    let zip = album(1, 0);
    let first = accepted(keyed(&service, "k", &zip));
    ended(&service, id(&first));
    service.restart(&[("OPERATOR_TOKEN", OPERATOR)]);
    let second = keyed(&service, "k", &zip);
    assert_eq!(second.headers()["idempotency-replayed"], "true");
    assert_eq!(id(&accepted(second)), id(&first));
}
