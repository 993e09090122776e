//! The reader that the decoders of WebP, BMP, GIF and of JPEG in TIFF read their input through. It ends early when the work is
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

/// Reads the whole input, and can replace one byte of it.
pub(crate) struct MeteredReader<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Number of bytes that were read and are not counted yet.
    pending: u64,
    /// Offset and new value of the byte that is replaced.
    patch: Option<(usize, u8)>,
    meter: &'a Meter<'a>,
}

impl<'a> MeteredReader<'a> {
    pub(crate) fn new(bytes: &'a [u8], meter: &'a Meter<'a>) -> Self {
        meter.ask();
        Self { bytes, position: 0, pending: 0, patch: None, meter }
    }

    /// Replaces one byte of the input.
    pub(crate) fn with_patch(self, offset: usize, byte: u8) -> Self {
        Self { patch: Some((offset, byte)), ..self }
    }

    /// The bytes that the decoder may get now: none after a cancellation.
    fn available(&self) -> &'a [u8] {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
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
            self.bytes = &[];
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
            SeekFrom::End(offset) => self.bytes.len() as i128 + i128::from(offset),
            SeekFrom::Current(offset) => self.position as i128 + i128::from(offset),
        };
        self.position = usize::try_from(target).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(self.position as u64)
    }
}
