//! The inflater and the check of size and CRC. Both ways to unpack an entry use them: from a spool and from a stream.

use flate2::{Decompress, FlushDecompress, Status};

use super::entry::{Entry, EntryError};

/// Compares the unpacked bytes of an entry with the size and CRC in the directory.
pub(crate) struct SizeCheck {
    size: u64,
    crc32: u32,
    unpacked: u64,
    hasher: crc32fast::Hasher,
}

impl SizeCheck {
    /// Rejects an entry that cannot be unpacked, or declares more than `limit` bytes.
    pub(crate) fn new(entry: &Entry, limit: u64) -> Result<Self, EntryError> {
        entry.check()?;
        if entry.size > limit {
            return Err(EntryError::TooLarge { limit });
        }
        Ok(Self { size: entry.size, crc32: entry.crc32, unpacked: 0, hasher: crc32fast::Hasher::new() })
    }

    /// Counts unpacked bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), EntryError> {
        self.unpacked += bytes.len() as u64;
        if self.unpacked > self.size {
            return Err(EntryError::Damaged("more bytes than declared"));
        }
        self.hasher.update(bytes);
        Ok(())
    }

    /// Checks the size and the CRC once all bytes are unpacked.
    pub(crate) fn finish(self) -> Result<(), EntryError> {
        if self.unpacked < self.size {
            return Err(EntryError::Damaged("fewer bytes than declared"));
        }
        if self.hasher.finalize() != self.crc32 {
            return Err(EntryError::Damaged("the checksum is wrong"));
        }
        Ok(())
    }
}

/// An inflater for a deflate stream (RFC 1951).
pub(crate) struct Inflate {
    stream: Decompress,
    ended: bool,
}

/// The result of one step of an [`Inflate`].
pub(crate) struct Step {
    /// Number of input bytes that were consumed.
    pub(crate) consumed: usize,
    /// Whether the step made no progress, because it needs more input.
    pub(crate) stuck: bool,
}

impl Inflate {
    pub(crate) fn new() -> Self {
        Self { stream: Decompress::new(false), ended: false }
    }

    /// Whether the stream has reached its end.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Inflates into the spare capacity of `bytes`.
    pub(crate) fn step(&mut self, input: &[u8], bytes: &mut Vec<u8>) -> Result<Step, EntryError> {
        let (consumed_before, length_before) = (self.stream.total_in(), bytes.len());
        let status = self
            .stream
            .decompress_vec(input, bytes, FlushDecompress::None)
            .map_err(|_| EntryError::Damaged("the data do not inflate"))?;
        self.ended = status == Status::StreamEnd;
        let consumed = (self.stream.total_in() - consumed_before) as usize;
        Ok(Step { consumed, stuck: consumed == 0 && bytes.len() == length_before && !self.ended })
    }
}

/// The error for data that end in the middle of their stream.
pub(crate) const ENDS_EARLY: EntryError = EntryError::Damaged("the data end before they should");
/// The error for an archive that is too short for one of its entries.
pub(crate) const CUT_OFF: EntryError = EntryError::Damaged("the archive ends within the entry");
