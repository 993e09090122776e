//! The faults of the chaos test: which can strike a deployment, how often each strikes, and how long it lasts.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::fleet::Fleet;
use crate::support::bucket_proxy::BucketFaults;
use crate::support::deployment::{Deployment, Kind};
use crate::support::permissions::ChangedMode;
use crate::support::proxy::Mode;

/// A fault of one of the things that the service depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// A process is killed, as by `kill -9`.
    Kill,
    /// A process gets SIGTERM.
    Stop,
    /// A process gets SIGSTOP, and SIGCONT after a while.
    Freeze,
    /// Another transaction locks SQLite's file or PostgreSQL's tables.
    LockStore,
    /// PostgreSQL cannot be reached.
    CutNetwork,
    /// Connections to PostgreSQL are open, but no byte passes.
    HoldNetwork,
    /// The open connections go silent for ever.
    ForgetConnections,
    /// The open connections lose all replies for ever.
    LoseReplies,
    /// Connections break between COMMIT and its reply.
    LoseCommits,
    /// An input cannot be read.
    UnreadableBlob,
    /// The blobs of a job cannot be removed.
    UndeletableBlob,
    /// The bucket answers `SlowDown` to some or all requests.
    BusyBucket,
    /// The wall clock is wrong.
    ClockJump,
}

use Fault::{
    BusyBucket, ClockJump, CutNetwork, ForgetConnections, Freeze, HoldNetwork, Kill, LockStore, LoseCommits,
    LoseReplies, Stop, UndeletableBlob, UnreadableBlob,
};

/// The faults of any deployment, with their weights.
const ANYWHERE: [(Fault, u32); 6] =
    [(Kill, 3), (Stop, 1), (Freeze, 3), (LockStore, 4), (UnreadableBlob, 4), (UndeletableBlob, 3)];
/// The faults of a deployment on SQLite, which uses this machine's clock.
const ON_SQLITE: [(Fault, u32); 1] = [(ClockJump, 3)];
/// The faults of a deployment on PostgreSQL.
const ON_POSTGRES: [(Fault, u32); 5] =
    [(CutNetwork, 3), (HoldNetwork, 2), (ForgetConnections, 1), (LoseReplies, 1), (LoseCommits, 5)];
/// The faults of a deployment on a bucket.
const ON_BUCKET: [(Fault, u32); 1] = [(BusyBucket, 4)];

fn possible_faults(kind: Kind) -> Vec<(Fault, u32)> {
    let groups: &[&[(Fault, u32)]] = match kind {
        Kind::Embedded => &[&ANYWHERE, &ON_SQLITE],
        Kind::Postgres => &[&ANYWHERE, &ON_POSTGRES],
        Kind::PostgresAndBucket => &[&ANYWHERE, &ON_POSTGRES, &ON_BUCKET],
    };
    groups.concat()
}

/// Runs one fault from its beginning to its end, and pauses before the next.
pub fn strike(number: u32, kind: Kind, fleet: &mut Fleet<'_>, random: &mut StdRng) {
    let faults = possible_faults(kind);
    let (fault, _) = *faults.choose_weighted(random, |(_, weight)| *weight).unwrap();
    let process = random.random_range(0..fleet.len());
    // Most faults pass quickly; some last longer than a lease.
    let milliseconds = if random.random_bool(0.3) { 3000..6000 } else { 50..1500 };
    let time = Duration::from_millis(random.random_range(milliseconds));
    println!("{number}. {fault:?}, process {process}, {} ms", time.as_millis());
    let gone = match fault {
        Kill => {
            fleet.kill(process);
            Some(process)
        }
        Stop => {
            fleet.stop_process(process);
            Some(process)
        }
        _ => run_for(fault, process, time, fleet, random),
    };
    if let Some(process) = gone {
        pause(random, 0..500);
        fleet.start_process(process);
    }
    pause(random, 0..800);
}

