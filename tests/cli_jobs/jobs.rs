//! Jobs listed, shown and canceled; the operator's token.

use serde_json::Value;

use crate::desk::{Desk, client, ended, job};

#[test]
fn the_secret_is_the_one_that_the_list_accepts() {
    let (desk, service) = Desk::with_service(&[]);
    let token = desk.ok(&["secret", "operator"]).line().to_owned();
    let list = |token: &str| client().get(service.url("/jobs")).bearer_auth(token).send().unwrap().status();
    assert_eq!(list(&token), 200);
    assert_eq!(list("another"), 401);
    assert_eq!(desk.ok(&["secret", "operator"]).line(), token, "it stays");
    assert_ne!(desk.ok(&["secret", "webhook"]).line(), token);
    let output =
        desk.command(&["secret", "operator"]).env("OPERATOR_TOKEN", "configured-token").output().unwrap();
    assert_eq!(output.stdout, b"configured-token\n");
}

#[test]
fn no_secret_is_made_where_no_store_is() {
    let desk = Desk::new();
    for name in ["operator", "webhook"] {
        let run = desk.run(&["secret", name]);
        assert!(run.code == Some(1) && run.out.is_empty(), "{run:?}");
        assert!(run.err.contains("holds no store") && run.err.contains("DATA_DIR"), "{run:?}");
    }
    assert!(!desk.path("data").exists(), "nothing is left behind");
    std::fs::create_dir(desk.path("data")).unwrap();
    assert_eq!(desk.run(&["secret", "operator"]).code, Some(1));
    assert!(desk.names("data").is_empty());
    let output =
        desk.command(&["secret", "operator"]).env("OPERATOR_TOKEN", "configured-token").output().unwrap();
    assert_eq!(output.stdout, b"configured-token\n", "what is configured needs no store");
}

#[test]
fn jobs_are_listed_for_whoever_has_the_token_or_the_store() {
    let (desk, service) = Desk::with_service(&[]);
    desk.picture("a.png", 50);
    let first = desk.ok(&["submit", "a.png"]).line().to_owned();
    let second = desk.ok(&["submit", "a.png"]).line().to_owned();
    ended(&service, &first);
    ended(&service, &second);
    let list = desk.ok(&["jobs", "list"]);
    let lines: Vec<&str> = list.out.lines().collect();
    assert_eq!(lines.len(), 3, "{list:?}");
    assert!(lines[0].starts_with("JOB "), "{list:?}");
    assert!(lines[1].starts_with(&second) && lines[2].starts_with(&first), "{list:?}");
    assert!(lines[1].contains("completed") && lines[1].contains("1 good"), "{list:?}");
    let json = desk.ok(&["jobs", "list", "--json", "--limit", "1"]);
    assert_eq!(json.json()["job_id"], second);
    assert_eq!(desk.ok(&["jobs", "list", "--status", "failed", "--json"]).out, "");
    assert_eq!(desk.ok(&["jobs", "list", "--type", "image_batch", "--json"]).out.lines().count(), 2);
    let token = desk.ok(&["secret", "operator"]).line().to_owned();
    let elsewhere = |args: &[&str]| {
        let mut command = desk.command(args);
        command.env("DATA_DIR", desk.path("nowhere")).output().unwrap()
    };
    assert!(elsewhere(&["jobs", "list", "--token", &token]).status.success());
    assert_eq!(elsewhere(&["jobs", "list", "--token", "another"]).status.code(), Some(1));
    let output = elsewhere(&["jobs", "list"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("OPERATOR_TOKEN"), "{output:?}");
    assert!(!desk.path("nowhere").exists(), "looking for a token makes no store");
}

#[test]
fn pages_are_put_together_up_to_the_limit() {
    let (desk, _service) = Desk::with_service(&[]);
    desk.picture("a.png", 20);
    let created: Vec<String> = (0..3).map(|_| desk.ok(&["submit", "a.png"]).line().to_owned()).collect();
    let listed = |limit: &str| -> Vec<String> {
        let run = desk.ok(&["jobs", "list", "--json", "--limit", limit]);
        let id =
            |line: &str| serde_json::from_str::<Value>(line).unwrap()["job_id"].as_str().unwrap().to_owned();
        run.out.lines().map(id).collect()
    };
    let newest_first: Vec<_> = created.iter().rev().cloned().collect();
    assert_eq!(listed("2"), newest_first[..2]);
    assert_eq!(listed("300"), newest_first);
}

#[test]
fn numbers_out_of_range_are_told_with_their_range() {
    let desk = Desk::new();
    desk.picture("a.png", 20);
    for (args, range) in [
        (["submit", "a.png", "--ttl", "0"], "0 is not in 1..=168"),
        (["submit", "a.png", "--ttl", "-1"], "-1 is not in 1..=168"),
        (["submit", "a.png", "--ttl", "169"], "169 is not in 1..=168"),
        (["jobs", "list", "--limit", "0"], "0 is not in 1..=1000000"),
        (["jobs", "list", "--limit", "-1"], "-1 is not in 1..=1000000"),
    ] {
        let run = desk.run(&args);
        assert!(run.code == Some(2) && run.err.contains(range), "{args:?}: {run:?}");
    }
}

#[test]
fn a_job_is_shown_with_what_came_of_its_pictures() {
    let (desk, service) = Desk::with_service(&[]);
    desk.picture("good.png", 50);
    desk.broken("bad.png");
    let id = desk.ok(&["submit", "good.png", "bad.png"]).line().to_owned();
    ended(&service, &id);
    let shown = desk.ok(&["jobs", "show", &id]).out;
    assert!(shown.contains("1 good, 1 failed"), "{shown}");
    assert!(
        shown.contains("\n  good.png  #") && shown.contains("\n  bad.png  PROCESSING_ERROR: "),
        "{shown}"
    );
    let json = desk.ok(&["jobs", "show", &id, "--json"]).json();
    assert_eq!((&json["job_id"], &json["results"][0]["filename"]), (&id.as_str().into(), &"good.png".into()));
    let last = if id.ends_with('0') { "1" } else { "0" };
    let run = desk.run(&["jobs", "show", &format!("{}{last}", &id[..id.len() - 1])]);
    assert!(run.code == Some(1) && run.err.contains("JOB_NOT_FOUND"), "{run:?}");
    assert_eq!(desk.run(&["jobs", "show", "../health"]).code, Some(2));
}

#[test]
fn a_job_is_canceled_once() {
    let (desk, service) = Desk::with_service(&[("HUEMILL__WORKERS__COUNT", "1")]);
    desk.long_work("album");
    let id = desk.ok(&["submit", "album"]).line().to_owned();
    let canceled = desk.ok(&["jobs", "cancel", &id]);
    assert_eq!(canceled.line(), format!("{id}  canceled"));
    assert_eq!(job(&service, &id)["status"], "canceled");
    assert_eq!(desk.ok(&["jobs", "cancel", &id, "--json"]).json()["status"], "canceled", "again is the same");
    desk.picture("a.png", 20);
    let done = desk.ok(&["submit", "a.png"]).line().to_owned();
    ended(&service, &done);
    let run = desk.run(&["jobs", "cancel", &done]);
    assert!(run.code == Some(1) && run.err.contains("JOB_NOT_CANCELABLE"), "{run:?}");
}
