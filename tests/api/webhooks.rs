//! The operator's routes for webhooks: listing and redelivering. Other tests cover the webhooks themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::answers::photo;
use crate::job_requests::{OPERATOR, SECRET, Signing, accepted, ended, id};
use crate::support::{wait_for, wait_until};
use crate::test_server::{TestServer, answer, ok, spawn};
use crate::test_service::{TestService, assert_problem};

fn list(service: &TestService, query: &str) -> Response {
    service
        .client
        .get(service.url(&format!("/webhooks/deliveries{query}")))
        .bearer_auth(OPERATOR)
        .send()
        .unwrap()
}

fn rows(service: &TestService, query: &str) -> Vec<Value> {
    let body: Value = list(service, query).json().unwrap();
    body["deliveries"].as_array().unwrap_or_else(|| panic!("{body}")).clone()
}

fn redeliver(service: &TestService, id: &str) -> Response {
    service.post(&format!("/webhooks/deliveries/{id}/redeliver")).bearer_auth(OPERATOR).send().unwrap()
}

/// Completes a job with a webhook to this path and returns its id.
fn completed_job(service: &TestService, server: &TestServer, path: &str) -> String {
    let body = json!({"urls": [server.url("/a.png")], "callback_url": server.url(path)});
    let job = accepted(service.post("/jobs").json(&body).send().unwrap());
    ended(service, id(&job));
    id(&job).to_owned()
}

/// Waits until the delivery of the job has this status and returns it.
fn wait_for_status(service: &TestService, job: &str, status: &str) -> Value {
    let row = || rows(service, &format!("?job_id={job}")).into_iter().find(|row| row["status"] == status);
    wait_for(&format!("the delivery is {status}"), row)
}

/// A receiver of webhooks, which answers 202 or, once the flag is false, 410.
fn receiver() -> (TestServer, Arc<AtomicBool>) {
    let accepts = Arc::new(AtomicBool::new(true));
    let flag = Arc::clone(&accepts);
    let server = TestServer::start(move |path| match path {
        "/a.png" => ok(&photo("png")),
        _ if flag.load(Ordering::SeqCst) => answer("202 Accepted", "", b"thank you"),
        _ => answer("410 Gone", "", b"no longer"),
    });
    (server, accepts)
}

