//! What pages of today do in a real browser, from another origin than the service's: they send forms, run jobs with the
//! headers of an instrumented front end, save cards and delete jobs. Drives Chromium.

#![allow(clippy::unwrap_used)]

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use support::pictures::noise_png;
use support::servers::{Tool, require};
use support::service::Service;

#[path = "../support/mod.rs"]
mod support;
use support::servers;

/// Lets the browser do everything, and returns what came of it.
fn visit() -> Value {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("picture.png");
    std::fs::write(&picture, noise_png(64, 1)).unwrap();
    let downloads = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), &[]);
    let done = Command::new("node")
        .current_dir(Tool::BrowserDriver.path())
        .arg("visit.mjs")
        .arg(Tool::Chromium.path())
        .arg(service.url(""))
        .args([picture.as_path(), downloads.path()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

#[test]
fn pages_of_another_origin_work_in_a_browser() {
    require!(BrowserDriver, Chromium);
    let found = visit();
    let (job, form) = (&found["job"], &found["form"]);
    assert_eq!((&job["accepted"], &job["body"]["status"]), (&json!(202), &json!("completed")), "{job}");
    assert_eq!(
        (&job["location"], &job["exposed"]),
        (&json!(true), &json!(true)),
        "headers are not exposed: {job}"
    );
    assert_eq!(found["download"]["stayed"], true, "the page was left: {}", found["download"]);
    assert!(found["download"]["size"].as_u64().unwrap() > 1000, "{}", found["download"]);
    assert_eq!(found["removed"], json!({"status": 204, "after": 404}));
    // A form's page shows what was answered; a picture instead of JSON would break scripts that read it.
    assert_eq!(form["status"], 200, "{form}");
    assert!(form["type"].as_str().unwrap().starts_with("application/json"), "{form}");
    assert_eq!(form["body"]["palette"].as_array().unwrap().len(), 10);
}
