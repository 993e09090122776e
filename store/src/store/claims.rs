//! Claims and leases: what a process asks for, which items it gets, and how it reports the end of an attempt.

use std::time::Duration;

use super::outcomes::EndedJob;
use crate::caller::Caller;
use crate::job::{ItemError, ItemResult, ItemSource, JobId, Priority};

/// A process that holds leases. Each start of a process has a new owner id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner(pub String);

/// Identifies one attempt at one item. Every write about the attempt is fenced by it: once the lease is lost, the
/// write changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// The number of the item in its job, from 0.
    pub number: u32,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The process that holds the lease.
    pub owner: Owner,
}

/// Which items a claim asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Selection {
    /// The items whose turn it is.
    InTurn,
    /// One suspect: an item that was being processed when its process died. No other suspect may run next to it.
    Suspect,
    /// One suspect that ran next to other items when another process died. Nothing at all may run next to it.
    Isolated,
}

/// Limits for items that must be downloaded. Items that are claimed beyond them wait without delaying others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadLimits {
    /// Maximum number of such items in the result.
    pub free: u32,
    /// Maximum number of claimed items of one host, counted over all processes.
    pub each: u32,
    /// Hosts from which nothing is claimed.
    pub excluded: Vec<String>,
    /// How many this process downloads for each caller. A caller may have up to twice as many as are free.
    pub held: Vec<(Caller, u32)>,
}

impl Default for DownloadLimits {
    /// No limits.
    fn default() -> Self {
        Self { free: u32::MAX, each: u32::MAX, excluded: Vec::new(), held: Vec::new() }
    }
}

/// What a claim asks for.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// The process that claims.
    pub owner: Owner,
    /// The sequence number of this claim among the claims of its owner.
    /// [`Heartbeat::answered`](super::Heartbeat::answered) refers to it.
    pub sequence: u64,
    /// Maximum number of items. A claim for suspects returns at most one.
    pub limit: u32,
    /// How long the leases last if this owner has sent no heartbeat yet.
    pub lease: Duration,
    /// Which items to claim.
    pub selection: Selection,
    /// Limits for items that must be downloaded.
    pub downloads: DownloadLimits,
    /// Average wall-clock milliseconds per picture with all slots working, for the estimate of the job's end.
    pub pace_ms: u64,
}

/// A claimed item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Identifies the attempt when it is settled.
    pub lease: Lease,
    /// Who the job belongs to.
    pub caller: Caller,
    /// The item's name as the job's owner sees it.
    pub name: String,
    /// Where the picture's bytes are.
    pub source: ItemSource,
    /// The options of the job, as JSON.
    pub options: String,
    /// The id of the request that created the job.
    pub request_id: String,
    /// The trace context of that request.
    pub traceparent: Option<String>,
    /// The job's priority.
    pub priority: Priority,
    /// How long the job was queued, if this is the first claim on it.
    pub waited: Option<Duration>,
}

/// The result of a claim.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimResult {
    /// The claimed items, in the order of their turn.
    pub items: Vec<Claim>,
    /// Whether there are suspects to claim with [`Selection::Suspect`].
    pub suspects: bool,
    /// Whether there are suspects to claim with [`Selection::Isolated`].
    pub isolated: bool,
    /// How long until the next deferred item can be claimed.
    pub next: Option<Duration>,
}

/// How long an item waits after an attempt failed through no fault of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure. Each further failure waits four times as long.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// The number of failures after which the item fails permanently.
    pub limit: u32,
}

impl Backoff {
    /// The wait after this many failures, or `None` if the limit is reached.
    #[must_use]
    pub fn after(&self, failures: u32) -> Option<Duration> {
        let wait = self.first.saturating_mul(4_u32.saturating_pow(failures.saturating_sub(1)));
        (failures < self.limit).then(|| wait.min(self.longest))
    }
}

/// How an attempt at an item ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemOutcome {
    /// With a result. Its card is stored already.
    Done(ItemResult),
    /// With a permanent error.
    Failed(ItemError),
    /// With a failure that is not the picture's fault. The item is deferred; at the limit it fails with this error.
    Retry(ItemError, Backoff),
    /// The process had no room for it. The item is deferred for this long, and no failure is counted.
    Later(Duration),
}

/// The result of a [`settle`](super::Store::settle).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// The outcome counts. Contains the job if this was its last item.
    Counted(Option<Box<EndedJob>>),
    /// The item waits for another attempt.
    Deferred {
        /// The item's failures so far.
        failures: u32,
        /// How long it waits.
        wait: Duration,
    },
    /// The lease was lost or the job had ended. Nothing changed.
    Stale,
}
