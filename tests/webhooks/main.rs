//! Webhooks from end to end: a real service, real receivers, the published verifiers.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

mod desk;
#[path = "../support/receiver.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod receiver;
mod retries;
#[path = "../support/service.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod service;
mod signatures;
mod strangers;

use std::time::{Duration, Instant};

/// Waits for a condition with a deadline.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + service::PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
