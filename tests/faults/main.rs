//! Faults of what the service depends on (database, disk, bucket, network, clock, other processes) while jobs run, a file
//! for each kind. Afterwards, without a restart, each picture has ended once, no lease is left over, and the metrics
//! match the rows.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

mod blobs;
mod clock;
mod contention;
mod deletion;
mod leases;
mod quota;
mod receivers;
#[path = "../support/mod.rs"]
mod support;

use support::servers;
