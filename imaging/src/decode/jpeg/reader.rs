//! Reads a sanitized JPEG for zune-jpeg and for jpeg-decoder. It counts the work of each scan when a decoder gets to
//! it, and ends early when the work is canceled or too much.
//!
//! The decoders have no hook between scans or rows, but each row takes input. So the input is given in windows, which
//! end at each scan, and which are shorter where a scan has few bytes for its blocks.
//!
//! It is one concrete type, so that each decoder is compiled once. Decoders read a few bytes at a time, so the common
//! case is inlined: the bytes lie in the current window.

use std::io::{self, Read};

use zune_core::bytestream::{ZByteIoError, ZByteReaderTrait, ZSeekFrom};

use crate::work::{ASK_INTERVAL, Meter};

/// One scan: where its marker is in the second part, its length in bytes, and the number of blocks that it visits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan {
    pub(super) start: usize,
    pub(super) length: usize,
    pub(super) blocks: u64,
}

/// Reads three slices one after another. The second one contains the scans.
pub(super) struct JpegReader<'a> {
    parts: [&'a [u8]; 3],
    part: usize,
    /// The bytes of the current part that may be read before the next check for a cancellation.
    window: &'a [u8],
    /// End of the window in the current part.
    window_end: usize,
    /// The scans that no window has reached yet.
    scans: &'a [Scan],
    /// Maximum length of a window in the current scan, and the work that it stands for.
    step: usize,
    step_blocks: u64,
    meter: &'a Meter<'a>,
}

impl<'a> JpegReader<'a> {
    /// Maximum and minimum length of a window in bytes.
    const WINDOW: usize = 64 * 1024;
    const MIN_WINDOW: usize = 16;

    pub(super) fn new(parts: [&'a [u8]; 3], scans: &'a [Scan], meter: &'a Meter<'a>) -> Self {
        let step_blocks = ASK_INTERVAL;
        Self { parts, part: 0, window_end: 0, window: &[], scans, step: Self::WINDOW, step_blocks, meter }
    }

    /// Read position in the current part.
    fn position_in_part(&self) -> usize {
        self.window_end - self.window.len()
    }

    /// Opens the window at an offset of the current part.
    fn open_window(&mut self, at: usize) {
        let part = self.parts[self.part];
        let mut end = part.len().min(at + self.step);
        if let [next, ..] = self.scans
            && self.part == 1
        {
            end = end.min(next.start.max(at));
        }
        self.window_end = end;
        self.window = &part[at..end];
    }

    /// Counts the scan that begins here, if one does. Returns whether decoding may go on.
    fn begin_scan(&mut self) -> bool {
        let [scan, rest @ ..] = self.scans else { return true };
        if self.part != 1 || self.window_end != scan.start {
            return true;
        }
        self.scans = rest;
        // An eighth of an interval, so that little time passes without a question where the blocks are uneven.
        let windows = scan.blocks / (ASK_INTERVAL / 8) + 1;
        self.step = (scan.length / windows as usize).clamp(Self::MIN_WINDOW, Self::WINDOW);
        self.step_blocks = ASK_INTERVAL / 8;
        self.meter.count(scan.blocks) && self.meter.ask()
    }

    /// Opens the next window when the current one is used up. At the end of the input the window stays empty.
    fn advance(&mut self) {
        if !self.window.is_empty() {
            return;
        }
        let mut goes_on = self.meter.pace(self.step_blocks);
        while self.window_end == self.parts[self.part].len() && self.part + 1 < self.parts.len() {
            self.part += 1;
            self.window_end = 0;
        }
        goes_on &= self.begin_scan();
        if !goes_on {
            self.parts = [&[]; 3];
            self.scans = &[];
            (self.part, self.window_end) = (2, 0);
        }
        self.open_window(self.window_end);
    }

    /// Fills the buffer if the window has enough bytes. Nearly all reads end here.
    #[inline]
    fn fill_from_window(&mut self, buffer: &mut [u8]) -> bool {
        let Some((bytes, rest)) = self.window.split_at_checked(buffer.len()) else { return false };
        buffer.copy_from_slice(bytes);
        self.window = rest;
        true
    }

    /// Reads across windows, as many bytes as there are.
    fn fill(&mut self, mut buffer: &mut [u8]) -> usize {
        let wanted = buffer.len();
        while !buffer.is_empty() {
            self.advance();
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
        (before + self.position_in_part()) as u64
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
        self.open_window(left.min(self.parts[self.part].len()));
    }
}

impl Read for JpegReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.advance();
        self.window.read(buffer)
    }

    #[inline]
    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        if self.fill_from_window(buffer) || self.fill(buffer) == buffer.len() {
            return Ok(());
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

impl ZByteReaderTrait for JpegReader<'_> {
    #[inline]
    fn read_byte_no_error(&mut self) -> u8 {
        let mut byte = [0];
        if !self.fill_from_window(&mut byte) {
            self.fill(&mut byte);
        }
        byte[0]
    }

    #[inline]
    fn read_exact_bytes(&mut self, buffer: &mut [u8]) -> Result<(), ZByteIoError> {
        if self.fill_from_window(buffer) {
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
            && let Some(at) = self.position_in_part().checked_add_signed(back as isize)
            && let Some(window) = self.parts[self.part].get(at..self.window_end)
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
        let target =
            u64::try_from(target).map_err(|_| ZByteIoError::SeekError("position before the start"))?;
        self.move_to(target);
        Ok(target)
    }

    fn is_eof(&mut self) -> Result<bool, ZByteIoError> {
        self.advance();
        Ok(self.window.is_empty())
    }

    fn z_position(&mut self) -> Result<u64, ZByteIoError> {
        Ok(self.position())
    }

    fn read_remaining(&mut self, sink: &mut Vec<u8>) -> Result<usize, ZByteIoError> {
        self.read_to_end(sink).map_err(ZByteIoError::from)
    }
}
