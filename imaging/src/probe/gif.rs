//! Reads the header of a GIF (`GIF89a`): the canvas, the extensions before the first frame, and the size of that frame.

use crate::Error;
use crate::work::{self, BLOCK};

/// The fields of the screen descriptor and the first image descriptor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    /// Width of the canvas, or of the frame where a side of the canvas is 0.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Width and height of the first frame.
    pub(crate) frame: (u32, u32),
    pub(crate) transparency: bool,
    /// Offset of the first frame's data.
    data_at: usize,
}

/// Size of a colour table in bytes, from the flags of its descriptor.
fn table_size(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

impl Header {
    /// Reads the blocks up to the first image descriptor.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let short = || Error::damaged("no frame");
        let &[w1, w2, h1, h2, flags] = bytes.get(6..11).and_then(<[u8]>::first_chunk).ok_or_else(short)?;
        let side = |bytes| u32::from(u16::from_le_bytes(bytes));
        let (mut at, mut transparency) = (13 + table_size(flags), false);
        loop {
            match bytes.get(at).ok_or_else(short)? {
                0x21 => {
                    let control = bytes
                        .get(at + 1..at + 4)
                        .is_some_and(|head| head[..2] == [0xF9, 4] && head[2] & 1 != 0);
                    transparency |= control;
                    at = skip_blocks(bytes, at + 2).ok_or_else(short)?;
                }
                0x2C => break,
                _ => return Err(short()),
            }
        }
        let &[x1, x2, y1, y2, table] = bytes.get(at + 5..).and_then(<[u8]>::first_chunk).ok_or_else(short)?;
        let frame = (side([x1, x2]), side([y1, y2]));
        if frame.0 == 0 || frame.1 == 0 {
            return Err(Error::damaged("an empty frame"));
        }
        let (width, height) = (side([w1, w2]), side([h1, h2]));
        let (width, height) = if width == 0 || height == 0 { frame } else { (width, height) };
        // Behind the descriptor and its colours: the minimum size of a code, then the data.
        let data_at = at + 11 + table_size(table);
        Ok(Self { width, height, frame, transparency, data_at })
    }

    /// Number of pixels of the frame.
    pub(crate) fn pixels(&self) -> u64 {
        u64::from(self.frame.0) * u64::from(self.frame.1)
    }

    /// Work in blocks: that of the frame's pixels, and that of data that they cannot need.
    pub(crate) fn work(&self, bytes: &[u8]) -> u64 {
        self.pixels() / BLOCK + self.excess(bytes)
    }

    /// Work of the data beyond what the pixels can need, in blocks.
    pub(crate) fn excess(&self, bytes: &[u8]) -> u64 {
        let (mut at, mut data) = (self.data_at, 0);
        while let Some(&length) = bytes.get(at).filter(|&&length| length > 0) {
            data += u64::from(length);
            at += 1 + usize::from(length);
        }
        work::excess(data, work::max_lzw(self.pixels()))
    }
}

/// Returns the end of the sub-blocks that begin at `at`.
fn skip_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}
