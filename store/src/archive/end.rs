//! Where an archive ends: the record that says where its central directory is (APPNOTE 4.3.16).
//!
//! The record is found by its signature, and the comment behind it may hold anything, another such record
//! included. Readers that search differently would find different archives, so there must be exactly one record
//! whose comment reaches to the last byte. Bytes behind the archive are refused by the same rule: the rest of a
//! truncated archive must not make an archive that lies within it look like the whole.

use super::ArchiveError;
use crate::spool::Spool;

const SIGNATURE: [u8; 4] = *b"PK\x05\x06";
/// Length of the record without its comment.
const FIXED: usize = 22;
const LONGEST_COMMENT: usize = u16::MAX as usize;

/// The end record's own account, before anything it says is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// Where the record begins.
    pub(super) offset: u64,
    /// Where it says the directory begins; `None` leaves that to the zip64 record.
    pub(super) directory: Option<u64>,
}

impl End {
    /// Finds the one end record of these bytes.
    pub(super) fn find(source: &Spool) -> Result<Self, ArchiveError> {
        let length = source.len();
        let start = length.saturating_sub((FIXED + LONGEST_COMMENT) as u64);
        let mut tail = vec![0; (length - start) as usize];
        source.read_at(start, &mut tail).map_err(ArchiveError::Io)?;
        let mut found = records(&tail);
        let record = found.next().ok_or(ArchiveError::Damaged("no end of central directory"))?;
        if found.next().is_some() {
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

/// Offsets of the records whose comments reach exactly to the end.
fn records(tail: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let last = (tail.len() + 1).saturating_sub(FIXED);
    (0..last).filter(|&at| {
        tail[at..].starts_with(&SIGNATURE) && at + FIXED + usize::from(short(tail, at + 20)) == tail.len()
    })
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}
