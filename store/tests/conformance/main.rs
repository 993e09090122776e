//! Tests the contract of `store::Store` on SQLite, on PostgreSQL, and on PostgreSQL behind PgBouncer. The name of a
//! failing test says which database it ran on.

#![allow(clippy::unwrap_used)]

#[path = "../support/servers.rs"]
mod servers;
use servers::{pgbouncer, postgres};

mod access_keys;
mod builders;
mod claims;
mod concurrency;
mod connections;
mod creation;
mod deferral;
mod downloads;
mod fairness;
mod harness;
mod invariants;
mod job_end;
mod leases;
mod nonces_and_secrets;
mod observation;
mod outage;
mod outbox;
mod processes;
mod queries;
mod quotas;
mod reaper;
mod same_picture;
mod settlement;
mod startup;
mod upgrade;