/// Runs a fault that lasts for a while. Sometimes kills a process in the middle of it, and returns its number.
fn run_for(
    fault: Fault,
    process: usize,
    time: Duration,
    fleet: &mut Fleet<'_>,
    random: &mut StdRng,
) -> Option<usize> {
    let killed = random.random_bool(0.15).then(|| random.random_range(0..fleet.len()));
    let end = begin(fault, process, fleet, random);
    std::thread::sleep(time / 2);
    if let Some(killed) = killed {
        println!("    and process {killed} is killed");
        fleet.kill(killed);
    }
    std::thread::sleep(time / 2);
    end.apply(fleet);
    killed
}

/// How a fault ends.
enum End {
    /// By dropping the value.
    Drop(#[allow(dead_code, reason = "ends the fault when dropped")] Box<dyn std::any::Any>),
    RestoreNetwork,
    RestoreBucket,
    Continue(usize),
    RestoreClock,
}

impl End {
    fn apply(self, fleet: &Fleet<'_>) {
        let deployment = fleet.deployment;
        match self {
            Self::Drop(_) => {}
            Self::RestoreNetwork => {
                let network = deployment.network().unwrap();
                network.set(Mode::Pass);
                network.lose_commits(0, 0);
            }
            Self::RestoreBucket => deployment.bucket().unwrap().set(BucketFaults::default()),
            Self::Continue(process) => fleet.signal(process, "-CONT"),
            Self::RestoreClock => deployment.clock().set_offset(0),
        }
    }
}

fn begin(fault: Fault, process: usize, fleet: &Fleet<'_>, random: &mut StdRng) -> End {
    let deployment = fleet.deployment;
    let network = || deployment.network().unwrap();
    match fault {
        Kill | Stop => unreachable!("these faults do not last"),
        Freeze => {
            fleet.signal(process, "-STOP");
            return End::Continue(process);
        }
        LockStore => {
            let postgres = "BEGIN; LOCK TABLE jobs, items IN EXCLUSIVE MODE";
            let lock = if deployment.network().is_some() { postgres } else { "BEGIN IMMEDIATE" };
            return End::Drop(Box::new(deployment.database().hold(lock)));
        }
        CutNetwork => network().set(Mode::Cut),
        HoldNetwork => network().set(Mode::Hold),
        ForgetConnections => network().forget(),
        LoseReplies => network().lose_replies(),
        LoseCommits => network().lose_commits(random.random_range(0..3), random.random_range(1..6)),
        BusyBucket => {
            let busy = if random.random_bool(0.5) { 1000 } else { random.random_range(50..500) };
            deployment.bucket().unwrap().change(|faults| faults.busy_per_mille = busy);
            return End::RestoreBucket;
        }
        UnreadableBlob | UndeletableBlob => return refuse_blob(fault, deployment, random),
        ClockJump => {
            let hours = *[-24, -1, 1, 24].choose(random).unwrap();
            deployment.clock().set_offset(hours * 3600);
            return End::RestoreClock;
        }
    }
    End::RestoreNetwork
}

/// Refuses access to one of the blobs that exist now.
fn refuse_blob(fault: Fault, deployment: &Deployment, random: &mut StdRng) -> End {
    let mut blobs = deployment.blobs();
    if fault == UnreadableBlob && blobs.iter().any(|key| key.contains("/in/")) {
        blobs.retain(|key| key.contains("/in/"));
    }
    let Some(key) = blobs.choose(random).cloned() else { return End::Drop(Box::new(())) };
    if let Some(bucket) = deployment.bucket() {
        bucket.change(|faults| {
            let list = if fault == UnreadableBlob { &mut faults.unreadable } else { &mut faults.undeletable };
            list.push(key);
        });
        return End::RestoreBucket;
    }
    let file = deployment.blob_file(&key);
    End::Drop(Box::new(match fault {
        UnreadableBlob => ChangedMode::unreadable(&file),
        _ => ChangedMode::read_only(file.parent().unwrap()),
    }))
}

fn pause(random: &mut StdRng, milliseconds: std::ops::Range<u64>) {
    std::thread::sleep(Duration::from_millis(random.random_range(milliseconds)));
}
