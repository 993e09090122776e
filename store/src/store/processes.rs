//! The processes that share a store: who lives, what each holds, and how a lease is compared between its two sides.
//!
//! A lease has two sides: the claimed row, and the process that works on it. The heartbeat brings both together: what
//! the row says and the process does not know goes back to the queue, what the process holds and the row does not say
//! is to be stopped.

use std::time::Duration;

use super::answers::{Lease, Owner};
use crate::job::words;

words! {
    /// What a process does.
    Role {
        /// Answers requests, and works on pictures.
        All = "all",
        /// Answers requests alone.
        Web = "web",
        /// Works on pictures, sends webhooks, sweeps.
        Worker = "worker",
    }
}

/// What a process says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Who it is: new for each start.
    pub owner: Owner,
    /// Where it runs, for people: host name and process id.
    pub host: String,
    /// Its version.
    pub version: String,
    /// What it does.
    pub role: Role,
    /// Pictures that it works on at a time.
    pub slots: u32,
    /// How long its leases are good without another heartbeat.
    pub lease: Duration,
    /// The sequence of the last claim whose answer it has, or will never have. Leases of later claims are not compared.
    pub answered: u64,
    /// The leases that it holds, read after `answered`.
    pub held: Vec<Lease>,
}

/// What a heartbeat found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Held by the process, and not its own by now.
    pub lost: Vec<Lease>,
    /// Items that the store held for the process and the process did not: back in the queue.
    pub orphaned: u64,
    /// Items that are still claimed by this owner.
    pub claimed: u64,
}

/// A process as operators see it. Times are whole Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Who it is.
    pub owner: Owner,
    /// Where it runs.
    pub host: String,
    /// Its version.
    pub version: String,
    /// What it does.
    pub role: Role,
    /// Pictures that it works on at a time.
    pub slots: u32,
    /// When it first beat.
    pub started_at: i64,
    /// When it last beat.
    pub beat_at: i64,
    /// Whether its leases are good.
    pub alive: bool,
    /// The duties that it has.
    pub duties: Vec<String>,
    /// Pictures that are claimed by it.
    pub pictures: u32,
}
