//! The results of the store's operations on jobs, the filter of job lists, and the listener for changes of a job.

use std::time::Duration;

use super::quotas::Quota;
use crate::caller::Caller;
use crate::job::{Job, JobId, JobKind, JobState};

/// Why a store operation failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database is unreachable or busy, or its disk is full. The operation may succeed later.
    #[error("the store is unavailable: {0}")]
    Away(String),
    /// The database schema is newer than this program.
    #[error("the store was written by a newer version: {0}")]
    Newer(String),
    /// A bug in this program, or corrupt data.
    #[error("the store failed: {0}")]
    Broken(String),
}

/// The result of a [`create`](super::Store::create).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// The job was created.
    New(Job),
    /// The key exists with the same fingerprint. This is its job; nothing was created.
    Replayed(Job),
    /// The key exists with another fingerprint. Nothing was created.
    Conflict,
    /// The caller would exceed a limit. Nothing was created.
    OverQuota {
        /// Which quota it is.
        which: Quota,
        /// The limit.
        limit: u64,
        /// What the caller uses of it already.
        used: u64,
    },
}

/// A stored idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The digest of the request that used the key first.
    pub fingerprint: String,
    /// The job that the request created.
    pub job: Job,
}

/// The part of a job that answers a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobVersion {
    /// The job.
    pub id: JobId,
    /// Who it belongs to.
    pub caller: Caller,
    /// Its version.
    pub version: i64,
    /// Its state.
    pub state: JobState,
    /// Estimated seconds until it ends, as its body says.
    pub eta_s: u32,
    /// When it expires, in Unix seconds.
    pub expires_at: i64,
}

impl From<&Job> for JobVersion {
    fn from(job: &Job) -> Self {
        Self {
            id: job.id.clone(),
            caller: job.caller,
            version: job.version,
            state: job.state,
            eta_s: job.eta_s,
            expires_at: job.expires_at,
        }
    }
}

/// Is notified of each change of a job's version that this process makes, including its creation. The call comes after
/// the commit and before the operation returns. It must not block.
pub trait Listener: Send + Sync + 'static {
    /// The job's version changed to this.
    fn changed(&self, job_version: JobVersion);
}

/// Which jobs a list contains. The newest come first.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// Only jobs in this state.
    pub state: Option<JobState>,
    /// Only jobs of this kind.
    pub kind: Option<JobKind>,
    /// Only jobs that belong to this key.
    pub caller: Option<Caller>,
    /// Only jobs created before this one.
    pub before: Option<JobId>,
    /// Maximum number of jobs.
    pub limit: u32,
}

/// A job that just ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedJob {
    /// The job as it is now.
    pub job: Job,
    /// The time from its first claim to its end.
    pub processing: Duration,
}

/// The result of a [`cancel`](super::Store::cancel).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Canceled {
    /// The job was live and is canceled now.
    Now(Box<EndedJob>),
    /// The job had been canceled before.
    Before(Job),
    /// The job had ended otherwise, or is a tombstone.
    TooLate(Job),
    /// There is no such job.
    Unknown,
}

/// An item that failed because its process crashed too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExhaustedItem {
    /// Its job.
    pub job: JobId,
    /// Its number in the job.
    pub number: u32,
    /// How often it had been claimed.
    pub attempts: u32,
    /// The id of the request that created the job.
    pub request_id: String,
}

/// The result of a [`reap`](super::Store::reap).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Items of dead processes that are back in the queue as suspects.
    pub returned: u64,
    /// Items that failed, because their process died too often while nothing else ran on it.
    pub exhausted: Vec<ExhaustedItem>,
    /// Jobs that ended because of that.
    pub ended: Vec<EndedJob>,
}

/// The result of one batch of [`collect`](super::Store::collect): what was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Tombstones of jobs.
    pub jobs: u64,
    /// Idempotency keys.
    pub keys: u64,
    /// Nonces.
    pub nonces: u64,
    /// Whether there may be more to collect.
    pub more: bool,
}

/// The result of an [`expire`](super::Store::expire).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expired {
    /// The jobs that became tombstones.
    pub jobs: Vec<JobId>,
    /// How far the clock has jumped ahead since the last expiry, if it has. Nothing expires for a while then.
    pub jumped: Option<Duration>,
    /// Whether expiry is suspended at the moment.
    pub waiting: bool,
}

/// The result of a [`retry`](super::Store::retry).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retried {
    /// This many pictures are back in the queue.
    Queued(Job, u32),
    /// The job has not ended, or none of its pictures failed with a retryable error.
    Nothing(Job),
    /// There is no such job.
    Unknown,
}

/// Figures about the whole store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Jobs by state, in the order of [`JobState::ALL`].
    pub jobs: [u64; 6],
    /// Queued items of jobs that have not ended.
    pub queued_items: u64,
    /// The age of the oldest queued job.
    pub oldest_queued: Option<Duration>,
    /// Pending deliveries.
    pub deliveries: u64,
    /// Deliveries that are dead letters.
    pub dead_letters: u64,
    /// Bytes of the blobs of all jobs.
    pub blob_bytes: u64,
    /// Bytes of cards that live jobs are expected to store in addition.
    pub reserved_bytes: u64,
    /// Slots of all live processes that process pictures.
    pub slots: u64,
    /// Live processes.
    pub processes: u64,
    /// Active pauses. See [`Store::pauses`](super::Store::pauses).
    pub pauses: u64,
}

/// A job with blobs that are due for removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removable {
    /// The job.
    pub job: JobId,
    /// Whether all of its blobs are due, or only its inputs.
    pub everything: bool,
    /// How often the removal has failed.
    pub failures: u32,
}
