//! Temporary bytes: request bodies and large answers, in memory while they are short, otherwise on disk.
//!
//! Bytes of unknown length are written through a [`SpoolWriter`]. The finished [`Spool`] can be read at any offset, by
//! any number of holders. All spools of a process share one allowance of memory and disk, the [`SpoolRoom`]. A spool
//! stays in memory while it is short and the allowance has room; otherwise it moves to a temporary file. The file has
//! no name, so a killed process leaves nothing behind. (If the file system does not support `O_TMPFILE`, the file has a
//! name between two system calls.) Memory and disk are freed when the last holder drops the spool.
//!
//! Errors are `std::io::Error`. A used-up disk allowance is `ErrorKind::StorageFull`, like a full disk.

mod allowance;
mod contents;
mod room;
mod writer;

pub use contents::Spool;
pub use room::{SpoolRoom, SpoolSettings};
pub use writer::SpoolWriter;
