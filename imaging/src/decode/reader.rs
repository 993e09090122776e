//! The reader that the decoders of WebP, BMP and of JPEG in TIFF read their input through. It ends early when the work is
//! canceled or too much. The decoder then fails as on a truncated file, and its error is replaced by that of the
//! [`Meter`].
//!
//! It is one concrete type, so that each decoder is compiled once.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use crate::work::{ASK_INTERVAL, Meter};

/// Maximum number of bytes that a decoder gets at once.
const MAX_READ: usize = 16 * 1024;

/// Work that a byte of input may cause in the worst case, in blocks. It sets the pace of the checks.
const BYTE_PACE: u64 = 4;

/// Reads the whole input, or a part of it behind a header that was made for the decoder.
pub(crate) struct MeteredReader<'a> {
    head: &'a [u8],
    bytes: &'a [u8],
    position: usize,
    /// Number of bytes that were read and are not counted yet.
    pending: u64,
    meter: &'a Meter<'a>,
}

impl<'a> MeteredReader<'a> {
    pub(crate) fn new(bytes: &'a [u8], meter: &'a Meter<'a>) -> Self {
        meter.ask();
        Self { head: &[], bytes, position: 0, pending: 0, meter }
    }

    /// Gives the decoder `head` instead of what precedes the offset `body`.
    pub(crate) fn with_head(self, head: &'a [u8], body: usize) -> Self {
        Self { head, bytes: self.bytes.get(body..).unwrap_or_default(), ..self }
    }

    /// The bytes that the decoder may get now: none after a cancellation.
    fn available(&self) -> &'a [u8] {
        // Most reads are of a few bytes behind the head. A position within it wraps, and is behind the end of the bytes.
        let rest = match self.bytes.get(self.position.wrapping_sub(self.head.len())..) {
            Some(rest) => rest,
            None => self.head.get(self.position..).unwrap_or_default(),
        };
        &rest[..rest.len().min(MAX_READ)]
    }

    /// Notes bytes that were read. Some decoders read a few at a time, so they are counted together.
    fn advance(&mut self, length: usize) {
        self.position += length;
        self.pending += length as u64;
        if self.pending.saturating_mul(BYTE_PACE) >= ASK_INTERVAL / 8 {
            self.count_pending();
        }
    }

    /// Counts the bytes that were read since the last time. Ends the input where decoding must end.
    fn count_pending(&mut self) {
        let length = std::mem::take(&mut self.pending);
        if !self.meter.pace(length.saturating_mul(BYTE_PACE)) {
            (self.head, self.bytes) = (&[], &[]);
        }
    }
}

impl Read for MeteredReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.available().read(buffer)?;
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
