//! Canceling, deleting and listing jobs, and who may do it.

use serde_json::Value;

use crate::job_requests::{OPERATOR, accepted, album, blobs, ended, id, paused, post_zip, resume, spawn};
use crate::test_service::assert_problem;

#[test]
fn j7_a_job_is_canceled_once_and_keeps_its_results() {
    let (service, live) = paused(24);
    resume(&service);
    service.wait_for("the job has a result", |service| {
        service.get(&format!("/jobs/{live}")).json::<Value>().unwrap()["progress"]
            .as_u64()
            .is_some_and(|done| done > 0)
    });
    let cancel = || service.post(&format!("/jobs/{live}/cancel")).send().unwrap();
    let first = cancel();
    assert_eq!(first.status(), 202);
    let body: Value = first.json().unwrap();
    assert_eq!(body["status"], "canceled");
    assert_eq!(body["results"].as_array().unwrap().len() as u64, body["results_count"].as_u64().unwrap());
    assert!(
        body["results_count"].as_u64().is_some_and(|done| (1..24).contains(&done)),
        "{}",
        body["results_count"]
    );
    let second = cancel();
    assert_eq!(second.status(), 202);
    assert_eq!(second.json::<Value>().unwrap(), body);
    assert_eq!(service.get(&format!("/jobs/{live}")).json::<Value>().unwrap(), body);
    service.wait_for("the worker is idle", |service| service.metric("worker_slots_busy") == 0);
    assert_eq!(
        service.get(&format!("/jobs/{live}")).json::<Value>().unwrap(),
        body,
        "the job changed after it was canceled"
    );
}

#[test]
fn j7_a_job_that_has_ended_cannot_be_canceled() {
    let service = spawn();
    let job = ended(&service, id(&accepted(post_zip(&service, album(1, 0)).send().unwrap())));
    let answer = service.post(&format!("/jobs/{}/cancel", id(&job))).send().unwrap();
    assert_problem(answer, 409, "JOB_NOT_CANCELABLE");
    assert_eq!(service.get(&format!("/jobs/{}", id(&job))).json::<Value>().unwrap(), job);
}

#[test]
fn a_deleted_job_is_gone_at_once_with_all_its_results() {
    let service = spawn();
    let job = ended(&service, id(&accepted(post_zip(&service, album(1, 0)).send().unwrap())));
    let path = format!("/jobs/{}", id(&job));
    let delete = || service.client.delete(service.url(&path)).send().unwrap();
    assert_eq!(delete().status(), 204);
    for below in ["", "/events", "/results", "/results.zip", "/results/0/card"] {
        let body = assert_problem(service.get(&format!("{path}{below}")), 404, "EXPIRED_JOB");
        assert!(body["user_message"].as_str().unwrap().contains("deleted"), "{body}");
    }
    let held = service.client.get(service.url(&path)).header("if-none-match", "*").send().unwrap();
    assert_problem(held, 404, "EXPIRED_JOB");
    assert_problem(service.post(&format!("{path}/cancel")).send().unwrap(), 404, "EXPIRED_JOB");
    assert_problem(delete(), 404, "EXPIRED_JOB");
    service.wait_for("the blobs of the job are removed", |service| {
        blobs(service).iter().all(|key| !key.contains(id(&job)))
    });
}

#[test]
fn only_the_operator_can_list_all_jobs_a_page_at_a_time() {
    let service = spawn();
    let ids: Vec<String> =
        (0..5).map(|_| id(&accepted(post_zip(&service, album(1, 0)).send().unwrap())).to_owned()).collect();
    for id in &ids {
        ended(&service, id);
    }
    let page = |query: &str| -> Value {
        let request = service.client.get(service.url(&format!("/jobs{query}"))).bearer_auth(OPERATOR);
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
    let answer = service.get("/jobs");
    assert_eq!(answer.headers()["www-authenticate"], "Bearer realm=\"huemill\"");
    assert_problem(answer, 401, "UNAUTHORIZED");
    assert_problem(
        service.client.get(service.url("/jobs")).bearer_auth("another").send().unwrap(),
        401,
        "UNAUTHORIZED",
    );
    assert_eq!(service.metric("auth_failures_total{reason=\"unauthorized\"}"), 2);
    let bad = service.client.get(service.url("/jobs?limit=0")).bearer_auth(OPERATOR).send().unwrap();
    assert_problem(bad, 400, "INVALID_INPUT");
}
