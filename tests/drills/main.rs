//! Drills: each alarm rings for real. A real service under a real fault, a real Prometheus with the rules of this
//! repository and a real Alertmanager with its routes, on loopback, and a pager that waits for the page and for its
//! end. Time runs faster, by one factor of a town for all windows, waits and intervals.
//!
//! A drill is a test that bears its alerts' names. The quick ones run with the other tests; `make drills` runs them all
//! and prints the report.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "a test, and its report")]

mod clients;
mod errors;
mod faults;
mod hostile;
mod jobs;
mod latency;
mod outage;
#[path = "../support/permissions.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod permissions;
#[path = "../../store/tests/support/postgres.rs"]
mod postgres;
#[path = "../support/proxy.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod proxy;
#[path = "../support/receiver.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod receiver;
mod report;
mod room;
mod scale;
mod servers;
#[path = "../support/service.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod service;
mod town;
mod watch;
mod webhooks;

use std::time::{Duration, Instant};

use report::Alarm;
use service::Service;
use town::Town;

/// How long a drill waits for anything: several run at once.
const PATIENCE: Duration = Duration::from_secs(180);

/// Waits for a condition with a deadline.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// One drill: the fault begins, each page arrives where its priority belongs, the fault ends, each page resolves.
/// What `fault` gives is kept until then; dropping it ends what goes on by itself.
fn drill<F, C>(town: &Town, alarms: &[Alarm], fault: impl FnOnce() -> F, cure: impl FnOnce(F) -> C) {
    for alarm in alarms {
        assert!(
            !town.pager.is_triggered(alarm.alert, alarm.priority),
            "{} rings without a fault",
            alarm.alert
        );
    }
    let begun = Instant::now();
    let fault = fault();
    let paged =
        times(town, alarms, begun, "pages", |alarm| town.pager.is_triggered(alarm.alert, alarm.priority));
    let ended = Instant::now();
    // What the cure gives goes on until the pages have resolved.
    let told = town.pager.told_so_far();
    let _good = cure(fault);
    let resolved = times(town, alarms, ended, "resolves", |alarm| {
        town.pager.is_quiet_since(told, alarm.alert, alarm.priority)
    });
    for (alarm, (page, resolve)) in alarms.iter().zip(paged.into_iter().zip(resolved)) {
        alarm.report(page, resolve);
    }
    println!("{}: all that rang: {:?}", alarms[0].alert, town.pager.all());
}

/// How long after `begun` each alarm came so far.
fn times(
    town: &Town,
    alarms: &[Alarm],
    begun: Instant,
    what: &str,
    came: impl Fn(&Alarm) -> bool,
) -> Vec<Duration> {
    let mut times = vec![None; alarms.len()];
    while times.contains(&None) {
        for (alarm, time) in alarms.iter().zip(&mut times).filter(|(_, time)| time.is_none()) {
            *time = came(alarm).then(|| begun.elapsed());
        }
        let late: Vec<_> = alarms.iter().zip(&times).filter(|(_, time)| time.is_none()).collect();
        let rang = town.pager.all();
        assert!(begun.elapsed() < PATIENCE, "never {what}: {late:?}; all that rang: {rang:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    times.into_iter().flatten().collect()
}

/// A service that is ready, with these settings.
fn ready(data: &std::path::Path, settings: &[(&str, String)]) -> Service {
    let quick = [("HUEMILL__HEALTH__INTERVAL_SECONDS", "1"), ("HUEMILL__HEALTH__STORE_SECONDS", "1")];
    let quick = quick.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
    let service = Service::start(data, &quick.chain(settings).collect::<Vec<_>>());
    until("it is ready", || clients::Customer::of(&service).is_ready());
    service
}
