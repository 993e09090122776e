//! Bytes at rest: what lies outside of the pixels' memory, and how it is read back.
//!
//! - [`spool`] holds temporary bytes (a request's body, a large answer): in memory while they are few, else in a
//!   file that has no name.
//! - [`archive`] reads ZIP archives that lie in such bytes, entry by entry, under limits.
//!
//! This crate knows nobody above it. It reports failures as plain enums and `std::io::Error`; what a user is
//! told is decided by its callers.

pub mod archive;
pub mod spool;

pub use spool::{Spool, SpoolRoom, SpoolSettings, SpoolWriter};
