//! What must survive, as one contract: jobs, their items, keys, nonces, secrets. Two stores keep it, SQLite and
//! PostgreSQL, and one conformance suite holds both to it.
//!
//! The rules that live here, because only a transaction can keep them:
//! - a job is created whole, with its items and its key, or not at all; a key belongs to one job;
//! - an item is settled once, by whoever holds its lease now: the owner, the attempt and the job's state are all
//!   checked where the row is changed, and a late answer changes nothing;
//! - the last item ends its job, and puts a delivery into the outbox where somebody is to be told, all in one;
//! - the version grows when what clients see changes, and at no other time;
//! - items are handed out image by image, fairly between the jobs of a priority.
//!
//! Leases and times are by the store's own clock: the server's in PostgreSQL, in SQLite one that cannot jump.
//! Every method is one transaction, commits before it returns, and may be called from any thread.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::job::{Item, ItemError, ItemResult, ItemSource, Job, JobId, JobKind, JobState, NewJob, Priority};

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

/// What became of a [`Store::create`].
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
pub struct Mark {
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

impl From<&Job> for Mark {
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
    fn changed(&self, mark: Mark);
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

/// An item to be worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What to settle it by.
    pub lease: Lease,
    /// Its name for the job's owner.
    pub name: String,
    /// Where its bytes are.
    pub source: ItemSource,
    /// The options of its job, as JSON.
    pub options: String,
    /// The id of the request that created the job.
    pub request_id: String,
    /// The trace context of that request.
    pub traceparent: Option<String>,
    /// The job's priority.
    pub priority: Priority,
    /// How long the job had waited, where this is the first claim on it.
    pub waited: Option<Duration>,
}

/// What a claim asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// For whom.
    pub owner: Owner,
    /// So many items at most.
    pub most: u32,
    /// How long the leases run.
    pub lease: Duration,
    /// Take one suspect item, or none if none waits, and nothing else; without this, suspects are left alone.
    pub suspect: bool,
    /// Wall-clock milliseconds that a picture takes in the end, slots in parallel counted in: for the estimate.
    pub pace_ms: u64,
}

/// What a claim gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// The items, at most one of each job for each pass over the jobs.
    pub items: Vec<Claim>,
    /// Whether suspects wait: items that were in flight when a process died, to be tried alone.
    pub suspects: bool,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With a result, whose card is stored already.
    Done(ItemResult),
    /// Without one, for good.
    Failed(ItemError),
}

/// A job's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The job as it is now.
    pub job: Job,
    /// From its first claim to its end.
    pub processing: Duration,
}

/// What became of a [`Store::settle`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It counts. The job's end, if it was the last item.
    Counted(Option<Box<Ended>>),
    /// The lease was another's by then, or the job had ended: nothing was changed.
    Stale,
}

/// What became of a [`Store::cancel`].
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

/// What a [`Store::reap`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Items whose lease had run out, back in the queue as suspects.
    pub returned: u64,
    /// Items given up, because their process died too often while they were alone.
    pub given_up: u64,
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
}

/// The contract: see the module.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Creates a job, or finds the one that its key created.
    async fn create(&self, job: NewJob) -> Result<Created, StoreError>;

    /// The job that a key created. Keys past their time are not found.
    async fn key(&self, scope: &str, key: &str) -> Result<Option<Key>, StoreError>;

    /// A job; expired ones are found until their tombstone goes.
    async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError>;

    /// What the poll path needs to know: one row by its primary key.
    async fn mark(&self, id: &JobId) -> Result<Option<Mark>, StoreError>;

    /// Items of a job in their order, from this number on.
    async fn items(&self, id: &JobId, from: u32, limit: u32) -> Result<Vec<Item>, StoreError>;

    /// Jobs, newest first.
    async fn list(&self, listing: &Listing) -> Result<Vec<Job>, StoreError>;

    /// Hands out items with a lease. A job's first claim makes it `processing`.
    async fn claim(&self, ask: &Ask) -> Result<Claims, StoreError>;

    /// Prolongs all leases of this owner from now on, and says which it still holds.
    async fn heartbeat(&self, owner: &Owner, lease: Duration) -> Result<Vec<Lease>, StoreError>;

    /// Settles an item, and with the last one its job. `pace_ms` as in [`Ask`].
    async fn settle(&self, lease: &Lease, outcome: Outcome, pace_ms: u64) -> Result<Settled, StoreError>;

    /// Puts items back as if they had not been claimed, but that the attempt's number, the fence, never goes
    /// back; those no longer held are left alone. Returns how many.
    async fn give_back(&self, leases: &[Lease]) -> Result<u64, StoreError>;

    /// Takes back up to `most` items whose lease has run out; where this process is the only writer, leases of an
    /// earlier one have. One that was alone then counts a crash; at `crashes` of them it is failed with `error`.
    async fn reap(&self, most: u32, crashes: u32, error: &ItemError) -> Result<Reaped, StoreError>;

    /// Ends a job at its owner's wish; its unsettled items are canceled.
    async fn cancel(&self, id: &JobId) -> Result<Canceled, StoreError>;

    /// Makes a job a tombstone at once, whatever its state. Whether there was one that was not a tombstone.
    async fn delete(&self, id: &JobId) -> Result<bool, StoreError>;

    /// Makes tombstones of up to `most` jobs past their time.
    async fn expire(&self, most: u32) -> Result<Vec<JobId>, StoreError>;

    /// Up to `most` jobs with blobs that are due to go: all of a tombstone's, the inputs of one that has ended.
    /// Stays due until [`Store::removed`] says otherwise.
    async fn removable(&self, most: u32) -> Result<Vec<Removable>, StoreError>;

    /// These blobs are gone.
    async fn removed(&self, gone: &[Removable]) -> Result<(), StoreError>;

    /// Removes up to `most` each of: tombstones that are `tombstone` old and whose blobs are gone, keys past
    /// their time whose job is gone or a tombstone, nonces past their time.
    async fn collect(&self, most: u32, tombstone: Duration) -> Result<Collected, StoreError>;

    /// Which of these jobs have a row that is not a tombstone.
    async fn living(&self, ids: &[JobId]) -> Result<HashSet<JobId>, StoreError>;

    /// Spends words that may be spent once, all or none of them; remembered for `keep`. Whether they were fresh.
    async fn spend(&self, words: &[String], keep: Duration) -> Result<bool, StoreError>;

    /// The secret of this name; `made` becomes it where there is none yet.
    async fn secret(&self, name: &str, made: SecretString) -> Result<SecretString, StoreError>;

    /// The store in figures.
    async fn figures(&self) -> Result<Figures, StoreError>;

    /// Writes a row and reads it back.
    async fn probe(&self) -> Result<(), StoreError>;

    /// Writes a consistent copy of the whole store to a file that is not there yet, while it serves. SQLite alone.
    async fn backup(&self, to: &Path) -> Result<(), StoreError>;

    /// Whether this process is the only one that writes: then what it was told last is the truth.
    fn is_sole_writer(&self) -> bool;

    /// Ends all connections; what was committed stays.
    async fn close(&self);
}

/// Blobs of a job that are due to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removable {
    /// The job.
    pub job: JobId,
    /// All of its blobs, or its inputs alone.
    pub everything: bool,
}
