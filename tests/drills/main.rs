//! Drills: each alert fires for real. A real service has a real fault; a real Prometheus with the rules of this
//! repository and a real Alertmanager with its routes watch it, on loopback; a pager waits for the page and for its
//! resolution. Time runs faster: one factor per drill shortens all windows, waits and intervals.
//!
//! A drill is a test with the names of its alerts. The quick drills run with the other tests; `make drills` runs all of
//! them and prints the report.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "a test, and its report")]

mod clients;
mod delayed_server;
mod errors;
mod faults;
mod hostile;
mod jobs;
mod latency;
mod monitoring_stack;
mod outage;
mod report;
mod resources;
mod scale;
#[path = "../support/mod.rs"]
mod support;
mod watchdog;
mod webhooks;

use std::time::{Duration, Instant};

use monitoring_stack::MonitoringStack;
use report::Alarm;
use support::http::is_ready;
use support::service::Service;
use support::{servers, variables, wait_until};

/// How long a drill waits for pages. Several drills run at once.
const PAGE_TIMEOUT: Duration = Duration::from_secs(180);

/// Runs a drill: the fault begins, each alert pages by the route of its priority, the fault ends, each page resolves.
/// The value that `fault` returns goes to `cure`; dropping it ends a fault that goes on by itself.
fn drill<F, C>(
    stack: &MonitoringStack,
    alarms: &[Alarm],
    fault: impl FnOnce() -> F,
    cure: impl FnOnce(F) -> C,
) {
    for alarm in alarms {
        assert!(
            !stack.pager.is_triggered(alarm.alert, alarm.priority),
            "{} fires without a fault",
            alarm.alert
        );
    }
    let begun = Instant::now();
    let fault = fault();
    let paged =
        times(stack, alarms, begun, "page", |alarm| stack.pager.is_triggered(alarm.alert, alarm.priority));
    let ended = Instant::now();
    // What the cure returns goes on until the pages have resolved.
    let pages = stack.pager.pages();
    let _good = cure(fault);
    let resolved = times(stack, alarms, ended, "resolve", |alarm| {
        stack.pager.is_resolved_since(pages, alarm.alert, alarm.priority)
    });
    for (alarm, (page, resolve)) in alarms.iter().zip(paged.into_iter().zip(resolved)) {
        alarm.report(page, resolve);
    }
    println!("{}: all alerts that fired: {:?}", alarms[0].alert, stack.pager.all());
}

/// Waits until the condition holds for each alert, and returns how long after `begun` this was.
fn times(
    stack: &MonitoringStack,
    alarms: &[Alarm],
    begun: Instant,
    what: &str,
    holds: impl Fn(&Alarm) -> bool,
) -> Vec<Duration> {
    let mut times = vec![None; alarms.len()];
    while times.contains(&None) {
        for (alarm, time) in alarms.iter().zip(&mut times).filter(|(_, time)| time.is_none()) {
            *time = holds(alarm).then(|| begun.elapsed());
        }
        let late: Vec<_> = alarms.iter().zip(&times).filter(|(_, time)| time.is_none()).collect();
        let fired = stack.pager.all();
        assert!(begun.elapsed() < PAGE_TIMEOUT, "these never {what}: {late:?}; all that fired: {fired:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    times.into_iter().flatten().collect()
}

/// Starts a service with these settings and waits until it is ready.
fn start_ready(data: &std::path::Path, settings: &[(&str, String)]) -> Service {
    let quick = [("HUEMILL__HEALTH__INTERVAL_SECONDS", "1"), ("HUEMILL__HEALTH__STORE_SECONDS", "1")];
    let service = Service::start(data, &[variables(&quick), variables(settings)].concat());
    wait_until("the service is ready", || is_ready(&service));
    service
}
