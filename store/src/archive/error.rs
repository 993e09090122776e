//! Why an archive or one of its entries was rejected.

use std::io;

/// Why a whole archive was rejected.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The structure is invalid or ambiguous. The text is for the log.
    #[error("the archive is damaged: {0}")]
    Damaged(&'static str),
    /// The path of an entry leaves the archive: it contains `..`, is absolute, or has a backslash or a drive letter.
    #[error("the path of entry {index} leaves the archive")]
    Traversal {
        /// The index of the entry in the central directory, from 0.
        index: usize,
    },
    /// There are more entries, or a larger directory, than [`ArchiveLimits`](super::ArchiveLimits) allow.
    #[error("the archive has too many entries")]
    TooManyEntries,
    /// The spooled bytes could not be read. The archive is not to blame.
    #[error("the archive's bytes could not be read")]
    Io(#[source] io::Error),
}

/// Why one entry could not be extracted. Other entries are not affected.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// The entry is a folder, a link or a device.
    #[error("the entry is not a file")]
    NotAFile,
    /// The entry needs a password.
    #[error("the entry is encrypted")]
    Encrypted,
    /// The entry is neither stored nor deflated. The number is the one in the archive.
    #[error("the compression method {0} of the entry is not supported")]
    UnsupportedMethod(u16),
    /// The entry is larger than allowed.
    #[error("the entry is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The data do not inflate, or their size or checksum is not the one in the directory. The text is for the log.
    #[error("the entry is damaged: {0}")]
    Damaged(&'static str),
    /// The spooled bytes could not be read. The archive is not to blame.
    #[error("the entry's bytes could not be read")]
    Io(#[source] io::Error),
}
