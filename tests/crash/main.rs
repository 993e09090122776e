//! Crashes: a service is killed again and again, at any moment, while clients create, poll and cancel jobs. It loses
//! nothing that it accepted, does nothing twice and leaves nothing behind.
//!
//! A short run is part of the other tests; `make crash` makes a long one. `HUEMILL_CRASH_ROUNDS` sets how often the
//! service is killed on each storage, `HUEMILL_CRASH_SEED` repeats the random choices of a run.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "a test, and its report")]

mod audit;
mod poison;
mod shutdown;
mod storage;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use storage::Storage;
use support::clients::Clients;
use support::receiver::{Receiver, Reply};
use support::servers::postgres::Cluster;
use support::servers::{self, require};
use support::service::Service;
use support::{loopback_settings, outcomes, variables};

/// How often a short run kills the service.
const ROUNDS: u32 = 15;
const ROUNDS_WITH_BUCKET: u32 = 5;

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Settings with which things happen soon.
fn fast_settings() -> Vec<(String, String)> {
    variables(&[
        ("HUEMILL__WORKERS__COUNT", "2"),
        ("HUEMILL__JOBS__LEASE_SECONDS", "3"),
        ("HUEMILL__JOBS__POLL_MS", "50"),
        ("HUEMILL__JOBS__COLLECT_SECONDS", "1"),
        ("HUEMILL__JOBS__ORPHAN_SECONDS", "2"),
    ])
}

/// Settings with which the service sends webhooks to this receiver and soon repeats attempts that fail.
fn webhook_settings(receiver: &Receiver) -> Vec<(String, String)> {
    let retries = [
        ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0,0,0,1,1,1,1,1,1,1"),
        ("HUEMILL__WEBHOOKS__TRY_SECONDS", "5"),
    ];
    [loopback_settings(&[receiver.port()]), variables(&retries)].concat()
}

fn assert_survives_crashes(storage: &Storage, short: u32) {
    let rounds = from_environment("HUEMILL_CRASH_ROUNDS").unwrap_or(short);
    let seed = from_environment("HUEMILL_CRASH_SEED").unwrap_or_else(rand::random::<u64>);
    println!("the service is killed {rounds} times, seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let receiver = Receiver::start(|number, _| Reply::status(if number % 5 == 0 { 500 } else { 204 }));
    let mut environment = storage.environment();
    environment.extend(webhook_settings(&receiver));
    let clients = Clients::start(seed, &receiver.url("/"));
    for _ in 0..rounds {
        let service = Service::start(storage.data(), &environment);
        clients.addresses().set(&[service.address]);
        std::thread::sleep(Duration::from_millis(random.random_range(20..900)));
        service.kill();
    }
    clients.stop_creating();
    let service = Service::start(storage.data(), &environment);
    clients.addresses().set(&[service.address]);
    let record = clients.stop();
    outcomes::every_job_ends(&service, &record);
    outcomes::every_webhook_is_delivered(&receiver, &record);
    audit::leftover_blobs_are_removed(&service, storage, &record);
    assert_eq!(service.stop(), Some(0));
    audit::rows_are_consistent(storage, &record);
    println!("{} jobs accepted, {} of them canceled", record.accepted.len(), record.canceled.len());
}

#[test]
fn nothing_is_lost_on_sqlite() {
    assert_survives_crashes(&Storage::embedded(), ROUNDS);
}

#[test]
fn nothing_is_lost_on_postgresql() {
    require!(PostgreSql);
    let cluster = Cluster::start();
    assert_survives_crashes(&Storage::postgres(&cluster), ROUNDS);
}

#[test]
fn nothing_is_lost_in_a_bucket() {
    require!(S3);
    assert_survives_crashes(&Storage::bucket(), ROUNDS_WITH_BUCKET);
}
