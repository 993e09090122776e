//! The header of a GIF (GIF89a): the canvas, and the first frame behind whatever extensions go before it.

use crate::Error;

/// What the screen descriptor and the first image descriptor say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    /// The canvas; where a side of it is 0, the frame's.
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) frame: (u32, u32),
    pub(crate) transparency: bool,
}

/// A colour table's bytes by the flags of the descriptor before it.
fn table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

impl Header {
    /// Reads the blocks up to the first image descriptor.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let short = || Error::damaged("no frame");
        let &[w1, w2, h1, h2, flags] = bytes.get(6..11).and_then(<[u8]>::first_chunk).ok_or_else(short)?;
        let side = |bytes| u32::from(u16::from_le_bytes(bytes));
        let (mut at, mut transparency) = (13 + table(flags), false);
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
        let &[x1, x2, y1, y2] = bytes.get(at + 5..).and_then(<[u8]>::first_chunk).ok_or_else(short)?;
        let frame = (side([x1, x2]), side([y1, y2]));
        if frame.0 == 0 || frame.1 == 0 {
            return Err(Error::damaged("an empty frame"));
        }
        let (width, height) = (side([w1, w2]), side([h1, h2]));
        let (width, height) = if width == 0 || height == 0 { frame } else { (width, height) };
        Ok(Self { width, height, frame, transparency })
    }
}

/// Where the sub-blocks that begin at an offset end.
fn skip_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}
