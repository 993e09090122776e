//! The log: one JSON object per line, with its keys in the documented order and without secrets.

use serde_json::Value;

use crate::answers::photo;
use crate::job_requests::{ended, paused, resume};
use crate::test_service::spawn;

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
fn a_request_is_one_line_with_keys_in_the_documented_order() {
    let service = spawn();
    let picture = photo("png");
    let length = picture.len();
    let answer = service
        .post("/process")
        .header("X-Request-Id", "line-test")
        .header("content-type", "image/png")
        .body(picture);
    let bytes_out = answer.send().unwrap().bytes().unwrap().len();
    let line = service.wait_for_event("http_request", |line| line["request_id"] == "line-test");
    let text = service.raw_line("line-test");
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
    assert_eq!(service.log().iter().filter(|line| line["request_id"] == "line-test").count(), 1);
}

#[test]
fn an_error_is_logged_with_its_code_and_in_a_separate_line() {
    let service = spawn();
    let answer = service
        .post("/process?token=secret-in-query")
        .header("X-Request-Id", "line-error")
        .header("content-type", "image/png");
    assert_eq!(answer.body(b"nonsense".to_vec()).send().unwrap().status(), 422);
    let line = service.wait_for_event("http_request", |line| line["request_id"] == "line-error");
    assert_eq!((&line["success"], &line["error_code"]), (&false.into(), &"PROCESSING_ERROR".into()));
    let line = service.wait_for_event("http_error", |line| line["request_id"] == "line-error");
    assert_eq!(line["level"], "info");
    assert!(service.log().iter().all(|line| !line.to_string().contains("secret-in-query")));
}

#[test]
fn a_pause_of_the_dispatcher_is_logged_with_the_job_and_the_cause() {
    let (service, live) = paused(8);
    let staging = service.data.path().join("blobs/staging");
    std::fs::remove_dir_all(&staging).unwrap();
    std::fs::write(&staging, "not a folder").unwrap();
    resume(&service);
    let line = service.wait_for_event("dispatch_paused", |line| line["level"] == "warn");
    assert_eq!(line["job_id"], live.as_str());
    let cause = line["cause"].as_str().unwrap();
    assert!(cause.starts_with("OVERLOADED: the blob store is unavailable: "), "{cause}");
    std::fs::remove_file(&staging).unwrap();
    std::fs::create_dir(&staging).unwrap();
    assert_eq!(ended(&service, &live)["results_count"], 8);
}

#[test]
fn the_line_of_a_route_without_a_success_member_has_null() {
    let service = spawn();
    service.client.get(service.url("/health")).header("X-Request-Id", "line-health").send().unwrap();
    let line = service.wait_for_event("http_request", |line| line["request_id"] == "line-health");
    assert_eq!((&line["success"], &line["error_code"]), (&Value::Null, &Value::Null));
}

#[test]
fn hostile_header_values_break_no_line() {
    let service = spawn();
    for value in ["a b;${jndi:x}", "\"},{\"event\":\"forged\"", "ääääääää"] {
        service
            .client
            .get(service.url("/nowhere\"%0a{}"))
            .header("X-Request-Id", value.as_bytes())
            .send()
            .unwrap();
    }
    service.wait_for_event("http_request", |line| line["endpoint"] == "unmatched");
    assert!(service.log().iter().all(|line| line["event"] != "forged"));
}
