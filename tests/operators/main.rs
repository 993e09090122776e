//! What operators are promised, held to a real service: nothing that is secret is ever printed, one request's id tells
//! its whole story, and probes are answered whatever hangs.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "a test, and its figures")]

mod addresses;
mod archive;
mod canaries;
#[path = "../support/collector.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod collector;
mod commands;
mod figures;
mod hostile;
mod lines;
#[path = "../../observability/tests/support/mod.rs"]
mod ordered;
#[path = "../../store/tests/support/postgres.rs"]
mod postgres;
#[path = "../support/proxy.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod proxy;
mod readiness;
#[path = "../support/receiver.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod receiver;
mod redaction;
mod scene;
#[path = "../support/service.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod service;
mod story;

use std::time::{Duration, Instant};

/// Waits for a condition with a deadline.
#[track_caller]
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + service::PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Variables as a process takes them.
fn variables(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
