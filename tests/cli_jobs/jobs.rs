//! `huemill jobs` and `secret`: listing, showing and canceling jobs, and printing the operator token.

use serde_json::Value;

use crate::workspace::{Workspace, client, job_status, wait_for_end};

#[test]
fn secret_prints_the_operator_token_that_the_service_accepts() {
    let (workspace, service) = Workspace::with_service(&[]);
    let token = workspace.run_ok(&["secret", "operator"]).line().to_owned();
    let list = |token: &str| client().get(service.url("/jobs")).bearer_auth(token).send().unwrap().status();
    assert_eq!(list(&token), 200);
    assert_eq!(list("another"), 401);
    assert_eq!(workspace.run_ok(&["secret", "operator"]).line(), token, "the token changed");
    assert_ne!(workspace.run_ok(&["secret", "webhook"]).line(), token);
    let output = workspace
        .command(&["secret", "operator"])
        .env("OPERATOR_TOKEN", "configured-token")
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"configured-token\n");
}

#[test]
fn secret_creates_nothing_where_there_is_no_store() {
    let workspace = Workspace::new();
    for name in ["operator", "webhook"] {
        let run = workspace.run(&["secret", name]);
        assert!(run.code == Some(1) && run.out.is_empty(), "{run:?}");
        assert!(run.err.contains("holds no store") && run.err.contains("DATA_DIR"), "{run:?}");
    }
    assert!(!workspace.path("data").exists(), "a data directory was created");
    std::fs::create_dir(workspace.path("data")).unwrap();
    assert_eq!(workspace.run(&["secret", "operator"]).code, Some(1));
    assert!(workspace.names("data").is_empty());
    let output = workspace
        .command(&["secret", "operator"])
        .env("OPERATOR_TOKEN", "configured-token")
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"configured-token\n", "a configured token needs a store");
}

#[test]
fn jobs_are_listed_with_the_token_or_beside_the_store() {
    let (workspace, service) = Workspace::with_service(&[]);
    workspace.write_picture("a.png", 50);
    let first = workspace.run_ok(&["submit", "a.png"]).line().to_owned();
    let second = workspace.run_ok(&["submit", "a.png"]).line().to_owned();
    wait_for_end(&service, &first);
    wait_for_end(&service, &second);
    let list = workspace.run_ok(&["jobs", "list"]);
    let lines: Vec<&str> = list.out.lines().collect();
    assert_eq!(lines.len(), 3, "{list:?}");
    assert!(lines[0].starts_with("JOB "), "{list:?}");
    assert!(lines[1].starts_with(&second) && lines[2].starts_with(&first), "{list:?}");
    assert!(lines[1].contains("completed") && lines[1].contains("1 good"), "{list:?}");
    let json = workspace.run_ok(&["jobs", "list", "--json", "--limit", "1"]);
    assert_eq!(json.json()["job_id"], second);
    assert_eq!(workspace.run_ok(&["jobs", "list", "--status", "failed", "--json"]).out, "");
    assert_eq!(workspace.run_ok(&["jobs", "list", "--type", "image_batch", "--json"]).out.lines().count(), 2);
    let token = workspace.run_ok(&["secret", "operator"]).line().to_owned();
    let elsewhere = |args: &[&str]| {
        let mut command = workspace.command(args);
        command.env("DATA_DIR", workspace.path("nowhere")).output().unwrap()
    };
    assert!(elsewhere(&["jobs", "list", "--token", &token]).status.success());
    assert_eq!(elsewhere(&["jobs", "list", "--token", "another"]).status.code(), Some(1));
    let output = elsewhere(&["jobs", "list"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("OPERATOR_TOKEN"), "{output:?}");
    assert!(!workspace.path("nowhere").exists(), "looking for a token created a store");
}

#[test]
fn pages_are_combined_up_to_the_limit() {
    let (workspace, _service) = Workspace::with_service(&[]);
    workspace.write_picture("a.png", 20);
    let created: Vec<String> =
        (0..3).map(|_| workspace.run_ok(&["submit", "a.png"]).line().to_owned()).collect();
    let listed = |limit: &str| -> Vec<String> {
        let run = workspace.run_ok(&["jobs", "list", "--json", "--limit", limit]);
        let id =
            |line: &str| serde_json::from_str::<Value>(line).unwrap()["job_id"].as_str().unwrap().to_owned();
        run.out.lines().map(id).collect()
    };
    let newest_first: Vec<_> = created.iter().rev().cloned().collect();
    assert_eq!(listed("2"), newest_first[..2]);
    assert_eq!(listed("300"), newest_first);
}

#[test]
fn numbers_out_of_range_are_reported_with_their_range() {
    let workspace = Workspace::new();
    workspace.write_picture("a.png", 20);
    for (args, range) in [
        (["submit", "a.png", "--ttl", "0"], "0 is not in 1..=168"),
        (["submit", "a.png", "--ttl", "-1"], "-1 is not in 1..=168"),
        (["submit", "a.png", "--ttl", "169"], "169 is not in 1..=168"),
        (["jobs", "list", "--limit", "0"], "0 is not in 1..=1000000"),
        (["jobs", "list", "--limit", "-1"], "-1 is not in 1..=1000000"),
    ] {
        let run = workspace.run(&args);
        assert!(run.code == Some(2) && run.err.contains(range), "{args:?}: {run:?}");
    }
}

#[test]
fn a_job_is_shown_with_the_outcome_of_each_picture() {
    let (workspace, service) = Workspace::with_service(&[]);
    workspace.write_picture("good.png", 50);
    workspace.write_broken("bad.png");
    let id = workspace.run_ok(&["submit", "good.png", "bad.png"]).line().to_owned();
    wait_for_end(&service, &id);
    let shown = workspace.run_ok(&["jobs", "show", &id]).out;
    assert!(shown.contains("1 good, 1 failed"), "{shown}");
    assert!(
        shown.contains("\n  good.png  #") && shown.contains("\n  bad.png  PROCESSING_ERROR: "),
        "{shown}"
    );
    let json = workspace.run_ok(&["jobs", "show", &id, "--json"]).json();
    assert_eq!((&json["job_id"], &json["results"][0]["filename"]), (&id.as_str().into(), &"good.png".into()));
    let last = if id.ends_with('0') { "1" } else { "0" };
    let run = workspace.run(&["jobs", "show", &format!("{}{last}", &id[..id.len() - 1])]);
    assert!(run.code == Some(1) && run.err.contains("JOB_NOT_FOUND"), "{run:?}");
    assert_eq!(workspace.run(&["jobs", "show", "../health"]).code, Some(2));
}

#[test]
fn a_job_is_canceled_once() {
    let (workspace, service) = Workspace::with_service(&[("HUEMILL__WORKERS__COUNT", "1")]);
    workspace.write_large_album("album");
    let id = workspace.run_ok(&["submit", "album"]).line().to_owned();
    let canceled = workspace.run_ok(&["jobs", "cancel", &id]);
    assert_eq!(canceled.line(), format!("{id}  canceled"));
    assert_eq!(job_status(&service, &id)["status"], "canceled");
    assert_eq!(
        workspace.run_ok(&["jobs", "cancel", &id, "--json"]).json()["status"],
        "canceled",
        "canceling again has another result"
    );
    workspace.write_picture("a.png", 20);
    let done = workspace.run_ok(&["submit", "a.png"]).line().to_owned();
    wait_for_end(&service, &done);
    let run = workspace.run(&["jobs", "cancel", &done]);
    assert!(run.code == Some(1) && run.err.contains("JOB_NOT_CANCELABLE"), "{run:?}");
}
