//! What a claim asks for, and what it gives.

use std::time::Duration;

use super::answers::{Lease, Owner};
use crate::job::{ItemSource, Priority};

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

/// Which items a claim asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Selection {
    /// Those whose turn it is.
    InTurn,
    /// One suspect: it was in flight when a process died, and no other suspect may be beside it.
    Suspect,
    /// One suspect in whose company a process died again: nothing at all may be beside it.
    Isolated,
}

/// What a claim asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// For whom.
    pub owner: Owner,
    /// Which claim of this owner it is: it grows, and the answered claims of a [`Heartbeat`](super::Heartbeat) refer to it.
    pub sequence: u64,
    /// Maximum number of items; of suspects it is one at most.
    pub most: u32,
    /// How long the leases run where this owner has not beaten yet.
    pub lease: Duration,
    /// Which items.
    pub selection: Selection,
    /// Wall-clock milliseconds that a picture takes in the end, slots in parallel counted in: for the estimate.
    pub pace_ms: u64,
}

/// What a claim gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// The items, at most one of each job for each pass over the jobs.
    pub items: Vec<Claim>,
    /// Whether suspects wait, to be claimed with [`Selection::Suspect`].
    pub suspects: bool,
    /// Whether items wait that must be alone, to be claimed with [`Selection::Isolated`].
    pub isolated: bool,
    /// How long until the next item that was deferred may be claimed.
    pub next: Option<Duration>,
}
