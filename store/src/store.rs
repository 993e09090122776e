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

mod answers;
mod claims;
mod processes;

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

pub use answers::{
    Backoff, Canceled, Collected, Created, Ended, Expired, Figures, GivenUp, JobVersion, Key, Lease,
    Listener, Listing, Outcome, Owner, Reaped, Removable, Retried, Settled, StoreError,
};
pub use claims::{Ask, Claim, Claims, Selection};
pub use processes::{Heartbeat, Process, Reconciled, Role};

use crate::job::{Item, ItemError, Job, JobId, JobKind, NewJob};
use crate::outbox::Outbox;

/// The contract: see the module.
#[async_trait]
pub trait Store: Outbox {
    /// Creates a job, or finds the one that its key created.
    async fn create(&self, job: NewJob) -> Result<Created, StoreError>;

    /// The job that a key created. Keys past their time are not found.
    async fn key(&self, scope: &str, key: &str) -> Result<Option<Key>, StoreError>;

    /// A job; expired ones are found until their tombstone goes.
    async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError>;

    /// What the poll path needs to know: one row by its primary key.
    async fn job_version(&self, id: &JobId) -> Result<Option<JobVersion>, StoreError>;

    /// Items of a job in their order, from this number on.
    async fn items(&self, id: &JobId, from: u32, limit: u32) -> Result<Vec<Item>, StoreError>;

    /// Jobs, newest first.
    async fn list(&self, listing: &Listing) -> Result<Vec<Job>, StoreError>;

    /// Hands out items with a lease. A job's first claim makes it `processing`.
    async fn claim(&self, ask: &Ask) -> Result<Claims, StoreError>;

    /// Keeps a process alive, and compares its leases with the rows: see [`Heartbeat`].
    async fn heartbeat(&self, heartbeat: &Heartbeat) -> Result<Reconciled, StoreError>;

    /// The process is gone: its leases are reaped from now on.
    async fn leave(&self, owner: &Owner) -> Result<(), StoreError>;

    /// All processes that have a row, the newest first.
    async fn processes(&self) -> Result<Vec<Process>, StoreError>;

    /// Hands out no more items: of this kind of job, or of any.
    async fn pause(&self, kind: Option<JobKind>) -> Result<(), StoreError>;

    /// Takes a pause back; without a kind, all of them.
    async fn resume(&self, kind: Option<JobKind>) -> Result<(), StoreError>;

    /// What is paused: kinds of job, or none for all of them.
    async fn pauses(&self) -> Result<Vec<Option<JobKind>>, StoreError>;

    /// Settles an item, and with the last one its job. `pace_ms` as in [`Ask`].
    async fn settle(&self, lease: &Lease, outcome: Outcome, pace_ms: u64) -> Result<Settled, StoreError>;

    /// Puts items back as if they had not been claimed, but that the attempt's number, the fence, never goes
    /// back; those no longer held are left alone. Returns how many.
    async fn give_back(&self, leases: &[Lease]) -> Result<u64, StoreError>;

    /// Takes back up to `most` items whose process is gone; where this process is the only writer, an earlier one is.
    /// The first time an item becomes a suspect. A suspect that was the only item of its process counts a crash, and
    /// fails with `error` at `crashes` of them; one that had company is to be isolated from then on.
    async fn reap(&self, most: u32, crashes: u32, error: &ItemError) -> Result<Reaped, StoreError>;

    /// Marks that results of a completed job were fetched. Whether that is news: true once for each job, whatever
    /// happens at the same time. What clients see of the job, its version, does not change.
    async fn fetched(&self, id: &JobId) -> Result<bool, StoreError>;

    /// Puts the pictures of an ended job that failed by a fault that is not theirs back into the queue.
    async fn retry(&self, id: &JobId) -> Result<Retried, StoreError>;

    /// Ends a job at its owner's wish; its unsettled items are canceled.
    async fn cancel(&self, id: &JobId) -> Result<Canceled, StoreError>;

    /// Makes a job a tombstone at once, whatever its state. Whether there was one that was not a tombstone.
    async fn delete(&self, id: &JobId) -> Result<bool, StoreError>;

    /// Takes or keeps a duty that one process has at a time, for this long. Whether it is this owner's now.
    async fn hold_duty(&self, owner: &Owner, name: &str, lease: Duration) -> Result<bool, StoreError>;

    /// Makes tombstones of up to `most` jobs past their time. Where the clock has jumped ahead by more than `jump` since
    /// the last call, nothing expires for as long as `jump`.
    async fn expire(&self, most: u32, jump: Duration) -> Result<Expired, StoreError>;

    /// Up to `most` jobs with blobs that are due to go: all of a tombstone's, the inputs of one that has ended.
    /// Stays due until [`Store::removed`] or [`Store::not_removed`] says otherwise.
    async fn removable(&self, most: u32) -> Result<Vec<Removable>, StoreError>;

    /// These blobs are gone.
    async fn removed(&self, gone: &[Removable]) -> Result<(), StoreError>;

    /// These blobs could not be removed: they are due again after this wait.
    async fn not_removed(&self, job: &JobId, wait: Duration) -> Result<(), StoreError>;

    /// Removes up to `most` each of: tombstones that are `tombstone` old and whose blobs are gone, keys past
    /// their time whose job is gone or a tombstone, nonces past their time.
    async fn collect(&self, most: u32, tombstone: Duration) -> Result<Collected, StoreError>;

    /// Which of these jobs have a row that is not a tombstone.
    async fn living(&self, ids: &[JobId]) -> Result<HashSet<JobId>, StoreError>;

    /// Spends words that may be spent once, all or none of them; remembered for `keep`. Whether they were fresh.
    async fn consume_nonces(&self, words: &[String], keep: Duration) -> Result<bool, StoreError>;

    /// The secret of this name; `made` becomes it where there is none yet.
    async fn secret(&self, name: &str, made: SecretString) -> Result<SecretString, StoreError>;

    /// The store in figures: the same few rows however many jobs there are.
    async fn figures(&self) -> Result<Figures, StoreError>;

    /// Jobs that are being processed, of which no picture waits for its turn and no attempt has ended for this long.
    /// Looks at jobs that are being processed alone.
    async fn stalled(&self, quiet: Duration) -> Result<u64, StoreError>;

    /// Counts everything, and corrects the figures where they differ; what it changed them by, in their order.
    async fn recount(&self) -> Result<[i64; 10], StoreError>;

    /// Writes a row of this owner and reads it back.
    async fn probe(&self, owner: &Owner) -> Result<(), StoreError>;

    /// Writes a consistent copy of the whole store to a file that is not there yet, while it serves. SQLite alone.
    async fn backup(&self, to: &Path) -> Result<(), StoreError>;

    /// Whether this process is the only one that writes: then what it was told last is the truth.
    fn is_sole_writer(&self) -> bool;

    /// Ends all connections; what was committed stays.
    async fn close(&self);
}
