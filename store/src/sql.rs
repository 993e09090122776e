//! The store on a database: SQLite in a file that belongs to one process, or PostgreSQL shared by many processes.
//!
//! One set of SQL statements serves both databases; `dialect` holds the differences. `store` is the entry point: it
//! runs and times every operation. `calls` maps each method of the contract in [`crate::store`] to the statements
//! that implement it. Reads take a connection each. Writes are values (`operation`) that `writer` runs in
//! transactions.
//!
//! An unreachable database gives [`StoreError::Away`](crate::store::StoreError::Away) within seconds. Connections
//! reconnect on their own, so the store recovers without a restart.

mod access_keys;
mod blocked;
mod calls;
mod claim;
mod clock;
mod completion;
mod counters;
mod create;
mod database;
mod dialect;
mod downloads;
mod fault;
mod figures;
mod heartbeat;
mod job_control;
mod leasing;
mod operation;
mod outbox;
mod pauses;
#[cfg(test)]
mod plans;
mod postgres;
mod queue;
mod read;
mod reap;
mod requeue;
mod rows;
mod schema;
mod secrets;
mod settle;
mod sqlite;
mod statement;
mod store;
mod sweep;
mod turns;
mod usage;
mod writer;

pub use clock::StoreClock;
pub use postgres::PostgresSettings;
pub use store::SqlStore;
