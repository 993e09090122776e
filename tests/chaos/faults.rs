//! The faults, how often each strikes, and for how long.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::bucket_proxy::Trouble;
use super::deployment::{Deployment, Kind};
use super::fleet::Fleet;
use super::permissions::Mode as FileMode;
use super::proxy::Mode;

/// A fault of one of the things that the service stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// `kill -9`.
    Kill,
    /// SIGTERM.
    Stop,
    /// SIGSTOP, and SIGCONT after a while.
    Freeze,
    /// Another transaction holds SQLite's file, or PostgreSQL's tables.
    LockStore,
    /// No connection to PostgreSQL.
    CutNetwork,
    /// Connections are open, and nothing comes through.
    HoldNetwork,
    /// The open connections go silent for good.
    ForgetConnections,
    /// On the open connections all replies are lost for good.
    LoseReplies,
    /// Connections end between COMMIT and its reply.
    LoseCommits,
    /// An input cannot be read.
    UnreadableBlob,
    /// The blobs of a job cannot be removed.
    UndeletableBlob,
    /// The bucket asks for patience, now and then or always.
    BusyBucket,
    /// The wall clock is off.
    ClockJump,
}

use Fault::{
    BusyBucket, ClockJump, CutNetwork, ForgetConnections, Freeze, HoldNetwork, Kill, LockStore, LoseCommits,
    LoseReplies, Stop, UndeletableBlob, UnreadableBlob,
};

/// What can happen to any deployment, with weights.
const ANYWHERE: [(Fault, u32); 6] =
    [(Kill, 3), (Stop, 1), (Freeze, 3), (LockStore, 4), (UnreadableBlob, 4), (UndeletableBlob, 3)];
/// What can happen to SQLite's wall clock; PostgreSQL has its own.
const ON_THIS_MACHINE: [(Fault, u32); 1] = [(ClockJump, 3)];
const ON_A_NETWORK: [(Fault, u32); 5] =
    [(CutNetwork, 3), (HoldNetwork, 2), (ForgetConnections, 1), (LoseReplies, 1), (LoseCommits, 5)];
const IN_A_BUCKET: [(Fault, u32); 1] = [(BusyBucket, 4)];

fn possible(kind: Kind) -> Vec<(Fault, u32)> {
    let place: &[&[(Fault, u32)]] = match kind {
        Kind::Embedded => &[&ANYWHERE, &ON_THIS_MACHINE],
        Kind::Postgres => &[&ANYWHERE, &ON_A_NETWORK],
        Kind::PostgresAndBucket => &[&ANYWHERE, &ON_A_NETWORK, &IN_A_BUCKET],
    };
    place.concat()
}

/// One fault, from its beginning to its end, and the calm before the next.
pub fn strike(number: u32, kind: Kind, fleet: &mut Fleet<'_>, random: &mut StdRng) {
    let faults = possible(kind);
    let (fault, _) = *faults.choose_weighted(random, |(_, weight)| *weight).unwrap();
    let process = random.random_range(0..fleet.len());
    // Most pass quickly; some last longer than a lease.
    let milliseconds = if random.random_bool(0.3) { 3000..6000 } else { 50..1500 };
    let time = Duration::from_millis(random.random_range(milliseconds));
    println!("{number}. {fault:?}, process {process}, {} ms", time.as_millis());
    let gone = match fault {
        Kill => {
            fleet.kill(process);
            Some(process)
        }
        Stop => {
            fleet.stop_one(process);
            Some(process)
        }
        _ => lasts(fault, process, time, fleet, random),
    };
    if let Some(process) = gone {
        pause(random, 0..500);
        fleet.launch(process);
    }
    pause(random, 0..800);
}

/// A fault that lasts for a while. Now and then a process is killed in the middle of it: which one.
fn lasts(
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

/// What ends a fault.
enum End {
    Drop(#[allow(dead_code, reason = "ends the fault when dropped")] Box<dyn std::any::Any>),
    Pass,
    Calm,
    Continue(usize),
    RightTime,
}

impl End {
    fn apply(self, fleet: &Fleet<'_>) {
        let deployment = fleet.deployment;
        match self {
            Self::Drop(_) => {}
            Self::Pass => {
                let network = deployment.network().unwrap();
                network.set(Mode::Pass);
                network.lose_commits(0, 0);
            }
            Self::Calm => deployment.bucket().unwrap().set(Trouble::default()),
            Self::Continue(process) => fleet.signal(process, "-CONT"),
            Self::RightTime => deployment.clock().set_off_by(0),
        }
    }
}

fn begin(fault: Fault, process: usize, fleet: &Fleet<'_>, random: &mut StdRng) -> End {
    let deployment = fleet.deployment;
    let network = || deployment.network().unwrap();
    match fault {
        Kill | Stop => unreachable!("they do not last"),
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
            deployment.bucket().unwrap().change(|trouble| trouble.busy_per_mille = busy);
            return End::Calm;
        }
        UnreadableBlob | UndeletableBlob => return refuse(fault, deployment, random),
        ClockJump => {
            let hours = *[-24, -1, 1, 24].choose(random).unwrap();
            deployment.clock().set_off_by(hours * 3600);
            return End::RightTime;
        }
    }
    End::Pass
}

/// Refuses one of the blobs that are there now.
fn refuse(fault: Fault, deployment: &Deployment, random: &mut StdRng) -> End {
    let mut blobs = deployment.blobs();
    if fault == UnreadableBlob && blobs.iter().any(|key| key.contains("/in/")) {
        blobs.retain(|key| key.contains("/in/"));
    }
    let Some(key) = blobs.choose(random).cloned() else { return End::Drop(Box::new(())) };
    if let Some(bucket) = deployment.bucket() {
        bucket.change(|trouble| {
            let list =
                if fault == UnreadableBlob { &mut trouble.unreadable } else { &mut trouble.undeletable };
            list.push(key);
        });
        return End::Calm;
    }
    let file = deployment.blob_file(&key);
    End::Drop(Box::new(match fault {
        UnreadableBlob => FileMode::unreadable(&file),
        _ => FileMode::read_only(file.parent().unwrap()),
    }))
}

fn pause(random: &mut StdRng, milliseconds: std::ops::Range<u64>) {
    std::thread::sleep(Duration::from_millis(random.random_range(milliseconds)));
}
