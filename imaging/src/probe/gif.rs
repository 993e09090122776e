//! Reads the header of a GIF (`GIF89a`): the canvas, and where its first frames are. Extensions of any label are skipped,
//! and so are zeros between blocks, which some writers leave there. What follows a frame decides nothing about it.

use crate::Error;
use crate::work::{self, BLOCK};

/// Maximum number of frames that are decoded in search of one that shows anything.
pub(crate) const MAX_FRAMES: usize = 16;

/// Offset of the screen descriptor, and of what follows it.
const SCREEN: usize = 6;
const BLOCKS: usize = 13;

/// The fields of the screen descriptor and the first frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    /// Width of the canvas, or of the frame where a side of the canvas is 0.
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) first: Frame,
    pub(crate) transparency: bool,
}

/// One frame: its place on the canvas, and where it is in the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// The index of transparent pixels.
    pub(crate) transparent: Option<u8>,
    /// Whether the data can contain indices without a colour, which count as transparent.
    lacks_colors: bool,
    pub(crate) interlaced: bool,
    /// Start and end of the colours in the file.
    table: (usize, usize),
    /// Bits of an index.
    pub(crate) code_size: u8,
    /// Offset of the compressed data.
    data: usize,
}

/// Walks the sub-blocks at an offset, up to the empty one that ends them. One that is cut has the bytes that there are.
#[derive(Debug, Clone)]
pub(crate) struct SubBlocks<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Walks the blocks of a GIF. Yields the frames, up to the first block that is invalid.
#[derive(Debug)]
pub(crate) struct Frames<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Offset of the first block, behind the colours of the screen.
    blocks: usize,
}

/// Size of a colour table in bytes, from the flags of its descriptor.
fn table_size(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Returns all frames.
pub(crate) fn frames(bytes: &[u8]) -> Frames<'_> {
    let blocks = BLOCKS + table_size(bytes.get(SCREEN + 4).copied().unwrap_or_default());
    Frames { bytes, at: blocks, blocks }
}

impl Header {
    /// Reads the blocks up to the first image descriptor.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let short = || Error::damaged("no frame");
        let &[w1, w2, h1, h2] = bytes.get(SCREEN..).and_then(<[u8]>::first_chunk).ok_or_else(short)?;
        let first = frames(bytes).next().ok_or_else(short)?;
        if first.width == 0 || first.height == 0 {
            return Err(Error::damaged("an empty frame"));
        }
        let (width, height) = (side([w1, w2]), side([h1, h2]));
        let (width, height) =
            if width == 0 || height == 0 { (first.width, first.height) } else { (width, height) };
        let transparency = first.transparent.is_some() || first.lacks_colors || !first.covers(width, height);
        Ok(Self { width, height, first, transparency })
    }
}

impl Frame {
    /// Number of pixels.
    pub(crate) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Whether the frame lies on all of a canvas.
    pub(crate) fn covers(&self, width: u32, height: u32) -> bool {
        self.left == 0 && self.top == 0 && self.width >= width && self.height >= height
    }

    /// Whether the frame is within a canvas.
    pub(crate) fn is_within(&self, width: u32, height: u32) -> bool {
        self.left + self.width <= width && self.top + self.height <= height
    }

    /// Work in blocks: that of the frame's pixels, and that of data that they cannot need.
    pub(crate) fn work(&self, bytes: &[u8]) -> u64 {
        self.pixels() / BLOCK + self.excess(bytes)
    }

    /// Work of the data beyond what the pixels can need, in blocks.
    pub(crate) fn excess(&self, bytes: &[u8]) -> u64 {
        let data = self.sub_blocks(bytes).map(|data| data.len() as u64).sum();
        work::excess(data, work::max_lzw(self.pixels()))
    }

    /// The colours of its indices: its own, or else those of the screen.
    pub(crate) fn colours<'a>(&self, bytes: &'a [u8]) -> &'a [[u8; 3]] {
        bytes.get(self.table.0..self.table.1).unwrap_or_default().as_chunks().0
    }

    /// Its compressed data.
    pub(crate) fn sub_blocks<'a>(&self, bytes: &'a [u8]) -> SubBlocks<'a> {
        SubBlocks { bytes, at: self.data }
    }
}

impl Iterator for Frames<'_> {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let mut transparent = None;
        loop {
            match self.bytes.get(self.at)? {
                0 => self.at += 1,
                0x21 => {
                    match self.bytes.get(self.at + 1..)? {
                        [0xF9, 4, flags, _, _, index, ..] => {
                            transparent = (flags & 1 != 0).then_some(*index);
                        }
                        // A plain text is drawn with the control that precedes it.
                        [0x01, ..] => transparent = None,
                        _ => {}
                    }
                    self.at = skip_blocks(self.bytes, self.at + 2)?;
                }
                0x2C => break,
                _ => return None,
            }
        }
        let start = self.at;
        let &[x1, x2, y1, y2, w1, w2, h1, h2, flags] =
            self.bytes.get(start + 1..).and_then(<[u8]>::first_chunk)?;
        // Behind the descriptor and its colours: the minimum size of a code, then the data.
        let data = start + 11 + table_size(flags);
        let table = if flags & 0x80 == 0 { (BLOCKS, self.blocks) } else { (start + 10, data - 1) };
        let code_size = *self.bytes.get(data - 1)?;
        // The next frame, if there is one.
        self.at = skip_blocks(self.bytes, data).unwrap_or(self.bytes.len());
        let [left, top, width, height] = [side([x1, x2]), side([y1, y2]), side([w1, w2]), side([h1, h2])];
        let lacks_colors = table.1 - table.0 < 3 << code_size.min(8);
        Some(Frame {
            left,
            top,
            width,
            height,
            transparent,
            lacks_colors,
            interlaced: flags & 0x40 != 0,
            table,
            code_size,
            data,
        })
    }
}

impl<'a> Iterator for SubBlocks<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(*self.bytes.get(self.at)?);
        let data = self.bytes.get(self.at + 1..)?;
        self.at += 1 + length;
        (length > 0).then(|| data.get(..length).unwrap_or(data))
    }
}

fn side(bytes: [u8; 2]) -> u32 {
    u16::from_le_bytes(bytes).into()
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
