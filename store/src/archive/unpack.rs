//! What all who unpack an entry share, wherever its data come from: the inflater, and the count of what really comes.

use flate2::{Decompress, FlushDecompress, Status};

use super::EntryError;
use super::entry::Entry;

/// Holds what comes of an entry against what its directory declared.
pub(crate) struct SizeCheck {
    size: u64,
    crc32: u32,
    came: u64,
    sum: crc32fast::Hasher,
}

impl SizeCheck {
    /// Refuses an entry that cannot be unpacked, or declares more than `cap` bytes.
    pub(crate) fn new(entry: &Entry, cap: u64) -> Result<Self, EntryError> {
        entry.check()?;
        if entry.size > cap {
            return Err(EntryError::TooLarge { limit: cap });
        }
        Ok(Self { size: entry.size, crc32: entry.crc32, came: 0, sum: crc32fast::Hasher::new() })
    }

    /// Counts unpacked bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), EntryError> {
        self.came += bytes.len() as u64;
        if self.came > self.size {
            return Err(EntryError::Damaged("more bytes than declared"));
        }
        self.sum.update(bytes);
        Ok(())
    }

    /// Judges the whole.
    pub(crate) fn finish(self) -> Result<(), EntryError> {
        if self.came < self.size {
            return Err(EntryError::Damaged("fewer bytes than declared"));
        }
        if self.sum.finalize() != self.crc32 {
            return Err(EntryError::Damaged("the checksum is wrong"));
        }
        Ok(())
    }
}

/// A deflate stream (RFC 1951).
pub(crate) struct Inflate {
    stream: Decompress,
    ended: bool,
}

/// What one step of an [`Inflate`] did.
pub(crate) struct Step {
    /// Bytes of the input that were used.
    pub(crate) used: usize,
    /// Whether nothing was used and nothing came: there is no more without more input.
    pub(crate) stuck: bool,
}

impl Inflate {
    pub(crate) fn new() -> Self {
        Self { stream: Decompress::new(false), ended: false }
    }

    /// Whether the stream has come to its own end.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Inflates into the spare capacity of `bytes`.
    pub(crate) fn step(&mut self, input: &[u8], bytes: &mut Vec<u8>) -> Result<Step, EntryError> {
        let (used_before, made_before) = (self.stream.total_in(), bytes.len());
        let status = self
            .stream
            .decompress_vec(input, bytes, FlushDecompress::None)
            .map_err(|_| EntryError::Damaged("the data do not inflate"))?;
        self.ended = status == Status::StreamEnd;
        let used = (self.stream.total_in() - used_before) as usize;
        Ok(Step { used, stuck: used == 0 && bytes.len() == made_before && !self.ended })
    }
}

/// The judgement on data that end in the middle of their stream.
pub(crate) const ENDS_EARLY: EntryError = EntryError::Damaged("the data end before they should");
/// The judgement on an archive that is shorter than the entry says.
pub(crate) const CUT_OFF: EntryError = EntryError::Damaged("the archive ends within the entry");
