//! The service's log: readable lines on a terminal, JSON everywhere else, and nothing of the framework.

use std::process::{Command, Stdio};

use crate::huemill;
use crate::pseudo_terminal::AtTerminal;
use crate::support::http::client;
use crate::support::service::Service;
use crate::support::{variables, wait_until};

/// The service, which listens on any port.
fn serve(data: &tempfile::TempDir, environment: &[(&str, &str)]) -> Command {
    let mut command = huemill(&["serve"]);
    command.env("PORT", "0").env("DATA_DIR", data.path()).env("HUEMILL__SERVER__SHUTDOWN_DELAY_MS", "0");
    command.envs(environment.iter().copied());
    command
}

/// What the service prints on a terminal until it has answered a request and stopped.
fn seen_on_terminal(environment: &[(&str, &str)]) -> String {
    let data = tempfile::tempdir().unwrap();
    let service = AtTerminal::start(serve(&data, environment));
    let greeting = service.wait_for("settings: huemill check");
    let address = greeting.split("Huemill listens on ").nth(1).unwrap().lines().next().unwrap().to_owned();
    assert_eq!(client().get(format!("{address}/health")).send().unwrap().status(), 200);
    service.wait_for("http_request");
    service.stop()
}

/// Whether this is a line of the readable log without colours.
fn is_readable(line: &str) -> bool {
    let shape: String = line.chars().take(13).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "00:00:00.000 "
}

/// The lines of the log, without the greeting.
fn log_lines(seen: &str) -> Vec<&str> {
    let is_greeting = |line: &str| line.starts_with("Huemill listens on") || line.starts_with("  ");
    seen.lines().filter(|line| !is_greeting(line)).collect()
}

#[test]
fn on_a_terminal_lines_are_readable_and_the_first_says_where_the_service_listens() {
    let seen = seen_on_terminal(&[("TERM", "dumb")]);
    let lines = log_lines(&seen);
    assert!(lines.iter().all(|line| is_readable(line)), "{seen}");
    assert!(
        lines[0].contains(" INFO  service_started ") && lines[0].contains("address=127.0.0.1:"),
        "{seen}"
    );
    let request = lines.iter().find(|line| line.contains("http_request")).unwrap();
    assert!(
        request.contains(" INFO  http_request GET /health 200 ") && request.contains(" request_id="),
        "{seen}"
    );
    assert!(lines.last().unwrap().contains("shutdown_finished"), "{seen}");
    for word in ["actix", "worker thread", "starting", "accept thread"] {
        assert!(!seen.contains(word), "{word}: {seen}");
    }
}

#[test]
fn colours_are_there_on_a_terminal_that_has_them_unless_no_color_is_set() {
    let escape = '\u{1b}';
    assert!(
        seen_on_terminal(&[("TERM", "xterm-256color")]).contains(&format!("{escape}[32mINFO {escape}[0m"))
    );
    for environment in [
        &[("TERM", "xterm-256color"), ("NO_COLOR", "1")][..],
        &[("TERM", "dumb")],
        &[],
        &[("TERM", "xterm"), ("HUEMILL__LOG__FORMAT", "json")],
    ] {
        let seen = seen_on_terminal(environment);
        assert!(!seen.contains(escape), "{environment:?}: {seen:?}");
    }
}

#[test]
fn the_setting_decides_where_it_is_not_auto() {
    let seen = seen_on_terminal(&[("TERM", "xterm"), ("HUEMILL__LOG__FORMAT", "json")]);
    for line in log_lines(&seen) {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
    let data = tempfile::tempdir().unwrap();
    let mut command = serve(&data, &[("TERM", "xterm"), ("HUEMILL__LOG__FORMAT", "pretty")]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = rustix::process::Pid::from_child(&child);
    let reader = std::thread::spawn(move || child.wait_with_output().unwrap());
    // The log is complete once the process has ended, and it handles the signal as soon as it listens.
    wait_until("the service stops", || {
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        reader.is_finished()
    });
    let output = reader.join().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().all(is_readable), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn a_pipe_gets_json_without_lines_of_the_framework() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), &variables(&[("TERM", "xterm")]));
    let output = service.output();
    let address = service.url("/health");
    assert_eq!(client().get(address).send().unwrap().status(), 200);
    wait_until("the request is logged", || !service.logged("http_request").is_empty());
    service.signal("-TERM");
    wait_until("the service stops", || output.log().iter().any(|line| line.contains("shutdown_finished")));
    for line in output.log() {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_ne!(line["event"], "log", "{line}");
    }
    assert!(output.stderr().is_empty(), "{:?}", output.stderr());
}

#[test]
fn a_log_in_a_file_is_json_though_errors_go_to_a_terminal() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("log");
    let log = std::fs::File::create(&path).unwrap();
    let command = serve(&data, &[("TERM", "xterm")]);
    let service = AtTerminal::start_with_errors(command, log.into());
    service.wait_for("settings: huemill check");
    service.stop();
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.lines().count() > 1 && text.lines().all(|line| line.starts_with("{\"ts\":")), "{text}");
}
