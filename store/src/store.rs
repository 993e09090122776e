//! The contract of the store: jobs, their items, idempotency keys, nonces, secrets and everything else that must
//! survive a restart. SQLite and PostgreSQL implement it, and one conformance suite tests both.
//!
//! The contract contains the rules that only a transaction can guarantee:
//! - A job is created completely, with its items and its key, or not at all. A key belongs to one job.
//! - An item is settled once, by the current holder of its lease. The write checks the owner, the attempt and the job's
//!   state; a late result changes nothing.
//! - The last item ends its job. The same transaction puts a delivery into the outbox if the job has a callback URL.
//! - A job's version grows when what clients see changes, and at no other time.
//! - Items are claimed one by one, in equal shares for all callers with ready jobs, and by weight for the jobs of each.
//!
//! Leases and times follow the store's own clock: the server's with PostgreSQL, one that cannot jump with SQLite.
//! Every method is one transaction that commits before the method returns, and runs to its end even if the caller goes
//! away. Methods may be called from any thread.

mod claims;
mod observer;
pub(crate) mod outcomes;
mod processes;
mod quotas;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

pub use claims::{
    Backoff, Claim, ClaimRequest, ClaimResult, DownloadLimits, ItemOutcome, Lease, Owner, Selection, Settled,
};
pub use observer::{OPERATIONS, Observation, Observer};
pub use outcomes::{
    Canceled, Collected, Created, EndedJob, ExhaustedItem, Expired, JobFilter, JobVersion, Listener, Reaped,
    Removable, Retried, StoreError, StoreStats, StoredKey,
};
pub use processes::{Heartbeat, Process, Reconciled, Role, SWEEP};
pub use quotas::{CallerLimits, Corrections, Quota};

use crate::access_key::AccessKeys;
use crate::job::{Item, ItemError, Job, JobId, JobKind, NewJob};
use crate::outbox::Outbox;

/// The store. See the module documentation for the rules it keeps.
#[async_trait]
pub trait Store: Outbox + AccessKeys {
    /// A handle to the same store that reports its operations to `observer`.
    fn observed(&self, observer: Arc<dyn Observer>) -> Arc<dyn Store>;

    /// Creates a job, or finds the job that its key created. If its caller would exceed a limit, nothing is
    /// created; requests at the same time cannot exceed it together either.
    async fn create(&self, job: NewJob) -> Result<Created, StoreError>;

    /// Finds the job that a key created. Expired keys are not found.
    async fn key(&self, scope: &str, key: &str) -> Result<Option<StoredKey>, StoreError>;

    /// Finds a job. Expired jobs are found until their tombstone is collected.
    async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError>;

    /// Finds the part of a job that answers a poll: one row by its primary key.
    async fn job_version(&self, id: &JobId) -> Result<Option<JobVersion>, StoreError>;

    /// Lists the items of a job in order, starting with this number.
    async fn items(&self, id: &JobId, from: u32, limit: u32) -> Result<Vec<Item>, StoreError>;

    /// Lists jobs, the newest first.
    async fn list(&self, filter: &JobFilter) -> Result<Vec<Job>, StoreError>;

    /// Claims items under leases. The first claim of a job makes it `processing`.
    async fn claim(&self, request: &ClaimRequest) -> Result<ClaimResult, StoreError>;

    /// Keeps a process alive, and reconciles its leases with the rows. See [`Heartbeat`].
    async fn heartbeat(&self, heartbeat: &Heartbeat) -> Result<Reconciled, StoreError>;

    /// Removes a process. Its leases can be reaped from now on.
    async fn leave(&self, owner: &Owner) -> Result<(), StoreError>;

    /// Lists all processes that have a row, the newest first.
    async fn processes(&self) -> Result<Vec<Process>, StoreError>;

    /// Pauses jobs of this kind, or all jobs: their items are not claimed any more.
    async fn pause(&self, kind: Option<JobKind>) -> Result<(), StoreError>;

    /// Ends a pause. Without a kind, ends all of them.
    async fn resume(&self, kind: Option<JobKind>) -> Result<(), StoreError>;

    /// Lists the active pauses. `None` stands for all jobs.
    async fn pauses(&self) -> Result<Vec<Option<JobKind>>, StoreError>;

    /// Settles an item, and ends its job if this was the last item. `pace_ms` is as in [`ClaimRequest`].
    async fn settle(&self, lease: &Lease, outcome: ItemOutcome, pace_ms: u64) -> Result<Settled, StoreError>;

