//! `huemill processes`, `queue` and `jobs retry`, which the operator runs.

use serde_json::json;

use crate::support::wait_until;
use crate::workspace::{Workspace, job_status, wait_for_end};

#[test]
fn processes_are_listed_as_a_table_and_as_json() {
    let (workspace, _service) = Workspace::with_service(&[]);
    wait_until("the process has a row", || !workspace.run_ok(&["processes", "--json"]).out.is_empty());
    let list = workspace.run_ok(&["processes"]);
    let lines: Vec<&str> = list.out.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("HOST "), "{list:?}");
    assert!(lines[1].contains(env!("CARGO_PKG_VERSION")) && lines[1].contains("  alive  "), "{list:?}");
    let row = workspace.run_ok(&["processes", "--json"]).json();
    assert!(row["role"] == "all" && row["alive"] == true, "{row}");
}

#[test]
fn the_queue_can_be_paused_and_resumed() {
    let (workspace, service) = Workspace::with_service(&[]);
    assert_eq!(workspace.run_ok(&["queue", "status"]).line(), "running");
    assert_eq!(workspace.run_ok(&["queue", "pause", "--type", "zip_batch"]).line(), "paused: zip_batch");
    assert_eq!(workspace.run_ok(&["queue", "pause"]).line(), "paused: all, zip_batch");
    assert_eq!(
        workspace.run_ok(&["queue", "status", "--json"]).json(),
        json!({ "paused": ["all", "zip_batch"] })
    );
    workspace.write_picture("a.png", 30);
    let run = workspace.run_ok(&["submit", "a.png"]);
    assert_eq!(job_status(&service, run.line())["status"], "queued");
    assert_eq!(workspace.run_ok(&["queue", "resume", "--json"]).json(), json!({ "paused": [] }));
    assert_eq!(wait_for_end(&service, run.line())["status"], "completed");
}

#[test]
fn a_retry_reports_what_it_did_or_why_it_was_refused() {
    let (workspace, service) = Workspace::with_service(&[("HUEMILL__JOBS__MAX_ATTEMPTS", "1")]);
    workspace.run_ok(&["queue", "pause"]);
    workspace.write_picture("a.png", 30);
    let submitted = workspace.run_ok(&["submit", "a.png"]);
    let id = submitted.line();
    let run = workspace.run(&["jobs", "retry", id]);
    assert!(run.code == Some(1) && run.err.contains("JOB_NOT_RETRYABLE"), "{run:?}");
    // The input is missing: a fault that is not the picture's.
    let input = workspace.path("data").join(format!("blobs/{}/jobs/{id}/in", &id[id.len() - 2..]));
    std::fs::rename(&input, workspace.path("data").join("aside")).unwrap();
    workspace.run_ok(&["queue", "resume"]);
    wait_for_end(&service, id);
    workspace.run_ok(&["queue", "pause"]);
    let run = workspace.run_ok(&["jobs", "retry", id]);
    assert_eq!(run.line(), format!("{id}  processing  1 pictures queued again"));
}

#[test]
fn only_the_operator_can_see_processes_and_pause_the_queue() {
    let (workspace, _service) = Workspace::with_service(&[]);
    for args in [&["processes"][..], &["queue", "status"], &["queue", "pause"], &["queue", "resume"]] {
        let run = workspace.run(&[args, &["--token", "another"]].concat());
        assert!(run.code == Some(1) && run.err.contains("UNAUTHORIZED"), "{run:?}");
    }
    assert_eq!(workspace.run(&["queue", "pause", "--type", "nothing"]).code, Some(2));
    assert_eq!(workspace.run(&["jobs", "retry", "../health"]).code, Some(2));
    assert_eq!(workspace.run_ok(&["queue", "status"]).line(), "running");
}
