//! Crashes: a service that is killed again and again, at any moment, while clients create, poll and cancel jobs.
//! Nothing that was accepted is lost, nothing is done twice, nothing is left behind.
//!
//! The short form runs with the other tests; `make crash` runs the long one. `HUEMILL_CRASH_ROUNDS` says how many
//! lives a store's service has, `HUEMILL_CRASH_SEED` repeats a run's choices.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "a test, and its report")]

mod audit;
mod clients;
mod poison;
#[path = "../../store/tests/support/postgres.rs"]
mod postgres;
#[path = "../support/service.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod service;
mod stops;

use std::path::Path;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use service::Service;

/// Lives of the short form.
const ROUNDS: u32 = 15;

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Everything soon.
fn environment(data: &Path, database: Option<&str>) -> Vec<(String, String)> {
    let mut list = vec![
        ("HUEMILL__WORKERS__COUNT".to_owned(), "2".to_owned()),
        ("HUEMILL__JOBS__LEASE_SECONDS".to_owned(), "3".to_owned()),
        ("HUEMILL__JOBS__POLL_MS".to_owned(), "50".to_owned()),
        ("HUEMILL__JOBS__COLLECT_SECONDS".to_owned(), "1".to_owned()),
        ("HUEMILL__JOBS__ORPHAN_SECONDS".to_owned(), "2".to_owned()),
    ];
    if let Some(url) = database {
        list.push(("DATABASE_URL".to_owned(), url.to_owned()));
        list.push(("BLOB_URL".to_owned(), format!("file://{}", data.join("blobs").display())));
    }
    list
}

fn survives_crashes(database: Option<&str>) {
    let rounds = from_environment("HUEMILL_CRASH_ROUNDS").unwrap_or(ROUNDS);
    let seed = from_environment("HUEMILL_CRASH_SEED").unwrap_or_else(rand::random::<u64>);
    println!("{rounds} lives, seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let data = tempfile::tempdir().unwrap();
    let environment = environment(data.path(), database);
    let clients = clients::Clients::start(seed);
    for _ in 0..rounds {
        let service = Service::start(data.path(), &environment);
        clients.find(Some(service.address));
        std::thread::sleep(Duration::from_millis(random.random_range(20..900)));
        service.kill();
    }
    clients.create_no_more();
    let service = Service::start(data.path(), &environment);
    clients.find(Some(service.address));
    let seen = clients.stop(&service);
    audit::every_job_ends(&service, &seen);
    audit::blobs_are_collected(&service, data.path(), &seen);
    assert_eq!(service.stop(), Some(0));
    audit::rows_add_up(data.path(), database, &seen);
    println!("{} jobs accepted, {} of them canceled", seen.accepted.len(), seen.canceled.len());
}

#[test]
fn nothing_is_lost_on_sqlite() {
    survives_crashes(None);
}

#[test]
fn nothing_is_lost_on_postgresql() {
    let cluster = postgres::Cluster::start();
    survives_crashes(Some(&cluster.database()));
}

/// Waits for a condition with a deadline.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + service::PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
