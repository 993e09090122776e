//! Walks the marker segments of a JPEG (ITU-T T.81 annex B). The probe reads the header with it, and the decoder builds
//! its input. It allocates nothing. A truncated segment and a second start of image are errors.

use crate::Error;

pub(crate) const SOI: u8 = 0xD8;
pub(crate) const EOI: u8 = 0xD9;
pub(crate) const SOS: u8 = 0xDA;
pub(crate) const DQT: u8 = 0xDB;
pub(crate) const DHT: u8 = 0xC4;
pub(crate) const DRI: u8 = 0xDD;
pub(crate) const APP14: u8 = 0xEE;

/// One marker with its payload. `start` is the offset of its 0xFF, `end` the offset where the next one may begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment<'a> {
    pub(crate) marker: u8,
    pub(crate) payload: &'a [u8],
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Segment<'_> {
    /// The restart interval that it defines, in units. 0 is none.
    pub(crate) fn restart_interval(&self) -> Option<u16> {
        let interval = self.payload.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
        interval.filter(|_| self.marker == DRI)
    }
}

/// Walks the segments of a JPEG. After a scan's header the caller must call [`Segments::skip_scan`].
#[derive(Debug, Clone)]
pub(crate) struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    /// Starts after the start of image.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self::at(bytes, 2)
    }

    /// Starts at an offset.
    pub(crate) fn at(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Skips the entropy-coded data, which includes stuffed zeros, restart markers and fill bytes.
    pub(crate) fn skip_scan(&mut self) {
        while let Some(found) = find_marker(self.bytes, self.at) {
            self.at = found;
            match self.bytes.get(found + 1) {
                Some(0 | 0xD0..=0xD7) => self.at += 2,
                Some(0xFF) => self.at += 1,
                Some(_) => return,
                None => break,
            }
        }
        self.at = self.bytes.len();
    }

    /// Current offset.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Returns the next segment, or `None` at the end of the bytes. Skips junk before a marker, as all decoders do.
    pub(crate) fn next(&mut self) -> Result<Option<Segment<'a>>, Error> {
        loop {
            let Some(start) = find_marker(self.bytes, self.at) else { return Ok(None) };
            let Some(&marker) = self.bytes.get(start + 1) else { return Ok(None) };
            self.at = start + 1;
            match marker {
                0xFF => {}
                0 | 1 | 0xD0..=0xD7 => self.at += 1,
                SOI => return Err(Error::damaged("a second start of image in the header")),
                EOI => {
                    self.at += 1;
                    return Ok(Some(Segment { marker, payload: &[], start, end: self.at }));
                }
                _ => {
                    let truncated = || Error::damaged("a marker segment is truncated");
                    let body = self.bytes.get(start + 2..).unwrap_or_default();
                    let length = usize::from(u16::from_be_bytes(*body.first_chunk().ok_or_else(truncated)?));
                    let payload = body.get(2..length).ok_or_else(truncated)?;
                    self.at = start + 2 + length;
                    return Ok(Some(Segment { marker, payload, start, end: self.at }));
                }
            }
        }
    }
}

/// Offset of the next 0xFF.
fn find_marker(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr(0xFF, bytes.get(from..)?).map(|at| from + at)
}
