//! The operator's routes for processes and the queue: list, pause, resume, and retry failed pictures.

use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{RequestBuilder, Response};
use serde_json::{Value, json};

use crate::answers::photo;
use crate::job_requests::{OPERATOR, SECRET, Signing, accepted, album, ended, id, post_zip, spawn};
use crate::test_service::{TestService, assert_problem};

fn operator(request: RequestBuilder) -> Response {
    request.bearer_auth(OPERATOR).send().unwrap()
}

fn get(service: &TestService, path: &str) -> Value {
    let answer = operator(service.client.get(service.url(path)));
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().unwrap()
}

/// Posts an order and returns the body, which lists what is paused.
fn post(service: &TestService, path: &str) -> Value {
    let answer = operator(service.post(path));
    assert_eq!(answer.status(), 200, "{path}: {:?}", answer.text());
    answer.json().unwrap()
}

/// Submits a job of one picture and returns its id.
fn submit_picture(service: &TestService) -> String {
    let form = Form::new().part("images", Part::bytes(photo("png")).file_name("a.png"));
    id(&accepted(service.post("/jobs").multipart(form).send().unwrap())).to_owned()
}

#[test]
fn only_the_operator_sees_the_processes() {
    let service = spawn();
    service.wait_for("the process has a row", |service| {
        get(service, "/processes")["processes"].as_array().is_some_and(|rows| !rows.is_empty())
    });
    let rows = get(&service, "/processes")["processes"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 1, "{rows:?}");
    let row = &rows[0];
    assert_eq!((&row["role"], &row["alive"]), (&json!("all"), &json!(true)), "{row}");
    assert_eq!((&row["version"], &row["pictures"]), (&json!(env!("CARGO_PKG_VERSION")), &json!(0)), "{row}");
    assert!(row["slots"].as_u64() > Some(0) && row["duties"].is_array(), "{row}");
    assert!(row["id"].is_string() && row["host"].is_string(), "{row}");
    assert!(row["beat_at"].as_i64() >= row["started_at"].as_i64(), "{row}");
    for path in ["/processes", "/queue"] {
        assert_problem(service.get(path), 401, "UNAUTHORIZED");
        let head = service.client.head(service.url(path)).bearer_auth(OPERATOR).send().unwrap();
        assert_eq!((head.status().as_u16(), head.text().unwrap()), (200, String::new()));
    }
}

#[test]
fn jobs_of_a_paused_type_wait_while_others_go_on() {
    let service = spawn();
    assert_eq!(get(&service, "/queue"), json!({ "paused": [] }));
    assert_eq!(post(&service, "/queue/pause?type=zip_batch"), json!({ "paused": ["zip_batch"] }));
    assert_eq!(post(&service, "/queue/pause?type=zip_batch"), json!({ "paused": ["zip_batch"] }));
    let waiting = accepted(post_zip(&service, album(2, 0)).send().unwrap());
    assert_eq!(ended(&service, &submit_picture(&service))["status"], "completed");
    let status: Value = service.get(&format!("/jobs/{}", id(&waiting))).json().unwrap();
    assert_eq!(status["status"], "queued", "{status}");
    assert_eq!(get(&service, "/queue"), json!({ "paused": ["zip_batch"] }));
    assert_eq!(post(&service, "/queue/resume?type=zip_batch"), json!({ "paused": [] }));
    assert_eq!(ended(&service, id(&waiting))["status"], "completed");
}

#[test]
fn a_pause_of_all_types_survives_a_restart_and_ends_at_once() {
    let mut service = spawn();
    post(&service, "/queue/pause?type=url_batch");
    assert_eq!(post(&service, "/queue/pause"), json!({ "paused": ["all", "url_batch"] }));
    let job = submit_picture(&service);
    service.restart(&[("OPERATOR_TOKEN", OPERATOR)]);
    assert_eq!(get(&service, "/queue"), json!({ "paused": ["all", "url_batch"] }));
    let status: Value = service.get(&format!("/jobs/{job}")).json().unwrap();
    assert_eq!(status["status"], "queued", "{status}");
    assert_eq!(post(&service, "/queue/resume"), json!({ "paused": [] }));
    assert_eq!(ended(&service, &job)["status"], "completed");
}

