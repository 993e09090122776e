//! The log on standard output: an output that is not read or is closed delays no request, and signals change the filter
//! while the service runs.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

#[path = "support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use support::http::{client, metric_in};
use support::pictures::small_png;
use support::service::Service;
use support::wait_until;

/// A service whose standard output no thread reads. It is killed when it is dropped.
struct UnreadService {
    child: Child,
    url: String,
}

impl UnreadService {
    /// Starts a service and returns once it listens, with the rest of its output.
    fn start(data: &std::path::Path) -> (Self, BufReader<ChildStdout>) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_huemill"))
            .env_clear()
            .env("PORT", "0")
            .env("DATA_DIR", data)
            // Otherwise a single caller cannot write more lines than are read.
            .env("HUEMILL__LOG__REQUESTS_PER_SECOND", "1000000")
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(output.read_line(&mut line).unwrap() > 0, "the service ended");
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            if line["event"] == "service_started" {
                break line["address"].as_str().unwrap().to_owned();
            }
        };
        (Self { child, url: format!("http://{address}") }, output)
    }

    /// Sends requests until log lines are lost, and checks that every request is answered.
    fn assert_answers_while_lines_are_lost(&self) {
        wait_until("log lines are lost", || {
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let client = client();
                        for _ in 0..1_500 {
                            let answer = client.get(format!("{}/health", self.url)).send().unwrap();
                            assert_eq!(answer.status(), 200);
                        }
                    });
                }
            });
            self.lost() > 0
        });
    }

    /// The number of log lines that the service has lost.
    fn lost(&self) -> u64 {
        let scrape = client().get(format!("{}/metrics", self.url)).send().unwrap().text().unwrap();
        metric_in(&scrape, "log_lines_dropped_total").unwrap() as u64
    }
}

impl Drop for UnreadService {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn output_that_is_not_read_delays_no_request() {
    let data = tempfile::tempdir().unwrap();
    let (service, _unread) = UnreadService::start(data.path());
    service.assert_answers_while_lines_are_lost();
}

#[test]
fn output_that_is_closed_delays_no_request() {
    let data = tempfile::tempdir().unwrap();
    let (service, output) = UnreadService::start(data.path());
    drop(output);
    service.assert_answers_while_lines_are_lost();
}

#[test]
fn signals_raise_and_lower_the_log_level() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), &[]);
    let wait_for_changes = |count: usize| {
        wait_until("the filter changes", || service.logged("log_filter_changed").len() >= count);
    };
    let process = || {
        let request = client().post(service.url("/process")).header("content-type", "image/png");
        let request = request.body(small_png());
        assert_eq!(request.send().unwrap().status(), 200);
    };
    process();
    service.signal("-USR1");
    wait_for_changes(1);
    let before = service.logged("stages_timed").len();
    assert_eq!(before, 0, "there are debug lines before the change");
    process();
    service.signal("-USR2");
    wait_for_changes(2);
    // Lines are in order: those of before the change are there.
    let more = service.logged("stages_timed").len();
    assert!(more > 0, "there are no debug lines");
    process();
    service.signal("-USR1");
    wait_for_changes(3);
    assert_eq!(service.logged("stages_timed").len(), more, "there are debug lines after the change back");
}
