//! The input as decoders read it: slices of bytes that ask the watch now and then, and end early when the work
//! is no longer wanted. A decoder then fails as on a truncated file, and its error is replaced by
//! [`Error::Canceled`](crate::Error::Canceled).

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use crate::Watch;

/// Bytes between two questions to the watch.
const STEP: usize = 64 * 1024;

/// The whole input.
pub(crate) struct Watched<'a> {
    bytes: &'a [u8],
    at: usize,
    ask_at: usize,
    /// One byte that reads as another.
    patch: Option<(usize, u8)>,
    watch: &'a dyn Watch,
}

impl<'a> Watched<'a> {
    pub(crate) fn new(bytes: &'a [u8], watch: &'a dyn Watch) -> Self {
        Self { bytes, at: 0, ask_at: 0, patch: None, watch }
    }

    /// The same input with one byte replaced.
    pub(crate) fn patched(self, offset: usize, byte: u8) -> Self {
        Self { patch: Some((offset, byte)), ..self }
    }

    /// Whether reading may go on; asks the watch when a step has passed.
    fn goes_on(&mut self) -> bool {
        if self.at >= self.ask_at {
            if self.watch.canceled() {
                self.bytes = &[];
                return false;
            }
            self.ask_at = self.at.saturating_add(STEP);
        }
        true
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.goes_on() {
            return Ok(0);
        }
        let length = self.rest().read(buffer)?;
        if let Some((offset, byte)) = self.patch
            && let Some(index) = offset.checked_sub(self.at).filter(|&index| index < length)
        {
            buffer[index] = byte;
        }
        self.at += length;
        Ok(length)
    }
}

impl BufRead for Watched<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.goes_on() {
            return Ok(&[]);
        }
        let rest = self.rest();
        Ok(&rest[..rest.len().min(STEP)])
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
    }
}

impl Seek for Watched<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => i128::from(offset),
            SeekFrom::End(offset) => self.bytes.len() as i128 + i128::from(offset),
            SeekFrom::Current(offset) => self.at as i128 + i128::from(offset),
        };
        self.at = usize::try_from(target).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.ask_at = self.ask_at.min(self.at.saturating_add(STEP));
        Ok(self.at as u64)
    }
}
