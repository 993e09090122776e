//! Chaos: while clients create, poll, cancel and delete jobs, faults of every kind strike at random: processes are
//! killed, stopped and frozen, the store is locked, the network is cut or loses replies, blobs cannot be read or
//! removed, the bucket is busy, the clock jumps. Afterwards nothing is lost, nothing is doubled, nothing is stuck, and
//! the figures are those of a count by hand.
//!
//! The short form runs with the other tests; `make chaos` runs the long one. `HUEMILL_CHAOS_FAULTS` says how many
//! faults strike each deployment, `HUEMILL_CHAOS_SEED` repeats a run's choices.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "a test, and its report")]

#[path = "../support/bucket_proxy.rs"]
mod bucket_proxy;
#[path = "../support/clients.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod clients;
#[path = "../support/database.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod database;
#[path = "../support/deployment.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod deployment;
mod faults;
mod fleet;
#[path = "../support/ledger.rs"]
mod ledger;
mod leftovers;
#[path = "../support/outcomes.rs"]
mod outcomes;
#[path = "../support/permissions.rs"]
mod permissions;
#[path = "../../store/tests/support/postgres.rs"]
mod postgres;
#[path = "../support/proxy.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod proxy;
#[path = "../support/receiver.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod receiver;
#[path = "../../store/tests/support/s3.rs"]
mod s3;
#[path = "../support/service.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod service;
#[path = "../support/wall_clock.rs"]
mod wall_clock;

use std::time::{Duration, Instant};

use clients::{Clients, Seen};
use deployment::{Deployment, Kind};
use fleet::Fleet;
use rand::SeedableRng;
use rand::rngs::StdRng;
use receiver::{Receiver, Reply};
use service::PATIENCE;

/// Faults of the short form.
const FAULTS: u32 = 12;
/// After so many, all that was accepted has to end before the next: a process that is killed later heals much.
const ROUND: u32 = 4;
const LEASE: Duration = Duration::from_secs(3);

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Waits for a condition with a deadline.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn deployed(kind: Kind, receiver: &Receiver) -> Deployment {
    Deployment::new(kind).with(&[
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", &receiver.port().to_string()),
        ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0,0,0,1,1,1,1,1,1,1"),
        ("HUEMILL__WEBHOOKS__TRY_SECONDS", "1"),
        ("HUEMILL__WEBHOOKS__POLL_SECONDS", "1"),
        // A stop that takes longer than this and a little hangs.
        ("HUEMILL__SERVER__DRAIN_SECONDS", "5"),
        ("HUEMILL__JOBS__DRAIN_TIMEOUT_SECONDS", "5"),
        // Longer than a submission may be held up between its blobs and its row.
        ("HUEMILL__JOBS__ORPHAN_SECONDS", "25"),
    ])
}

fn survives(kind: Kind, processes: usize) {
    let count = from_environment("HUEMILL_CHAOS_FAULTS").unwrap_or(FAULTS);
    let seed = from_environment("HUEMILL_CHAOS_SEED").unwrap_or_else(rand::random::<u64>);
    println!("{kind:?}: {count} faults, seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let receiver = Receiver::start(|number, _| Reply::status(if number % 5 == 0 { 500 } else { 204 }));
    let deployment = deployed(kind, &receiver);
    let clients = Clients::start_with_deletion(seed, &receiver.url("/"));
    let mut fleet = Fleet::start(&deployment, clients.addresses(), processes);
    let mut longest = Duration::ZERO;
    for number in 1..=count {
        faults::strike(number, kind, &mut fleet, &mut random);
        if number % ROUND == 0 || number == count {
            longest = longest.max(time_to_end(&clients, &deployment));
        }
    }
    clients.create_no_more();
    let seen = clients.stop();
    println!(
        "{kind:?}: {} jobs, {} of them canceled, {} deleted; all had ended {:.1} leases after a fault at most",
        seen.keys,
        seen.canceled.len(),
        seen.deleted.len(),
        longest.as_secs_f64() / LEASE.as_secs_f64()
    );
    ledger::everything_ends(&deployment.database());
    audit(fleet, &receiver, &seen);
}

/// How long after the last fault it takes until everything has ended: two leases are meant, a busy machine may take
/// longer, and what is stuck never does.
fn time_to_end(clients: &Clients, deployment: &Deployment) -> Duration {
    let last = Instant::now();
    clients.rest(true);
    ledger::everything_ends(&deployment.database());
    clients.rest(false);
    last.elapsed()
}

fn audit(fleet: Fleet<'_>, receiver: &Receiver, seen: &Seen) {
    let database = fleet.deployment.database();
    for service in fleet.services() {
        ledger::figures_are_true(service, &database);
    }
    outcomes::every_job_ends(fleet.services().next().unwrap(), seen);
    outcomes::every_end_is_delivered(receiver, seen);
    ledger::rows_add_up(&database);
    let jobs = database.count("SELECT count(*) FROM jobs");
    assert_eq!(jobs, seen.keys as i64, "each key that was sent has made one job");
    let unlike = "SELECT job_id || '/' || number || ' ' || error_code || ', attempt ' || attempt FROM items \
         WHERE state = 'failed' AND (error_code <> 'INTERNAL_ERROR' OR attempt < 3)";
    assert_eq!(
        database.texts(unlike),
        Vec::<String>::new(),
        "good pictures fail after several attempts alone"
    );
    leftovers::are_collected(fleet.deployment, &database);
    fleet.stop();
}

#[test]
fn nothing_is_lost_on_sqlite() {
    survives(Kind::Embedded, 1);
}

#[test]
fn nothing_is_lost_by_three_processes_on_postgresql() {
    survives(Kind::Postgres, 3);
}

#[test]
fn nothing_is_lost_by_two_processes_on_postgresql_and_a_bucket() {
    survives(Kind::PostgresAndBucket, 2);
}
