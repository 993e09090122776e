//! The reader that WebP, BMP, GIF and TIFF decoders read the input through. It ends early when the work is
//! canceled. The decoder then fails as on a truncated file, and its error is replaced by
//! [`Error::Canceled`](crate::Error::Canceled).
//!
//! It is one concrete type, so that each decoder is compiled once.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use crate::Monitor;

/// Number of bytes between two checks for a cancellation.
const CHECK_INTERVAL: usize = 64 * 1024;

/// Reads the whole input, and can replace one byte of it.
pub(crate) struct CancelableReader<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Position at which the monitor is asked next.
    next_check: usize,
    /// Offset and new value of the byte that is replaced.
    patch: Option<(usize, u8)>,
    monitor: &'a dyn Monitor,
}

impl<'a> CancelableReader<'a> {
    pub(crate) fn new(bytes: &'a [u8], monitor: &'a dyn Monitor) -> Self {
        Self { bytes, position: 0, next_check: 0, patch: None, monitor }
    }

    /// Replaces one byte of the input.
    pub(crate) fn with_patch(self, offset: usize, byte: u8) -> Self {
        Self { patch: Some((offset, byte)), ..self }
    }

    /// Asks the monitor at every interval. Returns whether reading may continue.
    fn may_continue(&mut self) -> bool {
        if self.position >= self.next_check {
            if self.monitor.canceled() {
                self.bytes = &[];
                return false;
            }
            self.next_check = self.position.saturating_add(CHECK_INTERVAL);
        }
        true
    }

    fn remaining(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }
}

impl Read for CancelableReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.may_continue() {
            return Ok(0);
        }
        let length = self.remaining().read(buffer)?;
        if let Some((offset, byte)) = self.patch
            && let Some(index) = offset.checked_sub(self.position).filter(|&index| index < length)
        {
            buffer[index] = byte;
        }
        self.position += length;
        Ok(length)
    }
}

impl BufRead for CancelableReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.may_continue() {
            return Ok(&[]);
        }
        let remaining = self.remaining();
        Ok(&remaining[..remaining.len().min(CHECK_INTERVAL)])
    }

    fn consume(&mut self, amount: usize) {
        self.position += amount;
    }
}

impl Seek for CancelableReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => i128::from(offset),
            SeekFrom::End(offset) => self.bytes.len() as i128 + i128::from(offset),
            SeekFrom::Current(offset) => self.position as i128 + i128::from(offset),
        };
        self.position = usize::try_from(target).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.next_check = self.next_check.min(self.position.saturating_add(CHECK_INTERVAL));
        Ok(self.position as u64)
    }
}
