//! The contract of the outbox: webhooks about ended jobs, stored until they are delivered.
//!
//! The transaction that ends a job with a callback URL also stores a delivery. Processes claim due deliveries for a
//! limited time and attempt them. If a process dies, another one takes over, so each webhook is sent at least once.
//!
//! A claim has a number that fences its writes: once a delivery is claimed again, the slower process changes nothing.
//! Times follow the store's own clock.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::job::{ItemError, JobId, JobState, words};
use crate::store::outcomes::StoreError;

words! {
    /// The state of a delivery.
    DeliveryState {
        /// To be sent now or later.
        Pending = "pending",
        /// The receiver acknowledged it.
        Delivered = "delivered",
        /// All attempts failed, or the receiver rejected it: a dead letter.
        Dead = "dead",
    }
}

/// The content of a webhook: the job as it ended, whatever happens to its row later. Times are in Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The state in which the job ended.
    pub state: JobState,
    /// When it was created.
    pub created_at: i64,
    /// When it ended.
    pub finished_at: i64,
    /// When its results expire.
    pub expires_at: i64,
    /// Scheme and host of the URLs in the webhook.
    pub base_url: String,
    /// Number of pictures.
    pub total: u32,
    /// Number of pictures with a result.
    pub succeeded: u32,
    /// Number of pictures that failed.
    pub failed: u32,
    /// Why the job failed, if it did.
    pub failure: Option<JobFailure>,
}

/// Why a job failed: the error of its first picture, and whether all pictures failed with the same code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFailure {
    /// The error of the first picture.
    pub first: ItemError,
    /// Whether every picture has the same error code.
    pub same: bool,
}

/// Identifies one claim on a delivery. Every write about the attempt is fenced by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeliveryLease {
    /// The delivery's id, the same for each attempt.
    pub id: String,
    /// The number of the claim, from 1.
    pub claim: u32,
}

/// A claimed delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDelivery {
    /// Identifies the claim when the attempt is recorded.
    pub lease: DeliveryLease,
    /// The job.
    pub job: JobId,
    /// Who the job belongs to.
    pub caller: Caller,
    /// The id of the request that created the job.
    pub request_id: String,
    /// The trace context of that request.
    pub traceparent: Option<String>,
    /// The URL to call.
    pub url: String,
    /// Scheme, host and port of the URL.
    pub host: String,
    /// The content of the webhook.
    pub notice: Notice,
    /// Number of attempts since it was created or last redelivered.
    pub tries: u32,
    /// How long ago the job ended.
    pub age: Duration,
}

/// Which deliveries to claim. First attempts are claimed before further ones, and callers have turns.
#[derive(Debug, Clone, Default)]
pub struct ClaimDue {
    /// Maximum number of deliveries.
    pub limit: u32,
    /// Maximum number of deliveries for one host.
    pub limit_per_host: u32,
    /// Maximum number of deliveries for one caller.
    pub limit_per_caller: u32,
    /// Maximum number of deliveries for these callers instead; it may be zero.
    pub callers: Vec<(Caller, u32)>,
    /// Claim none for these hosts, which are available again after this wait.
    pub excluded_hosts: Vec<(String, Duration)>,
    /// Where the turns of the callers go on, as the last claim returned it; at first, empty.
    pub turns: [String; 2],
    /// How long the claims last.
    pub lease: Duration,
}

/// The result of a claim of deliveries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DueDeliveries {
    /// The claimed deliveries: first attempts before further ones, and the oldest of each caller first.
    pub due: Vec<DueDelivery>,
    /// Where the turns of the callers go on.
    pub turns: [String; 2],
    /// Whether there are more callers than one claim looks at: the next one goes on with the others.
    pub has_more_callers: bool,
    /// How long until the next unclaimed delivery is due; zero if more are due already.
    pub next: Option<Duration>,
}

/// A finished attempt at a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// How long it took.
    pub duration: Duration,
    /// The status code of the response, if there was one.
    pub status: Option<u16>,
    /// Why the attempt failed, if it did, as metrics spell it.
    pub reason: Option<String>,
    /// The beginning of the response's body.
    pub answer: String,
}

/// What happens to a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterAttempt {
    /// It was acknowledged.
    Delivered,
    /// It is attempted again after this wait.
    Again(Duration),
    /// It becomes a dead letter.
    Dead,
}

/// A delivery as operators see it. Times are in Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its id.
    pub id: String,
    /// The job.
    pub job: JobId,
    /// Its state.
    pub state: DeliveryState,
    /// When the job ended.
    pub created_at: i64,
    /// When it was acknowledged or became a dead letter.
    pub finished_at: Option<i64>,
    /// When the next attempt is due, if it is pending.
    pub next_at: Option<i64>,
    /// The host it goes to. The rest of the URL may be secret.
    pub host: String,
    /// All attempts, the first one first.
    pub tries: Vec<RecordedAttempt>,
}

/// An attempt as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedAttempt {
    /// The number of the attempt, from 1.
    pub number: u32,
    /// When it ended, in Unix seconds.
    pub at: i64,
    /// How it ended.
    pub outcome: DeliveryAttempt,
}

/// The job that the delivery with this id is about, or `None` if this is not the id of a delivery.
#[must_use]
pub fn job_of(id: &str) -> Option<JobId> {
    JobId::parse(&format!("job_{}", id.strip_prefix("dlv_")?))
}

/// Which deliveries a list contains. The newest come first.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Only deliveries in this state.
    pub state: Option<DeliveryState>,
    /// Only the delivery of this job.
    pub job: Option<JobId>,
    /// Only deliveries that belong to this key.
    pub caller: Option<Caller>,
    /// Only deliveries with an id lower than this.
    pub before: Option<String>,
    /// Maximum number of deliveries.
    pub limit: u32,
}

/// The outbox. See the module documentation for the rules it keeps.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Claims deliveries that are due.
    async fn due(&self, request: &ClaimDue) -> Result<DueDeliveries, StoreError>;

    /// Records an attempt. Returns false, and changes nothing, if the claim was lost.
    async fn record_attempt(
        &self,
        lease: &DeliveryLease,
        attempt: &DeliveryAttempt,
        after: AfterAttempt,
    ) -> Result<bool, StoreError>;

    /// Releases claims as if they had not been made. The deliveries are due again after this wait.
    async fn snooze(&self, leases: &[DeliveryLease], wait: Duration) -> Result<(), StoreError>;

    /// Lists deliveries, the newest first.
    async fn deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<DeliveryRecord>, StoreError>;

    /// Makes a delivery due now and restarts its schedule, whatever its state. Returns false if there is no such
    /// delivery.
    async fn redeliver(&self, id: &str) -> Result<bool, StoreError>;
}
