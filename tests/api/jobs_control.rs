//! Who may do what to jobs: cancel, delete, list.

use serde_json::Value;

use crate::app::assert_problem;
use crate::jobs_app::{OPERATOR, accepted, album, blobs, busy, ended, id, post_zip, spawn};

#[test]
fn j7_a_job_is_canceled_once_and_what_was_done_is_kept() {
    let (app, live) = busy();
    app.wait_for("a result", |app| {
        app.get(&format!("/jobs/{live}")).json::<Value>().unwrap()["progress"]
            .as_u64()
            .is_some_and(|done| done > 0)
    });
    let cancel = || app.post(&format!("/jobs/{live}/cancel")).send().unwrap();
    let first = cancel();
    assert_eq!(first.status(), 202);
    let body: Value = first.json().unwrap();
    assert_eq!(body["status"], "canceled");
    assert_eq!(body["results"].as_array().unwrap().len() as u64, body["results_count"].as_u64().unwrap());
    assert!(
        body["results_count"].as_u64().is_some_and(|done| (1..8).contains(&done)),
        "{}",
        body["results_count"]
    );
    let second = cancel();
    assert_eq!(second.status(), 202);
    assert_eq!(second.json::<Value>().unwrap(), body);
    assert_eq!(app.get(&format!("/jobs/{live}")).json::<Value>().unwrap(), body);
    app.wait_for("a free slot", |app| app.metric("worker_slots_busy") == 0);
    assert_eq!(app.get(&format!("/jobs/{live}")).json::<Value>().unwrap(), body, "nothing is added later");
}

#[test]
fn j7_what_has_ended_cannot_be_canceled() {
    let app = spawn();
    let job = ended(&app, id(&accepted(post_zip(&app, album(1, 0)).send().unwrap())));
    let answer = app.post(&format!("/jobs/{}/cancel", id(&job))).send().unwrap();
    assert_problem(answer, 409, "JOB_NOT_CANCELABLE");
    assert_eq!(app.get(&format!("/jobs/{}", id(&job))).json::<Value>().unwrap(), job);
}

#[test]
fn a_deleted_job_is_gone_at_once_with_all_that_it_had() {
    let app = spawn();
    let job = ended(&app, id(&accepted(post_zip(&app, album(1, 0)).send().unwrap())));
    let path = format!("/jobs/{}", id(&job));
    let delete = || app.client.delete(app.url(&path)).send().unwrap();
    assert_eq!(delete().status(), 204);
    for below in ["", "/events", "/results.zip", "/results/0/card"] {
        let body = assert_problem(app.get(&format!("{path}{below}")), 404, "EXPIRED_JOB");
        assert!(body["user_message"].as_str().unwrap().contains("deleted"), "{body}");
    }
    let held = app.client.get(app.url(&path)).header("if-none-match", "*").send().unwrap();
    assert_problem(held, 404, "EXPIRED_JOB");
    assert_problem(app.post(&format!("{path}/cancel")).send().unwrap(), 404, "EXPIRED_JOB");
    assert_problem(delete(), 404, "EXPIRED_JOB");
    app.wait_for("no blobs", |app| blobs(app).iter().all(|key| !key.contains(id(&job))));
}

#[test]
fn the_operator_alone_sees_all_jobs_a_page_at_a_time() {
    let app = spawn();
    let ids: Vec<String> =
        (0..5).map(|_| id(&accepted(post_zip(&app, album(1, 0)).send().unwrap())).to_owned()).collect();
    for id in &ids {
        ended(&app, id);
    }
    let page = |query: &str| -> Value {
        let request = app.client.get(app.url(&format!("/jobs{query}"))).bearer_auth(OPERATOR);
        request.send().unwrap().json().unwrap()
    };
    let listed = |page: &Value| -> Vec<String> {
        page["jobs"].as_array().unwrap().iter().map(|job| id(job).to_owned()).collect()
    };
    let all = page("");
    assert_eq!((listed(&all), &all["next_cursor"]), (ids.iter().rev().cloned().collect(), &Value::Null));
    assert!(all["jobs"][0].get("results").is_none() && all["jobs"][0]["results_count"] == 1, "{all}");
    let (mut cursor, mut walked) = (String::new(), Vec::new());
    loop {
        let next = page(&format!("?limit=2{cursor}"));
        walked.extend(listed(&next));
        let Some(text) = next["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={text}");
    }
    assert_eq!(walked, listed(&all));
    assert_eq!(listed(&page("?status=completed&type=zip_batch")).len(), 5);
    assert_eq!(listed(&page("?status=queued")).len(), 0);
    let answer = app.get("/jobs");
    assert_eq!(answer.headers()["www-authenticate"], "Bearer realm=\"huemill\"");
    assert_problem(answer, 401, "UNAUTHORIZED");
    assert_problem(
        app.client.get(app.url("/jobs")).bearer_auth("another").send().unwrap(),
        401,
        "UNAUTHORIZED",
    );
    assert_eq!(app.metric("auth_failures_total{reason=\"unauthorized\"}"), 2);
    let bad = app.client.get(app.url("/jobs?limit=0")).bearer_auth(OPERATOR).send().unwrap();
    assert_problem(bad, 400, "INVALID_INPUT");
}
