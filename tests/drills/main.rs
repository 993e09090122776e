//! Drills: each alarm rings for real. A real service under a real fault, a real Prometheus with the rules of this
//! repository and a real Alertmanager with its routes, on loopback, and a pager that waits for the page and for its
//! end. Time runs faster, by one factor for all windows, waits and intervals.
//!
//! A drill is a test that bears its alert's name. The quick ones run with the other tests; `make drills` runs them all
//! and prints the report.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "a test, and its report")]

mod clients;
mod jobs;
mod outage;
#[path = "../../store/tests/support/postgres.rs"]
mod postgres;
#[path = "../support/proxy.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod proxy;
#[path = "../support/receiver.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod receiver;
mod scale;
#[path = "../support/service.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod service;
mod town;

use std::time::{Duration, Instant};

use town::Town;

/// Waits for a condition with a deadline.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + service::PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One drill: the fault begins, the page arrives where its priority belongs, the fault ends, the page resolves.
/// What `fault` gives is kept until then; dropping it ends what goes on by itself.
fn drill<F>(
    town: &Town,
    alert: &str,
    priority: &str,
    what: &str,
    fault: impl FnOnce() -> F,
    cure: impl FnOnce(F),
) {
    assert!(!town.pager.has_heard(alert, priority, "firing"), "{alert} rings before there is a fault");
    let begun = Instant::now();
    let fault = fault();
    until(&format!("{alert} pages {priority}"), || town.pager.has_heard(alert, priority, "firing"));
    let paged = begun.elapsed();
    let ended = Instant::now();
    cure(fault);
    until(&format!("{alert} resolves"), || town.pager.has_heard(alert, priority, "resolved"));
    println!(
        "| {alert} | {priority} | {what} | {:.1} | {:.1} |",
        paged.as_secs_f64(),
        ended.elapsed().as_secs_f64()
    );
}
