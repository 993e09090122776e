//! Reads the data of a chunk for a decompressor, in the order of bits that it expects. It counts what is read, and ends
//! early when the work is canceled or too much. The decompressor then fails as on truncated data, and its error is
//! replaced by that of the [`Meter`].

use std::{
    cell::Cell,
    io::{self, BufRead, Read},
};

use crate::{
    Error,
    work::{self, Meter},
};

/// Maximum number of bytes that a decompressor gets at once.
const MAX_READ: usize = 16 * 1024;

/// Number of bytes whose bits are reversed at once.
const REVERSED: usize = 1024;

/// Work that a byte of data may cause in the worst case, in blocks. It sets the pace of the checks.
const BYTE_PACE: u64 = 4;

/// Counts the data of all chunks of a page.
pub(super) struct DataMeter<'a> {
    meter: &'a Meter<'a>,
    /// Number of bytes that were read.
    read: Cell<u64>,
    /// Number of bytes that the samples can need. The others count as work.
    needed: u64,
}

impl<'a> DataMeter<'a> {
    pub(super) fn new(meter: &'a Meter<'a>, needed: u64) -> Self {
        Self { meter, read: Cell::new(0), needed }
    }

    /// Counts bytes that were read at once, and fails where decoding must end.
    pub(super) fn spend(&self, bytes: usize) -> Result<(), Error> {
        if self.count(bytes) { Ok(()) } else { self.meter.result() }
    }

    /// Counts bytes that were read. Returns whether decoding may go on.
    fn count(&self, bytes: usize) -> bool {
        let before = self.read.get();
        let after = before + bytes as u64;
        self.read.set(after);
        let excess = work::excess(after, self.needed) - work::excess(before, self.needed);
        self.meter.count(excess) && self.meter.pace(bytes as u64 * BYTE_PACE)
    }
}

/// The data of one chunk.
pub(super) struct ChunkData<'a> {
    rest: &'a [u8],
    data_meter: &'a DataMeter<'a>,
    /// The bytes whose bits are reversed, the first of which were consumed, or `None` where the order is right.
    reversed: Option<(Vec<u8>, usize)>,
}

impl<'a> ChunkData<'a> {
    pub(super) fn new(bytes: &'a [u8], reversed: bool, data_meter: &'a DataMeter<'a>) -> Self {
        Self { rest: bytes, data_meter, reversed: reversed.then(|| (Vec::with_capacity(REVERSED), 0)) }
    }
}

impl Read for ChunkData<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for ChunkData<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let Some((bytes, consumed)) = &mut self.reversed else {
            return Ok(&self.rest[..self.rest.len().min(MAX_READ)]);
        };
        if *consumed == bytes.len() {
            let (next, rest) = self.rest.split_at(self.rest.len().min(REVERSED));
            bytes.clear();
            bytes.extend(next.iter().map(|byte| byte.reverse_bits()));
            (self.rest, *consumed) = (rest, 0);
        }
        Ok(&bytes[*consumed..])
    }

    fn consume(&mut self, amount: usize) {
        match &mut self.reversed {
            Some((_, consumed)) => *consumed += amount,
            None => self.rest = &self.rest[amount..],
        }
        if !self.data_meter.count(amount) {
            self.rest = &[];
            if let Some((bytes, consumed)) = &mut self.reversed {
                bytes.truncate(*consumed);
            }
        }
    }
}
