//! Where a picture's bytes are, and how they are read.

use std::borrow::Cow;
use std::sync::Arc;

use huemill_store::Spool;
use huemill_store::archive::{Entry, extract};

use super::faults;
use crate::fault::{Code, Fault};

/// Where a picture's bytes are.
#[derive(Debug, Clone)]
pub enum Input {
    /// In memory that somebody else answers for.
    Bytes(Arc<[u8]>),
    /// A whole spool.
    Spool(Spool),
    /// An entry of the archive in a spool.
    Entry {
        /// The archive.
        archive: Spool,
        /// Which entry of it.
        entry: Entry,
    },
}

impl Input {
    /// Bytes that reading gives, as declared.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Spool(spool) => spool.len(),
            Self::Entry { entry, .. } => entry.size,
        }
    }

    /// Whether reading takes no memory.
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
                extract(archive, entry, limit).map(Cow::Owned).map_err(|error| faults::of_entry(&error))
            }
        }
    }
}