    /// Returns claimed items to the queue as if they had not been claimed, except that their attempt number (the fence)
    /// keeps its value. Lost leases are ignored. Returns how many items went back.
    async fn give_back(&self, leases: &[Lease]) -> Result<u64, StoreError>;

    /// Takes back up to `limit` items of dead processes. If this process is the only writer, all earlier processes are
    /// dead. Such an item becomes a suspect. A suspect that was the only item of its process counts a crash, and fails
    /// with `error` once it has `max_crashes`. A suspect that ran next to others runs in isolation from then on.
    async fn reap(&self, limit: u32, max_crashes: u32, error: &ItemError) -> Result<Reaped, StoreError>;

    /// Records that the results of a completed job were fetched. Returns true once per job, however many calls run at
    /// the same time. Does not change the job's version.
    async fn fetched(&self, id: &JobId) -> Result<bool, StoreError>;

    /// Returns the pictures of an ended job that failed with a retryable error to the queue.
    async fn retry(&self, id: &JobId) -> Result<Retried, StoreError>;

    /// Cancels a job and its unsettled items.
    async fn cancel(&self, id: &JobId) -> Result<Canceled, StoreError>;

    /// Turns a job into a tombstone at once, whatever its state. Returns false if there is no such job, or if it is a
    /// tombstone already.
    async fn delete(&self, id: &JobId) -> Result<bool, StoreError>;

    /// Takes or keeps a duty that only one process performs at a time. Returns whether this owner holds it now, for as
    /// long as `lease`.
    async fn hold_duty(&self, owner: &Owner, name: &str, lease: Duration) -> Result<bool, StoreError>;

    /// Turns up to `limit` expired jobs into tombstones. If the clock has jumped ahead by more than `jump` since the
    /// last call, nothing expires for that long.
    async fn expire(&self, limit: u32, jump: Duration) -> Result<Expired, StoreError>;

    /// Lists up to `limit` jobs with blobs that are due for removal: all blobs of a tombstone, the inputs of an ended
    /// job. A job is listed until [`Store::removed`] or [`Store::not_removed`] is called for it.
    async fn removable(&self, limit: u32) -> Result<Vec<Removable>, StoreError>;

    /// Records that these blobs were removed.
    async fn removed(&self, removed: &[Removable]) -> Result<(), StoreError>;

    /// Records that the blobs of this job could not be removed. They are due again after this wait.
    async fn not_removed(&self, job: &JobId, wait: Duration) -> Result<(), StoreError>;

    /// Deletes up to `limit` rows each of: tombstones older than `tombstone` whose blobs are removed; expired keys
    /// whose job is a tombstone or gone; expired nonces.
    async fn collect(&self, limit: u32, tombstone: Duration) -> Result<Collected, StoreError>;

    /// Returns which of these jobs have a row that is not a tombstone.
    async fn living(&self, ids: &[JobId]) -> Result<HashSet<JobId>, StoreError>;

    /// Consumes nonces, all or none of them. They are remembered for `keep`. Returns whether all of them were unused.
    async fn consume_nonces(&self, nonces: &[String], keep: Duration) -> Result<bool, StoreError>;

    /// Returns the secret of this name. If there is none yet, stores `generated` as the secret.
    async fn secret(&self, name: &str, generated: SecretString) -> Result<SecretString, StoreError>;

    /// Returns figures about the whole store. The cost does not depend on the number of jobs.
    async fn figures(&self) -> Result<StoreStats, StoreError>;

    /// Counts jobs in processing that have no claimable picture and ended no attempt for this long. Reads only jobs in
    /// processing.
    async fn stalled(&self, quiet: Duration) -> Result<u64, StoreError>;

    /// Recounts everything, and corrects the counters and what callers use.
    async fn recount(&self) -> Result<Corrections, StoreError>;

    /// Writes a row for this owner and reads it back.
    async fn probe(&self, owner: &Owner) -> Result<(), StoreError>;

    /// Writes a consistent copy of the whole store to a new file while the store is in use. SQLite only.
    async fn backup(&self, to: &Path) -> Result<(), StoreError>;

    /// Whether this process is the only one that writes. If so, the last change it was notified of is the current
    /// state.
    fn is_sole_writer(&self) -> bool;

    /// Closes all connections. Committed data stays.
    async fn close(&self);
}
