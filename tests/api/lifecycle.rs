//! Start and stop: signals, drain, exit codes, what a wrong setting says.

use std::io::{Read, Write};
use std::process::Command;

use crate::app::{App, spawn};
use crate::cards::photo;

#[test]
fn sigterm_drains_and_ends_with_zero() {
    let mut app = App::start(&[("HUEMILL__SERVER__SHUTDOWN_DELAY_MS", "1500")]);
    let picture = photo("png");
    let mut socket = app.socket();
    let head = format!(
        "POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        picture.len()
    );
    socket.write_all(head.as_bytes()).unwrap();
    let (first, rest) = picture.split_at(1000);
    socket.write_all(first).unwrap();
    app.wait_for("the upload's admission", |app| app.metric("uploads_in_flight_bytes") > 0);

    app.signal("-TERM");
    app.wait_for("not ready while still listening", |app| app.get("/ready").status() == 503);
    let refused = app.process(picture.clone());
    assert_eq!(refused.status(), 503);
    assert!(refused.text().unwrap().contains("NOT_READY"));

    socket.write_all(rest).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200"),
        "the admitted upload was finished: {}",
        &answer[..answer.len().min(300)]
    );
    assert_eq!(app.wait_for_end().code(), Some(0));
    let log = app.log();
    for event in ["shutdown_started", "shutdown_finished"] {
        assert!(log.iter().any(|line| line["event"] == event), "{event}");
    }
}

#[test]
fn sigint_ends_with_zero_too() {
    let mut app = spawn();
    app.signal("-INT");
    assert_eq!(app.wait_for_end().code(), Some(0));
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut app = App::start(&[("HUEMILL__SERVER__SHUTDOWN_DELAY_MS", "600000")]);
    app.signal("-TERM");
    app.wait_for_event("shutdown_started", |_| true);
    app.signal("-TERM");
    assert_eq!(app.wait_for_end().code(), Some(130));
}

fn huemill(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_huemill"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn wrong_settings_are_all_told_before_anything_starts() {
    for arguments in [["check"], ["serve"]] {
        let (code, _, told) =
            huemill(&arguments, &[("PORT", "x"), ("HUEMILL__WORKERS__NONSENSE", "1"), ("HOST", "")]);
        assert_eq!(code, Some(78));
        assert!(told.contains("server.port") && told.contains("workers.nonsense"), "{told}");
    }
}

#[test]
fn check_prints_what_is_in_force_with_secrets_masked() {
    let (code, shown, _) =
        huemill(&["check"], &[("PORT", "1234"), ("OPERATOR_TOKEN", "very-secret-operator-token")]);
    assert_eq!(code, Some(0));
    assert!(shown.contains("port = 1234") && shown.contains("operator_token = \"********\""), "{shown}");
    assert!(!shown.contains("very-secret"));
}

#[test]
fn a_port_in_use_is_told() {
    let app = spawn();
    let port = app.address.port().to_string();
    let data = app.data.path().join("other");
    let (code, log, told) = huemill(&["serve"], &[("PORT", &port), ("DATA_DIR", data.to_str().unwrap())]);
    assert_eq!((code, log.as_str(), told.lines().count()), (Some(1), "", 1), "{told}");
    assert!(told.contains(&port), "{told}");
}

#[test]
fn healthcheck_tells_ready_from_not() {
    let mut app = spawn();
    let url = app.url("/ready");
    assert_eq!(huemill(&["healthcheck", "--url", &url], &[]).0, Some(0));
    assert_eq!(huemill(&["healthcheck"], &[("PORT", &app.address.port().to_string())]).0, Some(0));
    assert_eq!(huemill(&["healthcheck", "--url", &app.url("/nowhere")], &[]).0, Some(1));
    app.signal("-TERM");
    app.wait_for_end();
    assert_eq!(huemill(&["healthcheck", "--url", &url], &[]).0, Some(1));
}
