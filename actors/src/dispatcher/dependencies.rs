//! The Dispatcher's settings and dependencies, and the time limit of its calls to the store.

use std::time::Duration;

use actix::Addr;
use huemill_store::SpoolRoom;
use huemill_store::store::{Backoff, Owner, Role, StoreError};
use tokio::runtime::Handle;

use super::item_failure::BlobCheck;
use crate::drain::DrainFlag;
use crate::estimate::Estimate;
use crate::fetcher::Fetcher;
use crate::job_end::JobEndNotifier;
use crate::observed::Observed;
use crate::recorder::Recorder;
use crate::repository::Repository;
use crate::workers::Workers;

/// How pictures of jobs are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DispatcherSettings {
    /// Maximum number of pictures in slots.
    pub slots: usize,
    /// How long a lease lasts.
    pub lease: Duration,
    /// How often to poll for work that other processes may have added. Not needed if no other process shares the
    /// store.
    pub poll: Duration,
    /// How long a picture may wait for slot and memory, and then how long processing may take.
    pub picture: Duration,
    /// Number of process deaths after which an isolated picture fails.
    pub crashes: u32,
    /// How long a picture waits after an attempt that failed through no fault of its own, and how many such
    /// failures are allowed.
    pub backoff: Backoff,
    /// What this process does; one that only answers requests claims nothing.
    pub role: Role,
    /// Maximum length of a picture in bytes.
    pub longest_input: u64,
    /// Maximum number of pictures that are downloading beside those in slots.
    pub downloads: usize,
}

impl Default for DispatcherSettings {
    /// One slot per core, leases of 30 s, a poll a second, a minute per picture, 3 deaths, 5 attempts after 2, 8,
    /// 32 and 60 s, 50 MB, 16 downloads.
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

/// What the Dispatcher depends on.
#[derive(Clone)]
pub struct DispatcherDependencies {
    /// Jobs and blobs.
    pub repository: Repository,
    /// Processes pictures.
    pub workers: Addr<Workers>,
    /// Downloads pictures.
    pub fetcher: Addr<Fetcher>,
    /// Is notified when a job has ended.
    pub ends: JobEndNotifier,
    /// The spools that hold inputs while they are processed.
    pub room: SpoolRoom,
    /// Learns how long pictures take.
    pub estimate: Estimate,
    /// Tells an unavailable blob store from a single bad blob.
    pub blob_check: BlobCheck,
    /// Whether the service drains.
    pub drain: DrainFlag,
    /// Where the Dispatcher publishes its state.
    pub observed: Observed,
    /// Records events.
    pub recorder: Recorder,
    /// The identity of this process, new for each start.
    pub owner: Owner,
    /// The runtime of the heartbeat.
    pub io: Handle,
}

/// Calls the store with a time limit. If the answer is late or lost, the next heartbeat repairs what it left behind.
pub(super) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = |_| Err(StoreError::Away(format!("no answer within {limit:?}")));
    tokio::time::timeout(limit, call).await.unwrap_or_else(late)
}
