//! Bytes at rest: what lies outside of the pixels' memory, and how it is read back.
//!
//! - [`spool`] holds temporary bytes (a request's body, a large answer): in memory while they are few, else in a
//!   file that has no name.
//! - [`archive`] reads ZIP archives that lie in such bytes, entry by entry, under limits.
//! - [`store`] is the contract of what must survive: jobs and their items, keys, nonces, secrets; [`job`] are its nouns;
//!   [`sql`] keeps it in SQLite or PostgreSQL.
//! - [`steady_clock`] is the wall clock that no one can set.
//! - [`outbox`] is the part of that contract that tells others of jobs' ends.
//! - [`blobs`] are the inputs and cards of jobs, in a folder or a bucket; [`fetch`] brings one picture of them into a
//!   spool, [`results`] is the archive of a job's cards.
//!
//! This crate knows nobody above it. It reports failures as plain enums and `std::io::Error`; what a user is
//! told is decided by its callers.

pub mod archive;
pub mod blobs;
pub mod fetch;
pub mod job;
pub mod outbox;
pub mod results;
pub mod spool;
pub mod sql;
pub mod steady_clock;
pub mod store;

pub use spool::{Spool, SpoolRoom, SpoolSettings, SpoolWriter};
