//! Idempotency keys (rows A9 to A13).

use std::collections::HashSet;

use reqwest::blocking::Response;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::Value;

use crate::app::{App, assert_problem};
use crate::cards::photo;
use crate::jobs_app::{OPERATOR, accepted, album, blobs, ended, id, post_zip, spawn, zip_form};

fn keyed(app: &App, key: &str, zip: &[u8]) -> Response {
    post_zip(app, zip.to_vec()).header("idempotency-key", key).send().unwrap()
}

fn jobs(app: &App) -> usize {
    let request = app.client.get(app.url("/jobs?limit=200")).bearer_auth(OPERATOR);
    request.send().unwrap().json::<Value>().unwrap()["jobs"].as_array().unwrap().len()
}

#[test]
fn the_same_request_again_is_answered_with_the_first_job() {
    let app = spawn();
    let zip = album(1, 0);
    let send = |boundary: &str, request: &str| {
        let body = [
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"zip_file\"; filename=\"{boundary}.zip\"\r\n\r\n").as_bytes(),
            &zip,
            format!("\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"ttl_h\"\r\n\r\n24\r\n--{boundary}--\r\n").as_bytes(),
        ]
        .concat();
        app.post("/jobs")
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
    ended(&app, id(&first));
    let second = send("two", "the-second-request");
    assert_eq!(second.headers()["idempotency-replayed"], "true");
    assert_eq!(second.headers()["x-request-id"], "the-second-request");
    let second = accepted(second);
    assert_eq!((id(&second), &second["request_id"]), (id(&first), &"the-first-request".into()));
    assert_eq!(second["status"], "completed");
    assert_eq!(jobs(&app), 1);
    app.assert_well();
}

#[test]
fn a9_a_hundred_at_once_with_one_key_make_one_job() {
    let app = spawn();
    let zip = album(2, 0);
    let ids: HashSet<String> = std::thread::scope(|scope| {
        let send = || {
            let answer = keyed(&app, "one-for-all", &zip);
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
    assert_eq!(jobs(&app), 1);
    let job = ids.into_iter().next().unwrap();
    assert_eq!(ended(&app, &job)["results_count"], 2);
    assert!(blobs(&app).iter().all(|key| key.contains(&job)), "no one who lost the race left blobs");
    app.assert_well();
}

#[test]
fn a10_another_request_with_the_key_is_refused_and_another_caller_has_keys_of_his_own() {
    let app = spawn();
    let (zip, other) = (album(1, 0), album(2, 0));
    let first = accepted(keyed(&app, "k", &zip));
    assert_problem(keyed(&app, "k", &other), 409, "IDEMPOTENCY_VIOLATION");
    let changed = app
        .post("/jobs?colors=5")
        .header("content-type", "application/zip")
        .header("idempotency-key", "k")
        .body(zip.clone());
    assert_problem(changed.send().unwrap(), 409, "IDEMPOTENCY_VIOLATION");
    assert_eq!(app.metric("idempotency_conflicts_total"), 2);
    let caller =
        post_zip(&app, zip.clone()).header("idempotency-key", "k").bearer_auth("somebody").send().unwrap();
    assert_ne!(id(&accepted(caller)), id(&first));
    assert_ne!(id(&accepted(keyed(&app, "another", &zip))), id(&first));
    assert_eq!(id(&accepted(keyed(&app, "k", &zip))), id(&first));
    assert_eq!(jobs(&app), 3);
}

#[test]
fn a_pictures_name_is_part_of_what_is_asked_for() {
    let app = spawn();
    let send = |name: &'static str| {
        let form = Form::new().part("images", Part::bytes(photo("png")).file_name(name));
        app.post("/jobs").header("idempotency-key", "k").multipart(form).send().unwrap()
    };
    let first = accepted(send("a.png"));
    assert_eq!(id(&accepted(send("a.png"))), id(&first));
    assert_problem(send("b.png"), 409, "IDEMPOTENCY_VIOLATION");
}

#[test]
fn a11_what_is_no_key_is_refused_and_quotes_make_no_difference() {
    let app = spawn();
    let zip = album(1, 0);
    let long = "k".repeat(256);
    for key in ["", "\"\"", "a b", "\"k", &long, "sch\u{fc}ssel"] {
        let request = post_zip(&app, zip.clone()).header("idempotency-key", key.as_bytes());
        assert_problem(request.send().unwrap(), 400, "INVALID_INPUT");
    }
    assert_eq!(jobs(&app), 0);
    let bare = accepted(keyed(&app, "k", &zip));
    assert_eq!(id(&accepted(keyed(&app, "\"k\"", &zip))), id(&bare));
    assert_eq!(accepted(keyed(&app, &"k".repeat(255), &zip))["status"], "queued");
}

#[test]
fn a13_a_key_whose_first_request_was_refused_is_free() {
    let app = spawn();
    let wrong = zip_form(album(1, 0)).text("ttl_h", "0");
    let answer = app.post("/jobs").header("idempotency-key", "k").multipart(wrong).send().unwrap();
    assert_problem(answer, 400, "INVALID_INPUT");
    assert_problem(keyed(&app, "k", b"no zip at all"), 422, "PROCESSING_ERROR");
    accepted(keyed(&app, "k", &album(1, 0)));
    app.assert_well();
}

#[test]
fn a_key_outlives_a_restart() {
    let mut app = spawn();
    let zip = album(1, 0);
    let first = accepted(keyed(&app, "k", &zip));
    ended(&app, id(&first));
    app.restart(&[("OPERATOR_TOKEN", OPERATOR)]);
    let second = keyed(&app, "k", &zip);
    assert_eq!(second.headers()["idempotency-replayed"], "true");
    assert_eq!(id(&accepted(second)), id(&first));
}
