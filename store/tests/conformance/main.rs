//! The contract of `store::Store`, case by case, on SQLite, on PostgreSQL, and on PostgreSQL behind a PgBouncer. A
//! failure names the case and the store.

#![allow(clippy::unwrap_used)]

#[path = "../support/servers.rs"]
mod servers;
use servers::{pgbouncer, postgres};

mod bench;
mod claiming;
mod creating;

mod crowd;
mod deferring;
mod ending;
mod fleet;
mod laws;
mod leases;
mod opening;
mod outage;
mod outbox;
mod pooling;
mod reaping;
mod settling;
mod sundries;
mod upgrading;
