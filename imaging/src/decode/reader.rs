//! The reader that WebP, BMP, GIF and TIFF decoders read the input through. It ends early when the work is
//! canceled or too much. The decoder then fails as on a truncated file, and its error is replaced by that of the
//! [`Meter`].
//!
//! It is one concrete type, so that each decoder is compiled once.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use crate::work::{self, ASK_INTERVAL, Meter};

/// Maximum number of bytes that a decoder gets at once.
const MAX_READ: usize = 16 * 1024;

/// Work that a byte of input may cause in the worst case, in blocks. It sets the pace of the checks.
const BYTE_PACE: u64 = 4;

/// Maximum number of bytes that a decoder gets at once behind the end of a chunk.
const OVERREAD: usize = 64;

/// Reads the whole input, or a part of it behind a header that was made for the decoder. It can replace one byte.
pub(crate) struct MeteredReader<'a> {
    head: &'a [u8],
    bytes: &'a [u8],
    position: usize,
    /// End of the data that the decoder needs now. It may read on, in small pieces.
    chunk_end: usize,
    /// Number of bytes that were read, and how many are needed at most. The others count as work.
    read: u64,
    needed: u64,
    /// Number of bytes that were read and are not counted yet.
    pending: u64,
    /// Work that a byte of input may cause, in blocks.
    pace: u64,
    /// Offset and new value of the byte that is replaced.
    patch: Option<(usize, u8)>,
    meter: &'a Meter<'a>,
}

impl<'a> MeteredReader<'a> {
    pub(crate) fn new(bytes: &'a [u8], meter: &'a Meter<'a>) -> Self {
        meter.ask();
        let (chunk_end, needed, pace) = (usize::MAX, u64::MAX, BYTE_PACE);
        Self {
            head: &[],
            bytes,
            position: 0,
            chunk_end,
            read: 0,
            needed,
            pending: 0,
            pace,
            patch: None,
            meter,
        }
    }

    /// Gives the decoder `head` instead of what precedes the offset `body`.
    pub(crate) fn with_head(self, head: &'a [u8], body: usize) -> Self {
        Self { head, bytes: self.bytes.get(body..).unwrap_or_default(), ..self }
    }

    /// Counts bytes beyond this number as work.
    pub(crate) fn with_needed(self, bytes: u64) -> Self {
        Self { needed: bytes, ..self }
    }

    /// Announces the chunk that is read next: where its data ends, and how much work each of its bytes may cause.
    pub(crate) fn begin_chunk(&mut self, end: usize, pace: u64) {
        (self.chunk_end, self.pace) = (end, pace.max(BYTE_PACE));
    }

    /// Replaces one byte of the input.
    pub(crate) fn with_patch(self, offset: usize, byte: u8) -> Self {
        Self { patch: Some((offset, byte)), ..self }
    }

    /// The bytes that the decoder may get now: none after a cancellation.
    fn available(&self) -> &'a [u8] {
        // Most reads are of a few bytes behind the head. A position within it wraps, and is behind the end of the bytes.
        let rest = match self.bytes.get(self.position.wrapping_sub(self.head.len())..) {
            Some(rest) => rest,
            None => self.head.get(self.position..).unwrap_or_default(),
        };
        let length = match self.chunk_end.saturating_sub(self.position) {
            0 => OVERREAD,
            left => left.min(MAX_READ),
        };
        &rest[..rest.len().min(length)]
    }

    /// Notes bytes that were read. Some decoders read a few at a time, so they are counted together.
    fn advance(&mut self, length: usize) {
        self.position += length;
        self.pending += length as u64;
        if self.pending.saturating_mul(self.pace) >= ASK_INTERVAL / 8 {
            self.count_pending();
        }
    }

    /// Counts the bytes that were read since the last time. Ends the input where decoding must end.
    fn count_pending(&mut self) {
        let length = std::mem::take(&mut self.pending);
        let before = work::excess(self.read, self.needed);
        self.read += length;
        let excess = work::excess(self.read, self.needed) - before;
        if !(self.meter.count(excess) && self.meter.pace(length.saturating_mul(self.pace))) {
            (self.head, self.bytes) = (&[], &[]);
        }
    }
}

impl Read for MeteredReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.available().read(buffer)?;
        if let Some((offset, byte)) = self.patch
            && let Some(index) = offset.checked_sub(self.position).filter(|&index| index < length)
        {
            buffer[index] = byte;
        }
        self.advance(length);
        Ok(length)
    }
}

impl BufRead for MeteredReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.available())
    }

    fn consume(&mut self, amount: usize) {
        self.advance(amount);
    }
}

impl Seek for MeteredReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => i128::from(offset),
            SeekFrom::End(offset) => (self.head.len() + self.bytes.len()) as i128 + i128::from(offset),
            SeekFrom::Current(offset) => self.position as i128 + i128::from(offset),
        };
        self.position = usize::try_from(target).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(self.position as u64)
    }
}
