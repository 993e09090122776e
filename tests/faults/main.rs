//! Faults of what the service stands on (database, disk, bucket, network, clock, other processes) while jobs run. A
//! file for each kind. Afterwards, without a restart: each picture has ended once, no lease is left that nothing
//! works on, and the figures are those of a count by hand.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

#[path = "../support/bucket_proxy.rs"]
mod bucket_proxy;
mod clock;
mod crowd;
#[path = "../support/database.rs"]
mod database;
mod deletion;
#[path = "../support/deployment.rs"]
mod deployment;
mod jobs;
mod leases;
#[path = "../support/ledger.rs"]
mod ledger;
#[path = "../support/permissions.rs"]
mod permissions;
#[path = "../../store/tests/support/postgres.rs"]
mod postgres;
#[path = "../support/proxy.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod proxy;
mod quota;
#[path = "../support/receiver.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod receiver;
mod receivers;
#[path = "../../store/tests/support/s3.rs"]
mod s3;
#[path = "../support/service.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod service;
mod suspects;
mod undeletable;
mod unreadable;
#[path = "../support/wall_clock.rs"]
mod wall_clock;

use std::fmt::Debug;
use std::time::{Duration, Instant};

use database::Database;
use service::{PATIENCE, Service};

/// Waits for a condition with a deadline.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs cases that mostly wait beside each other, each on a thread that has its name.
fn beside_each_other<Case: Debug + Send>(cases: impl IntoIterator<Item = Case>, run: impl Fn(Case) + Sync) {
    let run = &run;
    std::thread::scope(|scope| {
        for case in cases {
            let thread = std::thread::Builder::new().name(format!("{case:?}"));
            thread.spawn_scoped(scope, move || run(case)).unwrap();
        }
    });
}

/// What must be true after every fault.
fn all_is_well(services: &[&Service], database: &Database) {
    ledger::everything_ends(database);
    ledger::rows_add_up(database);
    for service in services {
        ledger::figures_are_true(service, database);
    }
}
