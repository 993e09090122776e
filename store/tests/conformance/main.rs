//! The contract of `store::Store`, case by case, on SQLite and on PostgreSQL. A failure names the case and the
//! store.

#![allow(clippy::unwrap_used)]

#[path = "../support/postgres.rs"]
mod postgres;

mod bench;
mod claiming;
mod creating;
mod crowd;
mod ending;
mod laws;
mod opening;
mod outage;
mod outbox;
mod reaping;
mod settling;
mod sundries;
