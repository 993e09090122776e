//! Processes with roles: one answers requests, another works on what it accepted.

use serde_json::{Value, json};

use super::clients::{Node, small};
use super::postgres::Cluster;
use super::receiver::{Receiver, Reply};
use super::until;

const OPERATOR: &str = "the-operators-own-token";

fn settings(role: &str, receiver: &Receiver) -> Vec<(&'static str, String)> {
    vec![
        ("HUEMILL__SERVER__ROLE", role.to_owned()),
        ("OPERATOR_TOKEN", OPERATOR.to_owned()),
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32".to_owned()),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", receiver.port().to_string()),
        ("HUEMILL__WEBHOOKS__POLL_SECONDS", "1".to_owned()),
    ]
}

/// Role, slots and whether it is alive, of each process that has a row, by role.
fn roles(node: &Node) -> Vec<(Value, Value, Value)> {
    let body: Value = node.get("/processes", OPERATOR).json().unwrap();
    let rows = body["processes"].as_array().unwrap_or_else(|| panic!("{body}")).iter();
    let mut roles: Vec<_> =
        rows.map(|row| (row["role"].clone(), row["slots"].clone(), row["alive"].clone())).collect();
    roles.sort_by_key(|(role, ..)| role.to_string());
    roles
}

#[test]
fn a_web_process_accepts_what_a_worker_does_and_the_worker_sends_the_webhook() {
    let receiver = Receiver::start(|_, _| Reply::status(204));
    let (database, blobs) = (Cluster::shared().database(), tempfile::tempdir().unwrap());
    let web = Node::start_with(&database, blobs.path(), &settings("web", &receiver));
    let job = web.submit_told(&receiver.url("/"), &small(3, 1));
    until("its heartbeat is counted", || web.figure("processes_alive") == 1);
    let stands: Value = web.get(&format!("/jobs/{job}"), OPERATOR).json().unwrap();
    assert_eq!(stands["status"], "queued", "no one works yet: {stands}");

    let worker = Node::start_with(&database, blobs.path(), &settings("worker", &receiver));
    web.completes(&job, 3);
    until("the webhook is sent", || !receiver.requests().is_empty());
    until("and counted", || worker.figure("webhook_deliveries_total") == 1);
    assert_eq!(worker.figure("images_processed_total{endpoint=\"/jobs\"}"), 3);
    assert_eq!(web.figure("images_processed_total{endpoint=\"/jobs\"}"), 0);
    assert_eq!(web.figure("webhook_attempts_total"), 0);
    let both = [(json!("web"), json!(2), json!(true)), (json!("worker"), json!(2), json!(true))];
    for node in [&web, &worker] {
        assert_eq!(roles(node), both);
        until("each sees both", || node.figure("processes_alive") == 2);
    }
    let duties: Value = web.get("/processes", OPERATOR).json().unwrap();
    let sweeper = duties["processes"].as_array().unwrap().iter().find(|row| row["duties"] != json!([]));
    assert!(sweeper.is_none_or(|row| row["role"] == "worker"), "{duties}");
}

#[test]
fn a_worker_answers_operators_and_probes_and_no_one_else() {
    let receiver = Receiver::start(|_, _| Reply::status(204));
    let (database, blobs) = (Cluster::shared().database(), tempfile::tempdir().unwrap());
    let worker = Node::start_with(&database, blobs.path(), &settings("worker", &receiver));
    assert!(worker.is_healthy() && worker.is_ready());
    for path in ["/jobs", "/processes", "/queue", "/webhooks/deliveries"] {
        assert_eq!(worker.get(path, OPERATOR).status(), 200, "{path}");
        assert_eq!(worker.get(path, "another").status(), 401, "{path}");
    }
    let job = "job_018c0000000000112233445566778899aabbccddeeff";
    let retried = worker.send("POST", &format!("/jobs/{job}/retry"), OPERATOR);
    assert_eq!(retried.json::<Value>().unwrap()["error_code"], "JOB_NOT_FOUND");
    for (method, path) in [
        ("POST", "/process"),
        ("POST", "/process_zip"),
        ("POST", "/fetch_url"),
        ("POST", "/jobs"),
        ("GET", "/jobs/job_1"),
        ("DELETE", "/jobs/job_1"),
        ("POST", "/jobs/job_1/cancel"),
        ("GET", "/nowhere"),
    ] {
        let answer = worker.send(method, path, OPERATOR);
        assert_eq!(answer.status(), 404, "{method} {path}");
        let body: Value = answer.json().unwrap();
        assert_eq!(body["error_code"], "NOT_FOUND", "{body}");
        let message = body["user_message"].as_str().unwrap();
        assert!(message.contains("works on jobs and answers no requests"), "{message}");
    }
}