#[test]
fn only_the_operator_can_list_deliveries_with_their_attempts() {
    let (server, accepts) = receiver();
    let service = spawn(&[server.port()], &[]);
    let first = completed_job(&service, &server, "/hook?key=hunter2");
    let taken = wait_for_status(&service, &first, "delivered");
    accepts.store(false, Ordering::SeqCst);
    let second = completed_job(&service, &server, "/hook?key=hunter2");
    let dead = wait_for_status(&service, &second, "dead");
    assert_eq!(dead["job_id"], second.as_str());
    assert_eq!(dead["host"], server.url(""));
    assert!(dead["next_attempt_at"].is_null() && dead["finished_at"].is_i64() && dead["created_at"].is_i64());
    let attempt = &dead["attempts"][0];
    assert_eq!(
        (&attempt["number"], &attempt["status_code"], &attempt["reason"], &attempt["answer"]),
        (&json!(1), &json!(410), &json!("gone"), &json!("no longer"))
    );
    assert!(attempt["at"].is_i64() && attempt["duration_ms"].is_u64(), "{attempt}");
    assert_eq!(
        (&taken["attempts"][0]["reason"], &taken["attempts"][0]["answer"]),
        (&Value::Null, &json!("thank you"))
    );
    let ids = |query: &str| rows(&service, query).iter().map(|row| row["job_id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(""), [second.as_str(), first.as_str()]);
    assert_eq!(ids("?status=dead"), [second.as_str()]);
    assert_eq!(ids("?status=pending"), [] as [&str; 0]);
    let page: Value = list(&service, "?limit=1").json().unwrap();
    let next = page["next_cursor"].as_str().unwrap();
    let last: Value = list(&service, &format!("?limit=1&cursor={next}")).json().unwrap();
    assert_eq!((&last["deliveries"][0]["job_id"], &last["next_cursor"]), (&json!(first), &Value::Null));
    for query in ["?status=done", "?limit=0", "?cursor=x", "?job_id=1", "?status=dead&status=dead"] {
        assert_problem(list(&service, query), 400, "INVALID_INPUT");
    }
    for path in ["/webhooks/deliveries", "/webhooks/deliveries?status=x"] {
        assert_problem(service.get(path), 401, "UNAUTHORIZED");
    }
    let everything = format!("{}{:?}", list(&service, "").text().unwrap(), service.log());
    assert!(!everything.contains("hunter2"), "the query of a URL was printed");
    let head = service.client.head(service.url("/webhooks/deliveries")).bearer_auth(OPERATOR).send().unwrap();
    assert_eq!(head.status(), 200);
}

#[test]
fn a_dead_delivery_can_be_redelivered() {
    let (server, accepts) = receiver();
    let service = spawn(&[server.port()], &[]);
    accepts.store(false, Ordering::SeqCst);
    let job = completed_job(&service, &server, "/hook");
    let dead = wait_for_status(&service, &job, "dead");
    let id = dead["id"].as_str().unwrap();
    accepts.store(true, Ordering::SeqCst);
    let answer = redeliver(&service, id);
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.json::<Value>().unwrap()["id"], id);
    let taken = wait_for_status(&service, &job, "delivered");
    assert_eq!(taken["attempts"].as_array().unwrap().len(), 2, "{taken}");
    assert_eq!(redeliver(&service, id).status(), 202, "a delivered webhook can be redelivered too");
    wait_until("the third attempt is made", || {
        rows(&service, "")[0]["attempts"].as_array().unwrap().len() == 3
    });
    let hooks: Vec<_> =
        server.requests().into_iter().filter(|head| head.starts_with("POST /hook ")).collect();
    let same = format!("webhook-id: {id}");
    assert!(
        hooks.len() == 3 && hooks.iter().all(|head| head.to_ascii_lowercase().contains(&same)),
        "{hooks:?}"
    );
}

#[test]
fn only_the_operator_can_redeliver_and_only_existing_deliveries() {
    let (server, _) = receiver();
    let service = spawn(&[server.port()], &[]);
    let job = completed_job(&service, &server, "/hook");
    let id = wait_for_status(&service, &job, "delivered")["id"].as_str().unwrap().to_owned();
    let path = format!("/webhooks/deliveries/{id}/redeliver");
    assert_problem(service.post(&path).send().unwrap(), 401, "UNAUTHORIZED");
    assert_problem(service.post(&path).bearer_auth("another").send().unwrap(), 401, "UNAUTHORIZED");
    let neighbour = format!("{}{}", &id[..id.len() - 1], if id.ends_with('0') { '1' } else { '0' });
    for unknown in [&neighbour, "dlv_1", "1", &job, "%2e%2e", "'%20OR%201=1--", "%00"] {
        assert_problem(redeliver(&service, unknown), 404, "NOT_FOUND");
    }
    let other = service.get(&path);
    assert_eq!(other.headers()["allow"], "POST, OPTIONS");
    assert_problem(other, 405, "METHOD_NOT_ALLOWED");
    assert_problem(service.get(&format!("/webhooks/deliveries/{id}")), 404, "NOT_FOUND");
    assert_eq!(rows(&service, "")[0]["attempts"].as_array().unwrap().len(), 1, "the webhook was redelivered");
}

#[test]
fn redelivering_needs_a_signature_where_other_requests_need_one() {
    let service = TestService::start(&[
        ("REQUIRE_SIGNATURE", "true"),
        ("WEBHOOK_SECRET", SECRET),
        ("OPERATOR_TOKEN", OPERATOR),
    ]);
    let path = "/webhooks/deliveries/dlv_018c0000000000112233445566778899aabbccddeeff/redeliver";
    assert_problem(service.post(path).bearer_auth(OPERATOR).send().unwrap(), 401, "MISSING_SIGNATURE");
    let signing = Signing::new("POST", path, b"", "a-redelivery");
    let signed = signing.with(&service, &signing.signature());
    assert_problem(signed.bearer_auth(OPERATOR).send().unwrap(), 404, "NOT_FOUND");
    let signing = Signing::new("POST", &path.replace("ff/", "fe/"), b"", "without-a-token");
    assert_problem(signing.send(&service), 401, "UNAUTHORIZED");
    assert_eq!(list(&service, "").status(), 200, "reading needs a signature");
}