#[test]
fn only_the_operator_can_pause_and_wrong_orders_pause_nothing() {
    let service = spawn();
    for path in ["/queue/pause", "/queue/resume", "/queue/pause?type=nothing"] {
        assert_problem(service.post(path).send().unwrap(), 401, "UNAUTHORIZED");
    }
    for path in ["/queue/pause?type=zip", "/queue/pause?type=", "/queue/resume?type=all"] {
        assert_problem(operator(service.post(path)), 400, "INVALID_INPUT");
    }
    let body = service.post("/queue/pause").json(&json!({ "type": "zip_batch" }));
    assert_problem(operator(body), 400, "INVALID_INPUT");
    assert_problem(operator(service.client.get(service.url("/queue/pause"))), 405, "METHOD_NOT_ALLOWED");
    assert_eq!(get(&service, "/queue"), json!({ "paused": [] }));
}

#[test]
fn pausing_needs_a_signature_where_other_requests_need_one() {
    let service = TestService::start(&[
        ("REQUIRE_SIGNATURE", "true"),
        ("WEBHOOK_SECRET", SECRET),
        ("OPERATOR_TOKEN", OPERATOR),
    ]);
    assert_problem(operator(service.post("/queue/pause")), 401, "MISSING_SIGNATURE");
    let signing = Signing::new("POST", "/queue/pause", b"", "a-nonce-of-its-own");
    let answer = operator(signing.with(&service, &signing.signature()));
    assert_eq!(answer.status(), 200, "{:?}", answer.text());
}

#[test]
fn pictures_that_failed_through_the_services_fault_can_be_retried() {
    let service = TestService::start(&[
        ("OPERATOR_TOKEN", OPERATOR),
        ("HUEMILL__JOBS__MAX_ATTEMPTS", "1"),
        ("HUEMILL__JOBS__COLLECT_SECONDS", "1"),
    ]);
    post(&service, "/queue/pause");
    let job = submit_picture(&service);
    let input = service.data.path().join(format!("blobs/{}/jobs/{job}/in", &job[job.len() - 2..]));
    let aside = service.data.path().join("aside");
    std::fs::rename(&input, &aside).unwrap();
    post(&service, "/queue/resume");
    let failed = ended(&service, &job);
    assert_eq!(failed["status"], "failed", "{failed}");
    std::fs::create_dir_all(&input).unwrap();
    for file in std::fs::read_dir(&aside).unwrap().map(Result::unwrap) {
        std::fs::rename(file.path(), input.join(file.file_name())).unwrap();
    }
    let path = format!("/jobs/{job}/retry");
    assert_problem(service.post(&path).send().unwrap(), 401, "UNAUTHORIZED");
    let answer = operator(service.post(&path));
    assert_eq!(answer.status(), 202);
    let body: Value = answer.json().unwrap();
    assert_eq!(body, json!({ "job_id": job, "status": "processing", "retried": 1 }));
    assert_eq!(ended(&service, &job)["status"], "completed");
    assert_problem(operator(service.post(&path)), 409, "JOB_NOT_RETRYABLE");
}

#[test]
fn a_retry_of_other_jobs_is_refused_with_a_reason() {
    let service = spawn();
    let broken = post_zip(&service, album(1, 1)).send().unwrap();
    let job = accepted(broken);
    ended(&service, id(&job));
    let refused = operator(service.post(&format!("/jobs/{}/retry", id(&job))));
    assert_problem(refused, 409, "JOB_NOT_RETRYABLE");
    for unknown in ["1", "job_018c0000000000112233445566778899aabbccddeeff"] {
        assert_problem(operator(service.post(&format!("/jobs/{unknown}/retry"))), 404, "JOB_NOT_FOUND");
    }
    let path = format!("/jobs/{}", id(&job));
    assert_eq!(service.client.delete(service.url(&path)).send().unwrap().status(), 204);
    assert_problem(operator(service.post(&format!("{path}/retry"))), 404, "EXPIRED_JOB");
}
