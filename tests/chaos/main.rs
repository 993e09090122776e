//! Chaos: random faults strike while clients create, poll, cancel and delete jobs. Processes are killed, stopped and
//! frozen, the store is locked, the network is cut or loses replies, blobs cannot be read or removed, the bucket is
//! busy, the clock jumps. Afterwards nothing is lost, duplicated or stuck, and the metrics match the rows.
//!
//! A short run is part of the other tests; `make chaos` makes a long one. `HUEMILL_CHAOS_FAULTS` sets the number of
//! faults for each deployment, `HUEMILL_CHAOS_SEED` repeats the random choices of a run.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "a test, and its report")]

mod faults;
mod fleet;
mod leftovers;
#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use fleet::Fleet;
use rand::SeedableRng;
use rand::rngs::StdRng;
use support::clients::{ClientRecord, Clients};
use support::deployment::{Deployment, Kind};
use support::receiver::{Receiver, Reply};
use support::servers::{self, require};
use support::{consistency, outcomes};

/// The number of faults in a short run.
const FAULTS: u32 = 12;
/// After this many faults all accepted jobs must end before the next one: killing a process later would hide a fault.
const ROUND: u32 = 4;
const LEASE: Duration = Duration::from_secs(3);

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn deploy(kind: Kind, receiver: &Receiver) -> Deployment {
    Deployment::new(kind).with(&[
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", &receiver.port().to_string()),
        ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0,0,0,1,1,1,1,1,1,1"),
        ("HUEMILL__WEBHOOKS__TRY_SECONDS", "5"),
        ("HUEMILL__WEBHOOKS__POLL_SECONDS", "1"),
        // A shutdown that takes much longer than this hangs.
        ("HUEMILL__SERVER__DRAIN_SECONDS", "5"),
        ("HUEMILL__JOBS__DRAIN_TIMEOUT_SECONDS", "5"),
        // Longer than a fault can delay a submission between its blobs and its row.
        ("HUEMILL__JOBS__ORPHAN_SECONDS", "25"),
    ])
}

fn assert_survives(kind: Kind, processes: usize) {
    let count = from_environment("HUEMILL_CHAOS_FAULTS").unwrap_or(FAULTS);
    let seed = from_environment("HUEMILL_CHAOS_SEED").unwrap_or_else(rand::random::<u64>);
    println!("{kind:?}: {count} faults, seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let receiver = Receiver::start(|number, _| Reply::status(if number % 5 == 0 { 500 } else { 204 }));
    let deployment = deploy(kind, &receiver);
    let clients = Clients::start_with_deletion(seed, &receiver.url("/"));
    let mut fleet = Fleet::start(&deployment, clients.addresses(), processes);
    let mut longest = Duration::ZERO;
    for number in 1..=count {
        faults::strike(number, kind, &mut fleet, &mut random);
        if number % ROUND == 0 || number == count {
            longest = longest.max(time_to_end(&clients, &deployment));
        }
    }
    clients.stop_creating();
    let record = clients.stop();
    println!(
        "{kind:?}: {} jobs, {} of them canceled, {} deleted; all jobs ended within {:.1} leases of the last fault",
        record.keys,
        record.canceled.len(),
        record.deleted.len(),
        longest.as_secs_f64() / LEASE.as_secs_f64()
    );
    consistency::everything_ends(&deployment.database());
    audit(fleet, &receiver, &record);
}

/// Waits until everything has ended after a fault, and returns how long this took. Two leases are the design; a busy
/// machine may take longer, and a stuck job never ends.
fn time_to_end(clients: &Clients, deployment: &Deployment) -> Duration {
    let last = Instant::now();
    clients.pause(true);
    consistency::everything_ends(&deployment.database());
    clients.pause(false);
    last.elapsed()
}

/// Checks everything that must hold after all faults.
fn audit(fleet: Fleet<'_>, receiver: &Receiver, record: &ClientRecord) {
    let database = fleet.deployment.database();
    for service in fleet.services() {
        consistency::metrics_match(service, &database);
    }
    outcomes::every_job_ends(fleet.services().next().unwrap(), record);
    outcomes::every_webhook_is_delivered(receiver, record);
    consistency::rows_agree(&database);
    let jobs = database.count("SELECT count(*) FROM jobs");
    assert_eq!(jobs, record.keys as i64, "a key has made no job, or several");
    let failed_early = "SELECT job_id || '/' || number || ' ' || error_code || ', attempt ' || attempt FROM items \
         WHERE state = 'failed' AND (error_code <> 'INTERNAL_ERROR' OR attempt < 3)";
    assert_eq!(
        database.texts(failed_early),
        Vec::<String>::new(),
        "a good picture failed before its last attempt"
    );
    leftovers::assert_removed(fleet.deployment, &database);
    fleet.stop();
}

#[test]
fn nothing_is_lost_on_sqlite() {
    require!(Libfaketime);
    assert_survives(Kind::Embedded, 1);
}

#[test]
fn nothing_is_lost_by_three_processes_on_postgresql() {
    require!(Libfaketime, PostgreSql);
    assert_survives(Kind::Postgres, 3);
}

#[test]
fn nothing_is_lost_by_two_processes_on_postgresql_and_a_bucket() {
    require!(Libfaketime, PostgreSql, S3);
    assert_survives(Kind::PostgresAndBucket, 2);
}
