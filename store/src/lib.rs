//! Storage: the database of jobs, the blobs of their pictures, and temporary bytes.
//!
//! - [`store`] is the contract of the database: jobs and their items, keys, nonces, secrets. [`outbox`] is its part
//!   for webhooks, [`job`] defines its data types, and [`sql`] implements it on SQLite and PostgreSQL.
//! - [`caller`] is who a job belongs to, and [`access_key`] is the contract of the keys that callers hold.
//! - [`blobs`] stores the inputs and cards of jobs in a folder or a bucket. [`fetch`] loads one picture from there into
//!   a spool, and [`results`] builds the archive of a job's cards.
//! - [`spool`] holds temporary bytes, such as request bodies and large answers: in memory while they are short,
//!   otherwise in an unnamed file. [`archive`] reads ZIP archives from a spool, entry by entry and under limits.
//! - [`steady_clock`] is a wall clock that does not jump.
//!
//! This crate depends on no other crate of the workspace. It reports errors as plain enums and `std::io::Error`. Its
//! callers decide what users see.

pub mod access_key;
pub mod archive;
pub mod blobs;
pub mod caller;
pub mod fetch;
pub mod job;
pub mod outbox;
pub mod results;
pub mod spool;
pub mod sql;
pub mod steady_clock;
pub mod store;

pub use caller::{Caller, KeyId};
pub use spool::{Spool, SpoolRoom, SpoolSettings, SpoolWriter};
