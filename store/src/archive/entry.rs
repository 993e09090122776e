//! One entry of an archive: where its bytes are and what the directory says about them. Plain data without borrows, so
//! that it can be stored and used later, by another process, on the same bytes.

use std::io;

use serde::{Deserialize, Serialize};

use super::name;

/// One entry of the central directory, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The path within the archive. It is unique, safe to display (no control or bidi characters), has at most
    /// [`Entry::LONGEST_NAME`] bytes, and never leaves the archive. The path of a folder ends in `/`.
    pub name: String,
    /// Where the entry's data start, in bytes from the start of the archive.
    pub offset: u64,
    /// Size of the compressed data in bytes.
    pub compressed_size: u64,
    /// Declared size after inflating in bytes.
    pub size: u64,
    /// How the data are compressed.
    pub method: Method,
    /// Declared CRC-32 of the inflated bytes.
    pub crc32: u32,
    /// What kind of entry it is, and so whether [`extract`](super::extract) supports it.
    pub verdict: EntryKind,
    /// Whether the local header has another name than the central directory. The name in the directory is used.
    pub renamed: bool,
}

impl Entry {
    /// Maximum length of a name in bytes. The middle of a longer name is cut out.
    pub const LONGEST_NAME: usize = name::LONGEST;

    /// Whether the entry is a file that operating systems add on their own and that can be ignored: `__MACOSX/`, `._*`,
    /// `.DS_Store`, `Thumbs.db`, `desktop.ini`.
    #[must_use]
    pub fn junk(&self) -> bool {
        name::is_junk(&self.name)
    }

    /// Returns an error if it is known in advance that the entry cannot be extracted.
    pub fn check(&self) -> Result<(), EntryError> {
        match self.verdict {
            EntryKind::Readable => Ok(()),
            EntryKind::Directory | EntryKind::Symlink | EntryKind::Device => Err(EntryError::NotAFile),
            EntryKind::Encrypted => Err(EntryError::Encrypted),
            EntryKind::UnsupportedMethod => Err(EntryError::UnsupportedMethod(self.method.into())),
            EntryKind::TooLarge { limit } => Err(EntryError::TooLarge { limit }),
        }
    }
}

/// How an entry's data are compressed (APPNOTE 4.4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u16", from = "u16")]
pub enum Method {
    /// Method 0: not compressed.
    Stored,
    /// Method 8: deflate (RFC 1951).
    Deflate,
    /// Any other method. Not supported.
    Other(u16),
}

impl From<u16> for Method {
    fn from(number: u16) -> Self {
        match number {
            0 => Self::Stored,
            8 => Self::Deflate,
            other => Self::Other(other),
        }
    }
}

impl From<Method> for u16 {
    fn from(method: Method) -> Self {
        match method {
            Method::Stored => 0,
            Method::Deflate => 8,
            Method::Other(number) => number,
        }
    }
}

/// What kind of entry it is, as far as the directory says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A file that can be extracted.
    Readable,
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, a pipe or a socket.
    Device,
    /// A file that needs a password.
    Encrypted,
    /// A file that is neither stored nor deflated.
    UnsupportedMethod,
    /// A file that declares more bytes than [`max_entry_bytes`](super::ArchiveLimits::max_entry_bytes).
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
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
