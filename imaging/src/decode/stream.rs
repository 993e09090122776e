//! A JPEG as its decoders see it: the tables and the frame header, the scans, and an end of our own.
//!
//! Decoders keep what they do not need (profiles, metadata) and take an early end of image for an invitation to
//! fill with grey. So they are shown neither: segments that are not needed are left out, and behind the scans
//! follow bits of one, which begin no Huffman code, so that reading on is an error at once; only then comes the
//! end of image.

use std::io::{self, Read};

use zune_core::bytestream::{ZByteIoError, ZByteReaderTrait, ZSeekFrom};

use crate::{
    Error, Watch,
    probe::jpeg::{DHT, DQT, DRI, EOI, SOI, SOS, Segment, Segments},
};

/// More scans than any encoder makes; a "scan bomb" has thousands.
const MAX_SCANS: u32 = 100;
/// Bytes of tables before the first scan: real files have a few kilobytes.
const MAX_TABLES: usize = 64 << 10;
/// Bytes of all segments between scans, which may bring tables of their own.
const MAX_BETWEEN: usize = 256 << 10;

/// Stuffed ones, more than any decoder reads ahead; then a sequence that is an error within a scan and nothing
/// outside of one; then the end of image.
const END: &[u8] =
    b"\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\xFF\0\xFF\xD9";

/// The parts of a JPEG that its pixels are made of.
pub(crate) struct Parts<'a> {
    head: Vec<u8>,
    scans: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Walks all of the file once. Refuses too many scans, and a picture whose scans do not complete it: what
    /// is missing would be grey or blurred.
    pub(crate) fn new(bytes: &'a [u8], progressive: bool) -> Result<Self, Error> {
        let mut segments = Segments::new(bytes);
        let mut head = vec![0xFF, SOI];
        let (mut scans, mut first, mut between, mut end) = (0, None, 0, bytes.len());
        let mut coverage = Coverage::default();
        while let Some(segment) = segments.next()? {
            match segment.marker {
                EOI => {
                    end = segment.start;
                    break;
                }
                SOS => {
                    first.get_or_insert(segment.start);
                    scans += 1;
                    coverage.note_scan(segment.payload, progressive);
                    segments.skip_scan();
                    end = segments.position();
                    continue;
                }
                marker if first.is_some() => {
                    // Segments behind the last scan are shown to nobody.
                    between += segment.payload.len();
                    if matches!(marker, 0xC0..=0xC3 | 0xC5..=0xCF) {
                        return Err(Error::damaged("a frame header behind a scan"));
                    }
                }
                marker => Self::keep(&mut head, marker, segment, bytes, &mut coverage),
            }
            if scans > MAX_SCANS || between > MAX_BETWEEN || head.len() > MAX_TABLES {
                return Err(Error::damaged("more scans or tables than any picture needs"));
            }
        }
        let first = first.ok_or_else(|| Error::damaged("no scan"))?;
        if scans > MAX_SCANS || !coverage.complete() {
            return Err(Error::damaged("too many scans, or too few to complete the picture"));
        }
        Ok(Self { head, scans: &bytes[first..end.max(first)] })
    }

    fn keep(head: &mut Vec<u8>, marker: u8, segment: Segment<'_>, bytes: &[u8], coverage: &mut Coverage) {
        let frame = matches!(marker, 0xC0..=0xC2);
        if frame {
            coverage.note_frame(segment.payload);
        }
        if (frame || matches!(marker, DQT | DHT | DRI)) && head.len() <= MAX_TABLES {
            head.extend_from_slice(&bytes[segment.start..segment.end]);
        }
    }

    /// The stream to hand to a decoder.
    pub(crate) fn stream<'s>(&'s self, watch: &'s dyn Watch) -> Stream<'s> {
        Stream { parts: [&self.head, self.scans, END], part: 0, end: 0, window: &[], watch }
    }
}

/// Which coefficients of which component have been sent to their last bit.
#[derive(Default)]
struct Coverage {
    /// Identifier and sent coefficients of each component.
    components: [Option<(u8, u64)>; 4],
}

impl Coverage {
    fn note_frame(&mut self, payload: &[u8]) {
        let listed = payload.get(6..).unwrap_or_default().as_chunks::<3>().0;
        for (slot, [id, ..]) in self.components.iter_mut().zip(listed) {
            *slot = Some((*id, 0));
        }
    }

    /// T.81 B.2.3: component selectors, then the spectral band and the bits of the approximation.
    fn note_scan(&mut self, payload: &[u8], progressive: bool) {
        let Some((&count, rest)) = payload.split_first() else { return };
        let count = usize::from(count);
        let Some((selectors, &[start, stop, bits])) =
            rest.split_at_checked(2 * count).and_then(|(s, band)| Some((s, band.first_chunk::<3>()?)))
        else {
            return;
        };
        let sent = match (progressive, bits & 15) {
            (false, _) => u64::MAX,
            (true, 0) => (start..=stop.min(63)).fold(0, |sent, index| sent | 1_u64 << index),
            (true, _) => 0,
        };
        for [id, _] in selectors.as_chunks::<2>().0 {
            for (listed, coefficients) in self.components.iter_mut().flatten() {
                if listed == id {
                    *coefficients |= sent;
                }
            }
        }
    }

    fn complete(&self) -> bool {
        self.components.iter().flatten().all(|(_, sent)| *sent == u64::MAX)
    }
}

