//! ZIP archives that lie in stored bytes (PKWARE APPNOTE 6.3.10), read entry by entry under limits.
//!
//! The archives come from strangers, and two readers of one ZIP may see different things in it. So this reader
//! takes one reading only, and refuses what allows another: [`Directory::read`] takes the central directory at
//! the very end of the bytes and at the place it claims, counts and sizes are capped before anything is read,
//! entries may not share bytes, and no path may leave the archive. The local headers only tell where data begin.
//! Nothing is unpacked then. Each [`Entry`] is plain data that says where its bytes lie; [`extract`] inflates
//! one under a cap, counts what really comes, and checks size and CRC. An archive in an archive is a file like
//! any other.
//!
//! All of it blocks; call it off the async threads. The cost grows with the directory's bytes (the sort of the
//! overlap check aside), memory is bounded by the limits and the cap.

mod directory;
mod end;
mod entry;
mod extract;
mod name;
mod source;
mod unpack;

use std::io;

pub use directory::Directory;
pub use entry::{Entry, EntryKind, Method};
pub use extract::{extract, peek};
pub use name::distinct;
pub(crate) use name::{Names, is_unseen, shorten};
pub(crate) use unpack::{CUT_OFF, ENDS_EARLY, Inflate, SizeCheck};

/// What an archive may ask for. Judged before the work it would cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Most entries, folders and junk included.
    pub max_entries: u64,
    /// Most bytes of the central directory.
    pub max_directory_bytes: u64,
    /// Most bytes of one entry, uncompressed; an entry that declares more gets [`EntryKind::TooLarge`].
    pub max_entry_bytes: u64,
}

impl Default for ArchiveLimits {
    /// 5,000 entries, 4 MiB of directory, 50 MB an entry.
    fn default() -> Self {
        Self { max_entries: 5_000, max_directory_bytes: 4 << 20, max_entry_bytes: 50_000_000 }
    }
}

/// Why a whole archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The structure cannot be read, or allows more than one reading. The text is for the log.
    #[error("the archive is damaged: {0}")]
    Damaged(&'static str),
    /// An entry's path leaves the archive: `..`, absolute, with a backslash or a drive letter.
    #[error("the path of entry {index} leaves the archive")]
    Traversal {
        /// Which entry of the central directory, from 0.
        index: usize,
    },
    /// More entries, or a longer directory, than [`ArchiveLimits`] allow.
    #[error("the archive has too many entries")]
    TooManyEntries,
    /// The stored bytes could not be read: our fault, not the archive's.
    #[error("the archive's bytes could not be read")]
    Io(#[source] io::Error),
}

/// Why one entry gave no bytes. The others are not touched by it.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// A folder, a link or a device.
    #[error("the entry is not a file")]
    NotAFile,
    /// Needs a password.
    #[error("the entry is encrypted")]
    Encrypted,
    /// Neither stored nor deflated; the number is the archive's own.
    #[error("the entry is compressed by method {0}")]
    UnsupportedMethod(u16),
    /// Larger than allowed.
    #[error("the entry is larger than {limit} bytes")]
    TooLarge {
        /// The bytes that were allowed.
        limit: u64,
    },
    /// The bytes do not inflate, or are not as many or not the ones that the directory promised. The text is for
    /// the log.
    #[error("the entry is damaged: {0}")]
    Damaged(&'static str),
    /// The stored bytes could not be read: our fault, not the archive's.
    #[error("the entry's bytes could not be read")]
    Io(#[source] io::Error),
}
