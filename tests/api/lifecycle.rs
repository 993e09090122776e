//! Start and shutdown: signals, draining, exit codes, and the errors of wrong settings.

use std::io::{Read, Write};
use std::process::Command;

use crate::answers::photo;
use crate::test_service::{TestService, spawn};

#[test]
fn sigterm_drains_and_exits_with_zero() {
    let mut service = TestService::start(&[("HUEMILL__SERVER__SHUTDOWN_DELAY_MS", "6000")]);
    let picture = photo("png");
    let mut socket = service.socket();
    let head = format!(
        "POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        picture.len()
    );
    socket.write_all(head.as_bytes()).unwrap();
    let (first, rest) = picture.split_at(1000);
    socket.write_all(first).unwrap();
    service.wait_for("the upload is admitted", |service| service.metric("uploads_in_flight_bytes") > 0);

    service.signal("-TERM");
    service.wait_for("the service is not ready but still listens", |service| {
        service.get("/ready").status() == 503
    });
    // Balancers that have not noticed yet still send requests.
    assert_eq!(service.process(picture.clone()).status(), 200);

    socket.write_all(rest).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200"),
        "the admitted upload was not finished: {}",
        &answer[..answer.len().min(300)]
    );
    assert_eq!(service.wait_for_exit().code(), Some(0));
    let log = service.log();
    for event in ["shutdown_started", "shutdown_finished"] {
        assert!(log.iter().any(|line| line["event"] == event), "{event}");
    }
}

#[test]
fn sigint_exits_with_zero_too() {
    let mut service = spawn();
    service.signal("-INT");
    assert_eq!(service.wait_for_exit().code(), Some(0));
}

#[test]
fn a_second_signal_exits_at_once() {
    let mut service = TestService::start(&[("HUEMILL__SERVER__SHUTDOWN_DELAY_MS", "600000")]);
    service.signal("-TERM");
    service.wait_for_event("shutdown_started", |_| true);
    service.signal("-TERM");
    assert_eq!(service.wait_for_exit().code(), Some(130));
}

/// Runs the program. Returns its exit code, standard output and standard error.
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
fn all_wrong_settings_are_reported_before_anything_starts() {
    for arguments in [["check"], ["serve"]] {
        let (code, _, errors) =
            huemill(&arguments, &[("PORT", "x"), ("HUEMILL__WORKERS__NONSENSE", "1"), ("HOST", "")]);
        assert_eq!(code, Some(78));
        assert!(errors.contains("server.port") && errors.contains("workers.nonsense"), "{errors}");
    }
}

#[test]
fn check_prints_the_effective_settings_with_masked_secrets() {
    let (code, shown, _) =
        huemill(&["check"], &[("PORT", "1234"), ("OPERATOR_TOKEN", "very-secret-operator-token")]);
    assert_eq!(code, Some(0));
    assert!(shown.contains("port = 1234") && shown.contains("operator_token = \"********\""), "{shown}");
    assert!(!shown.contains("very-secret"));
}

#[test]
fn check_and_the_log_say_that_webhooks_carry_no_download_url() {
    let note =
        |environment: &[(&str, &str)]| huemill(&["check"], environment).2.contains("public.url is not set");
    assert!(note(&[]));
    assert!(!note(&[("PUBLIC_URL", "https://huemill.example")]));
    let logged = |environment: &[(&str, &str)]| {
        let service = TestService::start(environment);
        service.log().iter().filter(|line| line["event"] == "public_url_unset").count()
    };
    assert_eq!(logged(&[]), 1);
    assert_eq!(logged(&[("PUBLIC_URL", "https://huemill.example")]), 0);
}

#[test]
fn check_and_the_log_warn_of_a_short_webhook_secret() {
    let short = [("WEBHOOK_SECRET", "short")];
    let (code, _, err) = huemill(&["check"], &short);
    assert!(code == Some(0) && err.contains("security.webhook_secret") && !err.contains("short"), "{err}");
    let service = TestService::start(&short);
    let line = service.wait_for_event("webhook_secret_short", |_| true);
    assert_eq!(line["level"], "warn", "{line}");
}

#[test]
fn a_port_in_use_is_reported() {
    let service = spawn();
    let port = service.address.port().to_string();
    let data = service.data.path().join("other");
    let (code, log, errors) = huemill(&["serve"], &[("PORT", &port), ("DATA_DIR", data.to_str().unwrap())]);
    assert_eq!((code, log.as_str(), errors.lines().count()), (Some(1), "", 1), "{errors}");
    assert!(errors.contains(&port), "{errors}");
}

#[test]
fn healthcheck_reports_whether_the_service_is_ready() {
    let mut service = spawn();
    let url = service.url("/ready");
    assert_eq!(huemill(&["healthcheck", "--url", &url], &[]).0, Some(0));
    assert_eq!(huemill(&["healthcheck"], &[("PORT", &service.address.port().to_string())]).0, Some(0));
    assert_eq!(huemill(&["healthcheck", "--url", &service.url("/nowhere")], &[]).0, Some(1));
    service.signal("-TERM");
    service.wait_for_exit();
    assert_eq!(huemill(&["healthcheck", "--url", &url], &[]).0, Some(1));
}