/// The parts one behind the other. Ends early when the work is no longer wanted.
pub(crate) struct Stream<'a> {
    parts: [&'a [u8]; 3],
    part: usize,
    /// What is left of the present part before the watch is asked again, and where in the part that ends.
    window: &'a [u8],
    end: usize,
    watch: &'a dyn Watch,
}

impl Stream<'_> {
    /// Bytes between two questions to the watch.
    const STEP: usize = 64 * 1024;

    /// Where the present part is read next.
    fn at(&self) -> usize {
        self.end - self.window.len()
    }

    /// Opens the window at a place of the present part.
    fn open(&mut self, at: usize) {
        let part = self.parts[self.part];
        self.end = part.len().min(at + Self::STEP);
        self.window = &part[at..self.end];
    }

    /// Opens the next window where one is used up; it is empty at the end.
    fn go_on(&mut self) {
        if !self.window.is_empty() {
            return;
        }
        if self.watch.canceled() {
            self.parts = [&[]; 3];
            (self.part, self.end) = (2, 0);
        }
        while self.end == self.parts[self.part].len() && self.part + 1 < self.parts.len() {
            self.part += 1;
            self.end = 0;
        }
        self.open(self.end);
    }

    /// Fills the buffer if the window has enough. This is where decoders spend their reading.
    #[inline]
    fn fill_at_once(&mut self, buffer: &mut [u8]) -> bool {
        let Some((bytes, rest)) = self.window.split_at_checked(buffer.len()) else { return false };
        buffer.copy_from_slice(bytes);
        self.window = rest;
        true
    }

    /// Reads as much as there is, without a step back.
    fn fill(&mut self, mut buffer: &mut [u8]) -> usize {
        let wanted = buffer.len();
        while !buffer.is_empty() {
            self.go_on();
            let (bytes, rest) = self.window.split_at(self.window.len().min(buffer.len()));
            if bytes.is_empty() {
                break;
            }
            buffer[..bytes.len()].copy_from_slice(bytes);
            buffer = &mut buffer[bytes.len()..];
            self.window = rest;
        }
        wanted - buffer.len()
    }

    fn position(&self) -> u64 {
        let before: usize = self.parts[..self.part].iter().map(|part| part.len()).sum();
        (before + self.at()) as u64
    }

    fn move_to(&mut self, position: u64) {
        let mut left = usize::try_from(position).unwrap_or(usize::MAX);
        for (index, part) in self.parts.iter().enumerate() {
            self.part = index;
            if left <= part.len() {
                break;
            }
            left -= part.len();
        }
        self.open(left.min(self.parts[self.part].len()));
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.go_on();
        self.window.read(buffer)
    }

    #[inline]
    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        if self.fill_at_once(buffer) || self.fill(buffer) == buffer.len() {
            return Ok(());
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

impl ZByteReaderTrait for Stream<'_> {
    #[inline]
    fn read_byte_no_error(&mut self) -> u8 {
        let mut byte = [0];
        if !self.fill_at_once(&mut byte) {
            self.fill(&mut byte);
        }
        byte[0]
    }

    #[inline]
    fn read_exact_bytes(&mut self, buffer: &mut [u8]) -> Result<(), ZByteIoError> {
        if self.fill_at_once(buffer) {
            return Ok(());
        }
        let start = self.position();
        let found = self.fill(buffer);
        if found == buffer.len() {
            return Ok(());
        }
        self.move_to(start);
        Err(ZByteIoError::NotEnoughBytes(found, buffer.len()))
    }

    fn read_bytes(&mut self, buffer: &mut [u8]) -> Result<usize, ZByteIoError> {
        Ok(self.fill(buffer))
    }

    fn peek_bytes(&mut self, buffer: &mut [u8]) -> Result<usize, ZByteIoError> {
        let start = self.position();
        let found = self.fill(buffer);
        self.move_to(start);
        Ok(found)
    }

    fn peek_exact_bytes(&mut self, buffer: &mut [u8]) -> Result<(), ZByteIoError> {
        let start = self.position();
        let read = self.read_exact_bytes(buffer);
        self.move_to(start);
        read
    }

    fn z_seek(&mut self, from: ZSeekFrom) -> Result<u64, ZByteIoError> {
        if let ZSeekFrom::Current(back) = from
            && let Some(at) = self.at().checked_add_signed(back as isize)
            && let Some(window) = self.parts[self.part].get(at..self.end)
        {
            self.window = window;
            return Ok(0);
        }
        let length: usize = self.parts.iter().map(|part| part.len()).sum();
        let target = match from {
            ZSeekFrom::Start(offset) => i128::from(offset),
            ZSeekFrom::End(offset) => length as i128 + i128::from(offset),
            ZSeekFrom::Current(offset) => i128::from(self.position()) + i128::from(offset),
        };
        let target = u64::try_from(target).map_err(|_| ZByteIoError::SeekError("before the start"))?;
        self.move_to(target);
        Ok(target)
    }

    fn is_eof(&mut self) -> Result<bool, ZByteIoError> {
        self.go_on();
        Ok(self.window.is_empty())
    }

    fn z_position(&mut self) -> Result<u64, ZByteIoError> {
        Ok(self.position())
    }

    fn read_remaining(&mut self, sink: &mut Vec<u8>) -> Result<usize, ZByteIoError> {
        self.read_to_end(sink).map_err(ZByteIoError::from)
    }
}
