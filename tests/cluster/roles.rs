//! Roles of processes: a web process accepts jobs, a worker processes them and answers only operators and probes.

use std::path::Path;

use serde_json::{Value, json};

use super::node::Node;
use crate::support::pictures::small_jpegs;
use crate::support::receiver::{Receiver, Reply};
use crate::support::servers::postgres::Cluster;
use crate::support::servers::require;
use crate::support::wait_until;

const OPERATOR: &str = "the-operators-own-token";

/// Starts a node with this role, which may send webhooks to this receiver.
fn start(role: &str, receiver: &Receiver, database: &str, blobs: &Path) -> Node {
    let port = receiver.port().to_string();
    let settings = [
        ("HUEMILL__SERVER__ROLE", role),
        ("OPERATOR_TOKEN", OPERATOR),
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", &port),
        ("HUEMILL__WEBHOOKS__POLL_SECONDS", "1"),
    ];
    Node::start_with(database, blobs, &settings)
}

/// The role, the slots and the liveness of each process that has a row, sorted by role.
fn roles(node: &Node) -> Vec<(Value, Value, Value)> {
    let body: Value = node.get("/processes", OPERATOR).json().unwrap();
    let rows = body["processes"].as_array().unwrap_or_else(|| panic!("{body}")).iter();
    let mut roles: Vec<_> =
        rows.map(|row| (row["role"].clone(), row["slots"].clone(), row["alive"].clone())).collect();
    roles.sort_by_key(|(role, ..)| role.to_string());
    roles
}

#[test]
fn a_web_process_accepts_a_job_and_a_worker_processes_it_and_sends_the_webhook() {
    require!(PostgreSql);
    let receiver = Receiver::start(|_, _| Reply::status(204));
    let (database, blobs) = (Cluster::shared().database(), tempfile::tempdir().unwrap());
    let web = start("web", &receiver, &database, blobs.path());
    let job = web.submit_with_callback(&receiver.url("/"), &small_jpegs(3, 1));
    wait_until("the web process counts its own heartbeat", || web.metric("processes_alive") == 1);
    let status: Value = web.get(&format!("/jobs/{job}"), OPERATOR).json().unwrap();
    assert_eq!(status["status"], "queued", "no worker runs yet: {status}");

    let worker = start("worker", &receiver, &database, blobs.path());
    web.assert_job_completes(&job, 3);
    wait_until("the webhook is sent", || !receiver.requests().is_empty());
    wait_until("the webhook is counted", || worker.metric("webhook_deliveries_total") == 1);
    assert_eq!(worker.metric("images_processed_total{endpoint=\"/jobs\"}"), 3);
    assert_eq!(web.metric("images_processed_total{endpoint=\"/jobs\"}"), 0);
    assert_eq!(web.metric("webhook_attempts_total"), 0);
    let both = [(json!("web"), json!(2), json!(true)), (json!("worker"), json!(2), json!(true))];
    for node in [&web, &worker] {
        assert_eq!(roles(node), both);
        wait_until("each process sees both", || node.metric("processes_alive") == 2);
    }
    let duties: Value = web.get("/processes", OPERATOR).json().unwrap();
    let sweeper = duties["processes"].as_array().unwrap().iter().find(|row| row["duties"] != json!([]));
    assert!(sweeper.is_none_or(|row| row["role"] == "worker"), "{duties}");
}

#[test]
fn a_worker_answers_only_operators_and_probes() {
    require!(PostgreSql);
    let receiver = Receiver::start(|_, _| Reply::status(204));
    let (database, blobs) = (Cluster::shared().database(), tempfile::tempdir().unwrap());
    let worker = start("worker", &receiver, &database, blobs.path());
    assert!(worker.is_healthy() && worker.is_ready());
    assert_eq!(worker.get("/openapi.json", "another").status(), 200);
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
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.contains("only works on jobs"), "{detail}");
    }
}
