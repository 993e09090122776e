//! The work of decoding a picture: its unit, its limits, and the [`Meter`] that counts it while a decoder runs.
//!
//! The unit is a block of 64 samples that is visited once. The slowest visits, those of a progressive JPEG, take about
//! 70 ns each. The probe computes the work from the header, before anything is decoded, and the decoders count it
//! again, so that a header that understates it gains nothing. Above a limit, the picture is [`Error::TooMuchWork`].

use std::cell::Cell;

use crate::{Error, Monitor};

/// Samples in a block.
pub(crate) const BLOCK: u64 = 64;

/// How often a decoder may visit each block of a picture on average. A progressive JPEG of today's encoders needs five
/// to eight visits, the last of which turns the block into pixels.
const MAX_VISITS: u64 = 16;

/// The work that every picture may cause, in blocks: about 0.3 s. Small pictures may have any number of scans.
const FREE_WORK: u64 = 4_000_000;

/// The work of a compressed byte beyond those that the pixels can need, in blocks. Such bytes contain codes that
/// deliver no samples, such as empty blocks of deflate, and make a decoder build a table for each. A byte of them
/// costs up to 0.27 µs.
const EXCESS_BYTE: u64 = 4;

/// Work between two questions to the monitor, in blocks: about 10 ms.
pub(crate) const ASK_INTERVAL: u64 = 128 << 10;

/// The work of compressed data, in blocks: nothing where the pixels can need that many bytes.
pub(crate) fn excess(bytes: u64, needed: u64) -> u64 {
    bytes.saturating_sub(needed).saturating_mul(EXCESS_BYTE)
}

/// The work of a call of an LZW decoder that left room for more, in blocks. A call ends at a code that clears the table,
/// which takes up to 0.25 µs. Codes of samples deliver at least a byte for twelve bits; other bytes cost as much as those
/// that the samples cannot need.
pub(crate) fn lzw_clears(read: usize, delivered: usize) -> u64 {
    if 2 * delivered < read { EXCESS_BYTE * read as u64 } else { 0 }
}

/// Maximum number of bytes of deflated data for `bytes` of content: codes of nine bits, and tables.
pub(crate) fn max_deflated(bytes: u64) -> u64 {
    bytes + bytes / 8 + (64 << 10)
}

/// Maximum number of bytes of LZW data for `bytes` of content: codes of twelve bits, and a few that clear the table.
pub(crate) fn max_lzw(bytes: u64) -> u64 {
    bytes + bytes / 2 + bytes / 16 + (64 << 10)
}

/// Maximum work for a picture of `blocks`, where the caller allows at most `max_work`. `parts` is the work to begin the
/// parts that it is stored in: however small they are, they are no reason to refuse it.
pub(crate) fn limit(blocks: u64, parts: u64, max_work: u64) -> u64 {
    max_work.min(blocks.saturating_mul(MAX_VISITS).max(FREE_WORK).saturating_add(parts))
}

/// Counts the work of one decoding, and asks the monitor at least once per [`ASK_INTERVAL`] whether to go on. Readers
/// and row loops share it.
pub(crate) struct Meter<'a> {
    monitor: &'a dyn Monitor,
    limit: u64,
    /// Work that was counted.
    done: Cell<u64>,
    /// Work since the last question. It includes the work that input may cause and that is not counted otherwise.
    since_asked: Cell<u64>,
    canceled: Cell<bool>,
}

impl<'a> Meter<'a> {
    /// Starts to count. `limit` is in blocks.
    pub(crate) fn new(monitor: &'a dyn Monitor, limit: u64) -> Self {
        Self { monitor, limit, done: 0.into(), since_asked: 0.into(), canceled: false.into() }
    }

    /// Counts work before it is done. Returns whether decoding may go on.
    pub(crate) fn count(&self, blocks: u64) -> bool {
        self.done.set(self.done.get().saturating_add(blocks));
        self.done.get() <= self.limit && self.pace(blocks)
    }

    /// Counts work as [`Meter::count`] does, and fails where decoding must end.
    pub(crate) fn spend(&self, blocks: u64) -> Result<(), Error> {
        if self.count(blocks) { Ok(()) } else { self.result() }
    }

    /// Whether this much more work is within the limit.
    pub(crate) fn affords(&self, blocks: u64) -> bool {
        self.done.get().saturating_add(blocks) <= self.limit
    }

    /// Notes work that is counted elsewhere, for the pace of the questions. Returns whether decoding may go on.
    pub(crate) fn pace(&self, blocks: u64) -> bool {
        let since = self.since_asked.get().saturating_add(blocks);
        self.since_asked.set(since);
        if since >= ASK_INTERVAL { self.ask() } else { !self.canceled.get() }
    }

    /// Asks the monitor now. Returns whether decoding may go on.
    pub(crate) fn ask(&self) -> bool {
        self.since_asked.set(0);
        self.canceled.set(self.canceled.get() || self.monitor.canceled());
        !self.canceled.get() && self.done.get() <= self.limit
    }

    /// Work that was counted, in blocks.
    pub(crate) fn done(&self) -> u64 {
        self.done.get()
    }

    /// Why decoding must end, if it must.
    pub(crate) fn result(&self) -> Result<(), Error> {
        if self.canceled.get() {
            return Err(Error::Canceled);
        }
        let (work, limit) = (self.done.get(), self.limit);
        if work > limit { Err(Error::TooMuchWork { work, limit }) } else { Ok(()) }
    }
}
