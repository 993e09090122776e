//! Crashes: a service that is killed again and again, at any moment, while clients create, poll and cancel jobs.
//! Nothing that was accepted is lost, nothing is done twice, nothing is left behind.
//!
//! The short form runs with the other tests; `make crash` runs the long one. `HUEMILL_CRASH_ROUNDS` says how many
//! lives a store's service has, `HUEMILL_CRASH_SEED` repeats a run's choices.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "a test, and its report")]

mod audit;
#[path = "../support/clients.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod clients;
#[path = "../support/outcomes.rs"]
mod outcomes;
mod place;
mod poison;
#[path = "../../store/tests/support/postgres.rs"]
mod postgres;
#[path = "../support/receiver.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod receiver;
#[path = "../../store/tests/support/s3.rs"]
mod s3;
#[path = "../support/service.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod service;
mod stops;

use std::time::{Duration, Instant};

use place::Place;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use receiver::{Receiver, Reply};
use service::Service;

/// Lives of the short form.
const ROUNDS: u32 = 15;
const ROUNDS_IN_A_BUCKET: u32 = 5;

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Everything soon.
fn soon() -> Vec<(String, String)> {
    [
        ("HUEMILL__WORKERS__COUNT", "2"),
        ("HUEMILL__JOBS__LEASE_SECONDS", "3"),
        ("HUEMILL__JOBS__POLL_MS", "50"),
        ("HUEMILL__JOBS__COLLECT_SECONDS", "1"),
        ("HUEMILL__JOBS__ORPHAN_SECONDS", "2"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec()
}

/// Webhooks to this receiver, tried soon again.
fn may_send_to(receiver: &Receiver) -> [(String, String); 4] {
    [
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32".to_owned()),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", receiver.port().to_string()),
        ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0,0,0,1,1,1,1,1,1,1".to_owned()),
        ("HUEMILL__WEBHOOKS__TRY_SECONDS", "1".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
}

fn survives_crashes(place: &Place, short: u32) {
    let rounds = from_environment("HUEMILL_CRASH_ROUNDS").unwrap_or(short);
    let seed = from_environment("HUEMILL_CRASH_SEED").unwrap_or_else(rand::random::<u64>);
    println!("{rounds} lives, seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let receiver = Receiver::start(|number, _| Reply::status(if number % 5 == 0 { 500 } else { 204 }));
    let mut environment = place.environment();
    environment.extend(may_send_to(&receiver));
    let clients = clients::Clients::start(seed, &receiver.url("/"));
    for _ in 0..rounds {
        let service = Service::start(place.data(), &environment);
        clients.addresses().are(&[service.address]);
        std::thread::sleep(Duration::from_millis(random.random_range(20..900)));
        service.kill();
    }
    clients.create_no_more();
    let service = Service::start(place.data(), &environment);
    clients.addresses().are(&[service.address]);
    let seen = clients.stop();
    outcomes::every_job_ends(&service, &seen);
    outcomes::every_end_is_delivered(&receiver, &seen);
    audit::blobs_are_collected(&service, place, &seen);
    assert_eq!(service.stop(), Some(0));
    audit::rows_add_up(place, &seen);
    println!("{} jobs accepted, {} of them canceled", seen.accepted.len(), seen.canceled.len());
}

#[test]
fn nothing_is_lost_on_sqlite() {
    survives_crashes(&Place::embedded(), ROUNDS);
}

#[test]
fn nothing_is_lost_on_postgresql() {
    let cluster = postgres::Cluster::start();
    survives_crashes(&Place::scaled_out(&cluster), ROUNDS);
}

#[test]
fn nothing_is_lost_in_a_bucket() {
    survives_crashes(&Place::in_a_bucket(), ROUNDS_IN_A_BUCKET);
}

/// Waits for a condition with a deadline.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + service::PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
