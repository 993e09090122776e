//! The log: one JSON object a line, in the contract's order, with nothing in it that should not be.

use serde_json::Value;

use crate::app::spawn;
use crate::cards::photo;
use crate::jobs_app::{busy, ended};

const KEYS: [&str; 12] = [
    "ts",
    "level",
    "event",
    "request_id",
    "endpoint",
    "method",
    "status_code",
    "duration_ms",
    "success",
    "error_code",
    "bytes_in",
    "bytes_out",
];

#[test]
fn a_request_is_one_line_in_the_contracts_order() {
    let app = spawn();
    let picture = photo("png");
    let length = picture.len();
    let answer = app
        .post("/process")
        .header("X-Request-Id", "line-test")
        .header("content-type", "image/png")
        .body(picture);
    let bytes_out = answer.send().unwrap().bytes().unwrap().len();
    let line = app.wait_for_event("http_request", |line| line["request_id"] == "line-test");
    let text = app.raw_line("line-test");
    let places: Vec<_> =
        KEYS.iter().map(|key| text.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{key}"))).collect();
    assert_eq!(line.as_object().unwrap().len(), KEYS.len(), "{line}");
    assert!(places.is_sorted(), "{text}");
    assert_eq!(
        (&line["endpoint"], &line["method"], &line["level"]),
        (&"/process".into(), &"POST".into(), &"info".into())
    );
    assert_eq!(
        (&line["status_code"], &line["success"], &line["error_code"]),
        (&200.into(), &true.into(), &Value::Null)
    );
    assert_eq!((&line["bytes_in"], &line["bytes_out"]), (&length.into(), &bytes_out.into()));
    assert_eq!(app.log().iter().filter(|line| line["request_id"] == "line-test").count(), 1);
}

#[test]
fn an_error_has_its_code_in_the_line_and_a_line_of_its_own() {
    let app = spawn();
    let answer = app
        .post("/process?token=secret-in-query")
        .header("X-Request-Id", "line-error")
        .header("content-type", "image/png");
    assert_eq!(answer.body(b"nonsense".to_vec()).send().unwrap().status(), 422);
    let line = app.wait_for_event("http_request", |line| line["request_id"] == "line-error");
    assert_eq!((&line["success"], &line["error_code"]), (&false.into(), &"PROCESSING_ERROR".into()));
    let line = app.wait_for_event("http_error", |line| line["request_id"] == "line-error");
    assert_eq!(line["level"], "info");
    assert!(app.log().iter().all(|line| !line.to_string().contains("secret-in-query")));
}

#[test]
fn a_pause_of_the_work_names_the_job_and_what_lies_behind_it() {
    let (app, live) = busy();
    let staging = app.data.path().join("blobs/staging");
    std::fs::remove_dir_all(&staging).unwrap();
    std::fs::write(&staging, "in the way").unwrap();
    let line = app.wait_for_event("dispatch_paused", |line| line["level"] == "warn");
    assert_eq!(line["job_id"], live.as_str());
    let cause = line["cause"].as_str().unwrap();
    assert!(cause.starts_with("OVERLOADED: the blob store is unavailable: "), "{cause}");
    std::fs::remove_file(&staging).unwrap();
    std::fs::create_dir(&staging).unwrap();
    assert_eq!(ended(&app, &live)["results_count"], 8);
}

#[test]
fn a_route_without_the_member_success_has_null() {
    let app = spawn();
    app.client.get(app.url("/health")).header("X-Request-Id", "line-health").send().unwrap();
    let line = app.wait_for_event("http_request", |line| line["request_id"] == "line-health");
    assert_eq!((&line["success"], &line["error_code"]), (&Value::Null, &Value::Null));
}

#[test]
fn hostile_header_values_leave_every_line_whole() {
    let app = spawn();
    for value in ["a b;${jndi:x}", "\"},{\"event\":\"forged\"", "ääääääää"] {
        app.client.get(app.url("/nowhere\"%0a{}")).header("X-Request-Id", value.as_bytes()).send().unwrap();
    }
    app.wait_for_event("http_request", |line| line["endpoint"] == "unmatched");
    assert!(app.log().iter().all(|line| line["event"] != "forged"));
}
