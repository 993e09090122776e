//! Processes, the queue and retries, as the operator uses them from the command line.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::desk::{Desk, ended, job};
use crate::service::PATIENCE;

#[test]
fn processes_are_a_table_and_json() {
    let (desk, _service) = Desk::with_service(&[]);
    let deadline = Instant::now() + PATIENCE;
    while desk.ok(&["processes", "--json"]).out.is_empty() {
        assert!(Instant::now() < deadline, "it never beat");
        std::thread::sleep(Duration::from_millis(20));
    }
    let list = desk.ok(&["processes"]);
    let lines: Vec<&str> = list.out.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("HOST "), "{list:?}");
    assert!(lines[1].contains(env!("CARGO_PKG_VERSION")) && lines[1].contains("  alive  "), "{list:?}");
    let row = desk.ok(&["processes", "--json"]).json();
    assert!(row["role"] == "all" && row["alive"] == true, "{row}");
}

#[test]
fn the_queue_is_paused_and_resumed() {
    let (desk, service) = Desk::with_service(&[]);
    assert_eq!(desk.ok(&["queue", "status"]).line(), "running");
    assert_eq!(desk.ok(&["queue", "pause", "--type", "zip_batch"]).line(), "paused: zip_batch");
    assert_eq!(desk.ok(&["queue", "pause"]).line(), "paused: all, zip_batch");
    assert_eq!(desk.ok(&["queue", "status", "--json"]).json(), json!({ "paused": ["all", "zip_batch"] }));
    desk.picture("a.png", 30);
    let run = desk.ok(&["submit", "a.png"]);
    assert_eq!(job(&service, run.line())["status"], "queued");
    assert_eq!(desk.ok(&["queue", "resume", "--json"]).json(), json!({ "paused": [] }));
    assert_eq!(ended(&service, run.line())["status"], "completed");
}

#[test]
fn a_retry_says_what_it_did_or_why_not() {
    let (desk, service) = Desk::with_service(&[("HUEMILL__JOBS__MAX_ATTEMPTS", "1")]);
    desk.ok(&["queue", "pause"]);
    desk.picture("a.png", 30);
    let submitted = desk.ok(&["submit", "a.png"]);
    let id = submitted.line();
    let run = desk.run(&["jobs", "retry", id]);
    assert!(run.code == Some(1) && run.err.contains("JOB_NOT_RETRYABLE"), "{run:?}");
    // Its input goes missing: a fault that is not the picture's.
    let input = desk.path("data").join(format!("blobs/{}/jobs/{id}/in", &id[id.len() - 2..]));
    std::fs::rename(&input, desk.path("data").join("aside")).unwrap();
    desk.ok(&["queue", "resume"]);
    ended(&service, id);
    desk.ok(&["queue", "pause"]);
    let run = desk.ok(&["jobs", "retry", id]);
    assert_eq!(run.line(), format!("{id}  processing  1 pictures queued again"));
}

#[test]
fn they_are_the_operators() {
    let (desk, _service) = Desk::with_service(&[]);
    for args in [&["processes"][..], &["queue", "status"], &["queue", "pause"], &["queue", "resume"]] {
        let run = desk.run(&[args, &["--token", "another"]].concat());
        assert!(run.code == Some(1) && run.err.contains("UNAUTHORIZED"), "{run:?}");
    }
    assert_eq!(desk.run(&["queue", "pause", "--type", "nothing"]).code, Some(2));
    assert_eq!(desk.run(&["jobs", "retry", "../health"]).code, Some(2));
    assert_eq!(desk.ok(&["queue", "status"]).line(), "running");
}
