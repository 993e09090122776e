//! The operator's routes of processes and the queue: who lives, pausing, resuming, retrying what failed.

use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{RequestBuilder, Response};
use serde_json::{Value, json};

use crate::app::{App, assert_problem};
use crate::cards::photo;
use crate::jobs_app::{OPERATOR, SECRET, Signing, accepted, album, ended, id, post_zip, spawn};

fn operator(request: RequestBuilder) -> Response {
    request.bearer_auth(OPERATOR).send().unwrap()
}

fn get(app: &App, path: &str) -> Value {
    let answer = operator(app.client.get(app.url(path)));
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().unwrap()
}

/// What is paused after this.
fn post(app: &App, path: &str) -> Value {
    let answer = operator(app.post(path));
    assert_eq!(answer.status(), 200, "{path}: {:?}", answer.text());
    answer.json().unwrap()
}

/// The id of a job of one picture.
fn picture(app: &App) -> String {
    let form = Form::new().part("images", Part::bytes(photo("png")).file_name("a.png"));
    id(&accepted(app.post("/jobs").multipart(form).send().unwrap())).to_owned()
}

#[test]
fn processes_are_shown_to_the_operator_alone() {
    let app = spawn();
    app.wait_for("its heartbeat", |app| {
        get(app, "/processes")["processes"].as_array().is_some_and(|rows| !rows.is_empty())
    });
    let rows = get(&app, "/processes")["processes"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 1, "{rows:?}");
    let row = &rows[0];
    assert_eq!((&row["role"], &row["alive"]), (&json!("all"), &json!(true)), "{row}");
    assert_eq!((&row["version"], &row["pictures"]), (&json!(env!("CARGO_PKG_VERSION")), &json!(0)), "{row}");
    assert!(row["slots"].as_u64() > Some(0) && row["duties"].is_array(), "{row}");
    assert!(row["id"].is_string() && row["host"].is_string(), "{row}");
    assert!(row["beat_at"].as_i64() >= row["started_at"].as_i64(), "{row}");
    for path in ["/processes", "/queue"] {
        assert_problem(app.get(path), 401, "UNAUTHORIZED");
        let head = app.client.head(app.url(path)).bearer_auth(OPERATOR).send().unwrap();
        assert_eq!((head.status().as_u16(), head.text().unwrap()), (200, String::new()));
    }
}

#[test]
fn a_paused_type_waits_while_others_go_on_and_resuming_wakes_it() {
    let app = spawn();
    assert_eq!(get(&app, "/queue"), json!({ "paused": [] }));
    assert_eq!(post(&app, "/queue/pause?type=zip_batch"), json!({ "paused": ["zip_batch"] }));
    assert_eq!(post(&app, "/queue/pause?type=zip_batch"), json!({ "paused": ["zip_batch"] }));
    let waiting = accepted(post_zip(&app, album(2, 0)).send().unwrap());
    assert_eq!(ended(&app, &picture(&app))["status"], "completed");
    let stands: Value = app.get(&format!("/jobs/{}", id(&waiting))).json().unwrap();
    assert_eq!(stands["status"], "queued", "{stands}");
    assert_eq!(get(&app, "/queue"), json!({ "paused": ["zip_batch"] }));
    assert_eq!(post(&app, "/queue/resume?type=zip_batch"), json!({ "paused": [] }));
    assert_eq!(ended(&app, id(&waiting))["status"], "completed");
}

#[test]
fn a_pause_of_everything_outlives_the_process_and_is_lifted_whole() {
    let mut app = spawn();
    post(&app, "/queue/pause?type=url_batch");
    assert_eq!(post(&app, "/queue/pause"), json!({ "paused": ["all", "url_batch"] }));
    let job = picture(&app);
    app.restart(&[("OPERATOR_TOKEN", OPERATOR)]);
    assert_eq!(get(&app, "/queue"), json!({ "paused": ["all", "url_batch"] }));
    let stands: Value = app.get(&format!("/jobs/{job}")).json().unwrap();
    assert_eq!(stands["status"], "queued", "{stands}");
    assert_eq!(post(&app, "/queue/resume"), json!({ "paused": [] }));
    assert_eq!(ended(&app, &job)["status"], "completed");
}

