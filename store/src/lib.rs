//! Bytes at rest: what lies outside of the pixels' memory, and how it is read back.
//!
//! - [`spool`] holds temporary bytes (a request's body, a large answer): in memory while they are few, else in a
//!   file that has no name.
//! - [`archive`] reads ZIP archives that lie in such bytes, entry by entry, under limits.
//! - [`store`] is the contract of what must survive: jobs and their items, keys, nonces, secrets; [`job`] are its nouns;
//!   [`sql`] keeps it in SQLite or PostgreSQL.
//!
//! This crate knows nobody above it. It reports failures as plain enums and `std::io::Error`; what a user is
//! told is decided by its callers.

pub mod archive;
pub mod blobs;
pub mod job;
pub mod spool;
pub mod sql;
pub mod store;

pub use spool::{Spool, SpoolRoom, SpoolSettings, SpoolWriter};
