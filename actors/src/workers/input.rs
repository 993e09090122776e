//! The input of an attempt: where a picture's bytes are, how they are read, and how reading fails.

use std::borrow::Cow;
use std::sync::Arc;

use huemill_store::Spool;
use huemill_store::archive::{Entry, EntryError, extract};

use crate::fault::{Code, Fault, mebibytes};

/// Where a picture's bytes are.
#[derive(Debug, Clone)]
pub enum Input {
    /// In memory that the caller accounts for.
    Bytes(Arc<[u8]>),
    /// In a whole spool.
    Spool(Spool),
    /// In an entry of the archive in a spool.
    Entry {
        /// The archive.
        archive: Spool,
        /// Its entry.
        entry: Entry,
    },
}

impl Input {
    /// Number of bytes that reading returns, as declared.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Spool(spool) => spool.len(),
            Self::Entry { entry, .. } => entry.size,
        }
    }

    /// Whether reading takes no additional memory.
    pub(super) fn in_memory(&self) -> bool {
        match self {
            Self::Bytes(_) => true,
            Self::Spool(spool) => spool.as_slice().is_some(),
            Self::Entry { .. } => false,
        }
    }

    pub(super) fn read(&self, limit: u64) -> Result<Cow<'_, [u8]>, Fault> {
        match self {
            Self::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
            Self::Spool(spool) => spool.bytes().map_err(|e| Fault::new(Code::InternalError).with_cause(e)),
            Self::Entry { archive, entry } => {
                extract(archive, entry, limit).map(Cow::Owned).map_err(|error| entry_fault(&error))
            }
        }
    }
}

/// The fault for an archive entry that cannot be read.
pub(crate) fn entry_fault(error: &EntryError) -> Fault {
    let unreadable = |message| Fault::new(Code::ProcessingError).with_message(message).with_cause(error);
    match error {
        EntryError::NotAFile => unreadable("This entry of the archive is not a file."),
        EntryError::Encrypted => {
            unreadable("This file is encrypted. Pack the pictures again without a password.")
        }
        EntryError::UnsupportedMethod(_) => unreadable(
            "This file uses an unsupported compression method. Pack the pictures again with deflate.",
        ),
        EntryError::TooLarge { limit } => input_too_large(*limit).with_cause(error),
        EntryError::Damaged(_) => unreadable("This file in the archive is damaged. Pack the pictures again."),
        EntryError::Io(_) => Fault::new(Code::InternalError).with_cause(error),
    }
}

/// The fault for an input that exceeds the limit.
pub(crate) fn input_too_large(limit: u64) -> Fault {
    Fault::new(Code::PayloadTooLarge)
        .with_message(format!("The picture is larger than {}. Send a smaller one.", mebibytes(limit)))
}
