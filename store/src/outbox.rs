//! The outbox, as one contract beside [`crate::store`]: a row for each job whose end somebody wants to be told, put
//! there by the transaction that ended the job. Rows are claimed for a time and tried; a process that dies over one
//! leaves it to the next, so that each is told at least once.
//!
//! A claim is fenced by its number: what a slow process says of a row that was claimed again changes nothing.
//! Times are by the store's own clock.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::job::{ItemError, JobId, JobState, words};
use crate::store::StoreError;

words! {
    /// Where a delivery stands.
    DeliveryState {
        /// It is to be sent, now or later.
        Pending = "pending",
        /// Its receiver took it.
        Delivered = "delivered",
        /// It was given up: a dead letter.
        Dead = "dead",
    }
}

/// What is told: a job's end as it was, whatever becomes of the job's row. Times are whole Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// How it ended.
    pub state: JobState,
    /// When it was created.
    pub created_at: i64,
    /// When it ended.
    pub finished_at: i64,
    /// Until when its results are kept.
    pub expires_at: i64,
    /// Scheme and host that URLs begin with.
    pub base_url: String,
    /// Pictures in all, with a result, and without.
    pub total: u32,
    /// See `total`.
    pub succeeded: u32,
    /// See `total`.
    pub failed: u32,
    /// Why, where it failed.
    pub failure: Option<JobFailure>,
}

/// Why a job failed: what its first picture met, and whether all met the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFailure {
    /// The first picture's error.
    pub first: ItemError,
    /// Whether every picture has the first one's code.
    pub same: bool,
}

/// Names one claim on a delivery: what is said of it is fenced by that.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeliveryLease {
    /// The delivery's id, the same for each try.
    pub id: String,
    /// Which claim on it, from 1.
    pub claim: u32,
}

/// A delivery to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// What to answer by.
    pub lease: DeliveryLease,
    /// The job.
    pub job: JobId,
    /// The id of the request that created it.
    pub request_id: String,
    /// The trace context of that request.
    pub traceparent: Option<String>,
    /// Where to.
    pub url: String,
    /// Scheme, host and port of it.
    pub host: String,
    /// What is told.
    pub notice: Notice,
    /// Tries before this one since it was created or last sent anew.
    pub tries: u32,
    /// How long ago the job ended.
    pub age: Duration,
}

/// Which deliveries a claim asks for.
#[derive(Debug, Clone)]
pub struct ClaimDue {
    /// So many at most.
    pub most: u32,
    /// So many at most for one host.
    pub each: u32,
    /// None for these hosts.
    pub without: Vec<String>,
    /// How long the claim holds.
    pub hold: Duration,
}

/// What a claim gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DueDeliveries {
    /// In the order in which they fell due.
    pub due: Vec<Due>,
    /// How long until the next one falls due, of those that are not claimed now; zero where more are due already.
    pub next: Option<Duration>,
}

/// A try that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// How long it took.
    pub duration: Duration,
    /// The answer's status, where there was one.
    pub status: Option<u16>,
    /// Why it failed, where it did, as metrics say it.
    pub reason: Option<String>,
    /// The beginning of the answer.
    pub answer: String,
}

/// What comes after a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Nothing: it was taken.
    Delivered,
    /// Another try, so much later.
    Again(Duration),
    /// Nothing: it is given up.
    Dead,
}

/// A delivery's row, as operators see it. Times are whole Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: String,
    /// The job.
    pub job: JobId,
    /// Where it stands.
    pub state: DeliveryState,
    /// When the job ended.
    pub created_at: i64,
    /// When it was taken or given up.
    pub finished_at: Option<i64>,
    /// When it is tried next, while it is pending.
    pub next_at: Option<i64>,
    /// Where to, without what may be a secret.
    pub host: String,
    /// Its tries, the first one first.
    pub tries: Vec<Tried>,
}

/// A try's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Which one, from 1.
    pub number: u32,
    /// When it ended, in whole Unix seconds.
    pub at: i64,
    /// What came of it.
    pub outcome: Try,
}

/// The job whose end the delivery of this id tells; none if it is no delivery's id.
#[must_use]
pub fn job_of(id: &str) -> Option<JobId> {
    JobId::parse(&format!("job_{}", id.strip_prefix("dlv_")?))
}

/// Which deliveries a list holds: newest first.
#[derive(Debug, Clone, Default)]
pub struct Deliveries {
    /// Only those that stand here.
    pub state: Option<DeliveryState>,
    /// Only that of this job.
    pub job: Option<JobId>,
    /// Only those with a lower id.
    pub before: Option<String>,
    /// So many at most.
    pub limit: u32,
}

/// The contract: see the module.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Claims deliveries that are due.
    async fn due(&self, call: &ClaimDue) -> Result<DueDeliveries, StoreError>;

    /// Writes down a try. Whether the claim still held: if not, nothing is changed.
    async fn record_attempt(
        &self,
        lease: &DeliveryLease,
        outcome: &Try,
        after: After,
    ) -> Result<bool, StoreError>;

    /// Lets go of claims as if they had not been made; they fall due after this wait.
    async fn snooze(&self, leases: &[DeliveryLease], wait: Duration) -> Result<(), StoreError>;

    /// Deliveries, newest first.
    async fn deliveries(&self, which: &Deliveries) -> Result<Vec<Delivery>, StoreError>;

    /// Has a delivery sent anew at once, from the start of the schedule, whatever became of it. Whether there is
    /// one of this id.
    async fn redeliver(&self, id: &str) -> Result<bool, StoreError>;
}
