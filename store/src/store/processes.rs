//! The processes that share a store, and the heartbeat that reconciles their leases.
//!
//! A lease exists twice: in the claimed row, and in the process that works on the item. The heartbeat compares the two.
//! An item that is claimed by the process, but unknown to it, returns to the queue. An item that the process works on,
//! but no longer owns, is reported as lost, so that the process stops working on it.

use std::time::Duration;

use super::claims::{Lease, Owner};
use crate::job::words;

words! {
    /// The work that a process does.
    Role {
        /// Answers requests and processes pictures.
        All = "all",
        /// Only answers requests.
        Web = "web",
        /// Processes pictures, sends webhooks, sweeps.
        Worker = "worker",
    }
}

/// The name of the duty to expire, remove and collect.
pub const SWEEP: &str = "sweep";

/// What a process reports about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// The id of the process, new for each start.
    pub owner: Owner,
    /// Where it runs, for operators: host name and process id.
    pub host: String,
    /// Its version.
    pub version: String,
    /// The work it does.
    pub role: Role,
    /// How many pictures it processes at a time.
    pub slots: u32,
    /// How long its leases last without another heartbeat.
    pub lease: Duration,
    /// The sequence number of the last claim that was answered, or whose answer is lost. Leases of later claims are not
    /// compared.
    pub answered: u64,
    /// The leases that the process holds, read after `answered`.
    pub held: Vec<Lease>,
}

/// The result of a heartbeat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Leases that the process holds but has lost.
    pub lost: Vec<Lease>,
    /// Number of items that were claimed by the process, but unknown to it. They are back in the queue.
    pub orphaned: u64,
    /// Number of items that are still claimed by this owner.
    pub claimed: u64,
}

/// A process as operators see it. Times are in Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The id of the process.
    pub owner: Owner,
    /// Where it runs.
    pub host: String,
    /// Its version.
    pub version: String,
    /// The work it does.
    pub role: Role,
    /// How many pictures it processes at a time.
    pub slots: u32,
    /// When it sent its first heartbeat.
    pub started_at: i64,
    /// When it sent its last heartbeat.
    pub beat_at: i64,
    /// Whether its leases are valid.
    pub alive: bool,
    /// The duties it holds.
    pub duties: Vec<String>,
    /// Number of pictures it has claimed.
    pub pictures: u32,
}