#[test]
fn only_the_operator_pauses_and_nothing_is_paused_by_mistake() {
    let app = spawn();
    for path in ["/queue/pause", "/queue/resume", "/queue/pause?type=nothing"] {
        assert_problem(app.post(path).send().unwrap(), 401, "UNAUTHORIZED");
    }
    for path in ["/queue/pause?type=zip", "/queue/pause?type=", "/queue/resume?type=all"] {
        assert_problem(operator(app.post(path)), 400, "INVALID_INPUT");
    }
    let body = app.post("/queue/pause").json(&json!({ "type": "zip_batch" }));
    assert_problem(operator(body), 400, "INVALID_INPUT");
    assert_problem(operator(app.client.get(app.url("/queue/pause"))), 405, "METHOD_NOT_ALLOWED");
    assert_eq!(get(&app, "/queue"), json!({ "paused": [] }));
}

#[test]
fn a_signature_is_needed_where_the_others_need_one() {
    let app = App::start(&[
        ("REQUIRE_SIGNATURE", "true"),
        ("WEBHOOK_SECRET", SECRET),
        ("OPERATOR_TOKEN", OPERATOR),
    ]);
    assert_problem(operator(app.post("/queue/pause")), 401, "MISSING_SIGNATURE");
    let signing = Signing::new("POST", "/queue/pause", b"", "a-nonce-of-its-own");
    let answer = operator(signing.with(&app, &signing.signature()));
    assert_eq!(answer.status(), 200, "{:?}", answer.text());
}

#[test]
fn pictures_that_failed_through_a_fault_of_the_services_are_retried() {
    let app = App::start(&[
        ("OPERATOR_TOKEN", OPERATOR),
        ("HUEMILL__JOBS__MAX_ATTEMPTS", "1"),
        ("HUEMILL__JOBS__COLLECT_SECONDS", "1"),
    ]);
    post(&app, "/queue/pause");
    let job = picture(&app);
    let input = app.data.path().join(format!("blobs/{}/jobs/{job}/in", &job[job.len() - 2..]));
    let aside = app.data.path().join("aside");
    std::fs::rename(&input, &aside).unwrap();
    post(&app, "/queue/resume");
    let failed = ended(&app, &job);
    assert_eq!(failed["status"], "failed", "{failed}");
    std::fs::create_dir_all(&input).unwrap();
    for file in std::fs::read_dir(&aside).unwrap().map(Result::unwrap) {
        std::fs::rename(file.path(), input.join(file.file_name())).unwrap();
    }
    let path = format!("/jobs/{job}/retry");
    assert_problem(app.post(&path).send().unwrap(), 401, "UNAUTHORIZED");
    let answer = operator(app.post(&path));
    assert_eq!(answer.status(), 202);
    let body: Value = answer.json().unwrap();
    assert_eq!(body, json!({ "job_id": job, "status": "processing", "retried": 1 }));
    assert_eq!(ended(&app, &job)["status"], "completed");
    assert_problem(operator(app.post(&path)), 409, "JOB_NOT_RETRYABLE");
}

#[test]
fn what_cannot_be_retried_is_refused_and_says_why() {
    let app = spawn();
    let broken = post_zip(&app, album(1, 1)).send().unwrap();
    let job = accepted(broken);
    ended(&app, id(&job));
    let refused = operator(app.post(&format!("/jobs/{}/retry", id(&job))));
    assert_problem(refused, 409, "JOB_NOT_RETRYABLE");
    for unknown in ["1", "job_018c0000000000112233445566778899aabbccddeeff"] {
        assert_problem(operator(app.post(&format!("/jobs/{unknown}/retry"))), 404, "JOB_NOT_FOUND");
    }
    let path = format!("/jobs/{}", id(&job));
    assert_eq!(app.client.delete(app.url(&path)).send().unwrap().status(), 204);
    assert_problem(operator(app.post(&format!("{path}/retry"))), 404, "EXPIRED_JOB");
}
