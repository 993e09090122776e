//! What the store is asked with and what it answers, and whom it tells of changes.

use std::time::Duration;

use crate::job::{ItemError, ItemResult, Job, JobId, JobKind, JobState};

/// Why the store did not do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, is busy, or its disk is full: a matter of time.
    #[error("the store is away: {0}")]
    Away(String),
    /// Its schema is newer than this program.
    #[error("the store was written by a newer version: {0}")]
    Newer(String),
    /// A fault of ours.
    #[error("the store failed: {0}")]
    Broken(String),
}

/// What became of a [`create`](super::Store::create).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// The job is there.
    New(Job),
    /// The key was there already, with the same fingerprint: this is its job. Nothing was created.
    Replayed(Job),
    /// The key was there already, with another fingerprint. Nothing was created.
    Conflict,
}

/// A key's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Digest of what was asked for.
    pub fingerprint: String,
    /// The job that it created.
    pub job: Job,
}

/// What the poll path needs to know of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobVersion {
    /// The job.
    pub id: JobId,
    /// Its version.
    pub version: i64,
    /// Where it stands.
    pub state: JobState,
    /// Seconds until its end, as its body says.
    pub eta_s: u32,
    /// When it expires, in Unix seconds.
    pub expires_at: i64,
}

impl From<&Job> for JobVersion {
    fn from(job: &Job) -> Self {
        Self {
            id: job.id.clone(),
            version: job.version,
            state: job.state,
            eta_s: job.eta_s,
            expires_at: job.expires_at,
        }
    }
}

/// Told of each change of a job's version that this process makes, its creation included, after the commit and
/// before the caller. Must not block.
pub trait Listener: Send + Sync + 'static {
    /// The job is now so.
    fn changed(&self, job_version: JobVersion);
}

/// Which jobs a list holds: newest first.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Only those that stand here.
    pub state: Option<JobState>,
    /// Only those made of this.
    pub kind: Option<JobKind>,
    /// Only those created before this one.
    pub before: Option<JobId>,
    /// So many at most.
    pub limit: u32,
}

/// Who holds leases: new for each start of a process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner(pub String);

/// Names one attempt at one item: what every write about it is fenced by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// Which of its pictures.
    pub number: u32,
    /// Which attempt at it, from 1.
    pub attempt: u32,
    /// Who holds it.
    pub owner: Owner,
}

/// How long an item waits after its attempt failed by a fault that is not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure; four times as long after each further one…
    pub first: Duration,
    /// …up to this.
    pub longest: Duration,
    /// Failures after which the item fails for good.
    pub limit: u32,
}

impl Backoff {
    /// The wait after so many failures, or nothing once it is the last.
    #[must_use]
    pub fn after(&self, failures: u32) -> Option<Duration> {
        let wait = self.first.saturating_mul(4_u32.saturating_pow(failures.saturating_sub(1)));
        (failures < self.limit).then(|| wait.min(self.longest))
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With a result, whose card is stored already.
    Done(ItemResult),
    /// Without one, for good.
    Failed(ItemError),
    /// By a fault that is not the picture's: it is deferred, and fails with this error at the limit.
    Retry(ItemError, Backoff),
    /// There was no room for it: it is deferred for this long, and nothing is counted.
    Later(Duration),
}

/// A job's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The job as it is now.
    pub job: Job,
    /// From its first claim to its end.
    pub processing: Duration,
}

/// What became of a [`settle`](super::Store::settle).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It counts. The job's end, if it was the last item.
    Counted(Option<Box<Ended>>),
    /// The item waits for another attempt.
    Deferred {
        /// Its failures so far.
        failures: u32,
        /// How long it waits.
        wait: Duration,
    },
    /// The lease was another's by then, or the job had ended: nothing was changed.
    Stale,
}

/// What became of a [`cancel`](super::Store::cancel).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Canceled {
    /// It was live and is canceled now.
    Now(Box<Ended>),
    /// It had been canceled before.
    Before(Job),
    /// It had ended otherwise, or is a tombstone.
    TooLate(Job),
    /// There is no such job.
    Unknown,
}

/// An item that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// Its job.
    pub job: JobId,
    /// Its place in its job.
    pub number: u32,
    /// How often it had been claimed.
    pub attempts: u32,
    /// The id of the request that created the job.
    pub request_id: String,
}

/// What a [`reap`](super::Store::reap) did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Items whose lease had run out, back in the queue as suspects.
    pub returned: u64,
    /// Items given up, because their process died too often while they were alone.
    pub given_up: Vec<GivenUp>,
    /// Jobs that ended by that.
    pub ended: Vec<Ended>,
}

/// What one batch of collection removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Tombstones of jobs.
    pub jobs: u64,
    /// Idempotency keys.
    pub keys: u64,
    /// Nonces.
    pub nonces: u64,
    /// Whether there is more to collect.
    pub more: bool,
}

/// What an expiry did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expired {
    /// The jobs that became tombstones.
    pub jobs: Vec<JobId>,
    /// The clock had jumped ahead by so much since the last expiry; nothing expires for a while.
    pub jumped: Option<Duration>,
    /// Whether nothing expires for now.
    pub waiting: bool,
}

/// What became of a [`retry`](super::Store::retry).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retried {
    /// So many of its pictures are in the queue again.
    Queued(Job, u32),
    /// The job is not one whose pictures failed by a fault that is not theirs.
    Nothing(Job),
    /// There is no such job.
    Unknown,
}

/// The store in figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Jobs by state, in the order of [`JobState::ALL`].
    pub jobs: [u64; 6],
    /// Items that wait, and are not of jobs that ended.
    pub queued_items: u64,
    /// Age of the oldest job that waits.
    pub oldest_queued: Option<Duration>,
    /// Deliveries that wait.
    pub deliveries: u64,
    /// Deliveries that were given up.
    pub dead_letters: u64,
    /// Bytes of the blobs of all jobs.
    pub blob_bytes: u64,
    /// Slots of all processes that live and work on pictures.
    pub slots: u64,
    /// Processes that live.
    pub processes: u64,
    /// Pauses in force: see [`Store::pauses`](super::Store::pauses).
    pub pauses: u64,
}

/// Blobs of a job that are due to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removable {
    /// The job.
    pub job: JobId,
    /// All of its blobs, or its inputs alone.
    pub everything: bool,
    /// How often it has failed.
    pub failures: u32,
}
