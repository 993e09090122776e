//! Traces as a collector and operators see them: a request, its job and its webhook as spans, sent over OTLP; nothing
//! where nobody asked for it; and a collector that is dead.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

#[path = "../support/collector.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod collector;
mod desk;
mod export;
#[path = "../support/receiver.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod receiver;
#[path = "../support/service.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod service;
mod spans;

use std::time::{Duration, Instant};

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + service::PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
