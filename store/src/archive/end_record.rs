//! The end record of an archive, which says where the central directory is (APPNOTE 4.3.16).
//!
//! Readers find the record by its signature. The comment that follows may contain anything, even another such record,
//! so readers that search differently may find different archives. This reader accepts only bytes with exactly one
//! record whose comment is followed by nothing but padding: programs that copy archives add line ends and zeros. The
//! same rule rejects other bytes after the archive: in a truncated archive, another archive inside it must not be taken
//! for the whole.

use std::io;

use crate::spool::Spool;

const SIGNATURE: [u8; 4] = *b"PK\x05\x06";
/// Length of the record without its comment.
const FIXED_LENGTH: usize = 22;
const LONGEST_COMMENT: usize = u16::MAX as usize;

/// The contents of the end record, not yet checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EndRecord {
    /// Where the record starts.
    pub(super) offset: u64,
    /// Where the directory starts according to the record. `None` means that the zip64 record says it.
    pub(super) directory: Option<u64>,
}

impl EndRecord {
    /// Finds the only end record in these bytes.
    pub(super) fn find(source: &Spool) -> Result<Self, ArchiveError> {
        let length = source.len();
        let start = length.saturating_sub((FIXED_LENGTH + LONGEST_COMMENT) as u64);
        let mut tail = vec![0; (length - start) as usize];
        source.read_at(start, &mut tail).map_err(ArchiveError::Io)?;
        let mut records = find_records(&tail);
        let record = records.next().ok_or(ArchiveError::Damaged("no end of central directory"))?;
        if records.next().is_some() {
            return Err(ArchiveError::Damaged("more than one end of central directory"));
        }
        Self::parse(&tail[record..], start + record as u64)
    }

    fn parse(record: &[u8], offset: u64) -> Result<Self, ArchiveError> {
        let disks = [short(record, 4), short(record, 6)];
        if disks.into_iter().any(|disk| !matches!(disk, 0 | u16::MAX)) {
            return Err(ArchiveError::Damaged("split over several disks"));
        }
        let directory = u32::from_le_bytes([record[16], record[17], record[18], record[19]]);
        Ok(Self { offset, directory: (directory != u32::MAX).then_some(u64::from(directory)) })
    }
}

/// Offsets of the records whose comment is followed by nothing but padding.
fn find_records(tail: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let last = (tail.len() + 1).saturating_sub(FIXED_LENGTH);
    let padding = tail.iter().rev().take_while(|byte| is_padding(**byte)).count();
    (0..last).filter(move |&at| {
        let ends =
            tail[at..].starts_with(&SIGNATURE).then(|| at + FIXED_LENGTH + usize::from(short(tail, at + 20)));
        ends.is_some_and(|end| (tail.len() - padding..=tail.len()).contains(&end))
    })
}

/// Whether a byte behind an archive says nothing: zeros, line ends, spaces, and the end mark of old text files.
fn is_padding(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | b'\r' | 0x1a | b' ')
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// Why a whole archive was rejected.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The structure is invalid or ambiguous. The text is for the log.
    #[error("the archive is damaged: {0}")]
    Damaged(&'static str),
    /// The path of an entry leaves the archive: it contains `..`, is absolute, or has a drive letter.
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
