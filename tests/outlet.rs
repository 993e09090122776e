//! Standard output that is slow or closed, and the log's filter while the service runs.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

#[path = "support/service.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod service;

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use service::{PATIENCE, Service};

fn client() -> Client {
    Client::builder().timeout(Duration::from_secs(30)).no_proxy().build().unwrap()
}

/// A service whose standard output is in the test's hands. Killed when dropped.
struct Mute {
    child: Child,
    url: String,
}

impl Mute {
    /// The service once it listens, and what it says from then on.
    fn start(data: &std::path::Path) -> (Self, BufReader<ChildStdout>) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_huemill"))
            .env_clear()
            .env("PORT", "0")
            .env("DATA_DIR", data)
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

    /// Asks until lines were lost; every request must be answered.
    fn answers_though_lines_are_lost(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.lost() == 0 {
            assert!(Instant::now() < deadline, "no line is lost");
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
        }
    }

    fn lost(&self) -> u64 {
        let text = client().get(format!("{}/metrics", self.url)).send().unwrap().text().unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix("log_lines_dropped_total "));
        value.unwrap().parse().unwrap()
    }
}

impl Drop for Mute {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn output_that_nobody_reads_keeps_no_request_waiting() {
    let data = tempfile::tempdir().unwrap();
    let (service, _unread) = Mute::start(data.path());
    service.answers_though_lines_are_lost();
}

#[test]
fn output_that_is_closed_keeps_no_request_waiting() {
    let data = tempfile::tempdir().unwrap();
    let (service, output) = Mute::start(data.path());
    drop(output);
    service.answers_though_lines_are_lost();
}

#[test]
fn the_log_says_more_and_less_again_at_a_signal() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), &[]);
    let changes = |count: usize| {
        let deadline = Instant::now() + PATIENCE;
        while service.logged("log_filter_changed").len() < count {
            assert!(Instant::now() < deadline, "the filter does not change");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    let process = || {
        let image = image::RgbImage::from_fn(24, 16, |x, y| image::Rgb([x as u8 * 10, y as u8 * 15, 90]));
        let mut bytes = Vec::new();
        image.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
        let request = client().post(service.url("/process")).header("content-type", "image/png").body(bytes);
        assert_eq!(request.send().unwrap().status(), 200);
    };
    process();
    service.signal("-USR1");
    changes(1);
    let before = service.logged("stages_timed").len();
    assert_eq!(before, 0, "debug lines are not asked for yet");
    process();
    service.signal("-USR2");
    changes(2);
    // Lines come in order: what was said before the change is there.
    let more = service.logged("stages_timed").len();
    assert!(more > 0, "debug lines are there");
    process();
    service.signal("-USR1");
    changes(3);
    assert_eq!(service.logged("stages_timed").len(), more, "and no more of them");
}
