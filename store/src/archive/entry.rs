//! One entry of an archive: where its bytes lie and what they claim to be. Plain data with nothing borrowed, so
//! that it can be stored and used later by another process, on the same bytes.

use serde::{Deserialize, Serialize};

use super::{EntryError, name};

/// What the central directory says about one entry, judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Path within the archive: unique in it, safe to show (no control or bidi characters), at most
    /// [`Entry::LONGEST_NAME`] bytes, never leaving the archive. Folders end in `/`.
    pub name: String,
    /// Where the entry's data begin, in bytes from the start of the archive.
    pub offset: u64,
    /// Bytes of the data as they lie there.
    pub compressed_size: u64,
    /// Bytes after inflating, as declared.
    pub size: u64,
    /// How the data are compressed.
    pub method: Method,
    /// CRC-32 of the inflated bytes, as declared.
    pub crc32: u32,
    /// Whether [`extract`](super::extract) will try.
    pub verdict: EntryKind,
    /// Whether the local header gives another name than the central directory, whose name is used.
    pub renamed: bool,
}

impl Entry {
    /// Most bytes of a name; a longer one loses its middle.
    pub const LONGEST_NAME: usize = 1024;

    /// Whether the entry is what systems leave beside the files that people mean, to be ignored without a word:
    /// `__MACOSX/`, `._*`, `.DS_Store`, `Thumbs.db`, `desktop.ini`.
    #[must_use]
    pub fn junk(&self) -> bool {
        name::is_junk(&self.name)
    }

    /// Why the entry cannot be extracted, as far as that is known beforehand.
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
    /// Method 0: as they are.
    Stored,
    /// Method 8: deflate (RFC 1951).
    Deflate,
    /// Any other; never inflated here.
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

/// What is known of an entry before its data are touched.
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
        /// The bytes that were allowed.
        limit: u64,
    },
}
