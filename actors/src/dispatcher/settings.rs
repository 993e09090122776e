//! How work is handed out, and whom and what that takes.

use std::time::Duration;

use actix::Addr;
use huemill_store::SpoolRoom;
use huemill_store::store::{Backoff, Owner, Role};
use tokio::runtime::Handle;

use super::blob_check::BlobCheck;
use crate::estimate::Estimate;
use crate::fetcher::Fetcher;
use crate::intake::DrainFlag;
use crate::job_end::JobEndNotifier;
use crate::metrics::Recorder;
use crate::observed::Observed;
use crate::repository::Repository;
use crate::workers::Workers;

/// How work is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DispatcherSettings {
    /// Pictures worked on at a time.
    pub slots: usize,
    /// How long a lease runs.
    pub lease: Duration,
    /// How often work is looked for that other processes may have brought. Not asked for on a store of one's own.
    pub poll: Duration,
    /// How long a picture may wait for slot and memory, and after that how long it may take.
    pub picture: Duration,
    /// Process deaths after which a picture that was alone then is given up.
    pub crashes: u32,
    /// How long a picture waits after an attempt failed by a fault that is not its own, and after how many of them it
    /// fails.
    pub backoff: Backoff,
    /// What this process does: one that answers requests alone claims nothing.
    pub role: Role,
    /// The largest picture, in bytes.
    pub longest_input: u64,
    /// Pictures that may be on their way here beside those in the slots.
    pub downloads: usize,
}

impl Default for DispatcherSettings {
    /// A slot a core, leases of 30 s, a poll a second, a minute a picture, 3 deaths, 5 attempts after 2, 8, 32
    /// and 60 s, 50 MB, 16 downloads.
    fn default() -> Self {
        Self {
            slots: std::thread::available_parallelism().map_or(1, usize::from),
            lease: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            picture: Duration::from_secs(60),
            crashes: 3,
            backoff: Backoff { first: Duration::from_secs(2), longest: Duration::from_secs(60), limit: 5 },
            role: Role::All,
            longest_input: 50_000_000,
            downloads: 16,
        }
    }
}

/// Whom and what the Dispatcher works with.
#[derive(Clone)]
pub struct Tools {
    /// Jobs and blobs.
    pub repository: Repository,
    /// Who does the pixels.
    pub workers: Addr<Workers>,
    /// Who downloads pictures.
    pub fetcher: Addr<Fetcher>,
    /// Told when a job has ended.
    pub ends: JobEndNotifier,
    /// Where inputs lie while they are worked on.
    pub room: SpoolRoom,
    /// What is learned of times.
    pub estimate: Estimate,
    /// Whether blobs are away for all, or one of them alone.
    pub blob_check: BlobCheck,
    /// Whether the service stops.
    pub drain: DrainFlag,
    /// Where the Dispatcher shows its state.
    pub observed: Observed,
    /// Where events go.
    pub recorder: Recorder,
    /// Who this process is, new for each start.
    pub owner: Owner,
    /// Where the heartbeat runs.
    pub io: Handle,
}
