//! Reads the header of a Windows bitmap: the core header, or an info header of any version.

use crate::Error;

/// The fields of the header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Bits per pixel.
    pub(crate) bits: u8,
}

impl Header {
    /// Reads the header. A negative height means that the rows are stored from top to bottom.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let damaged = || Error::damaged("an invalid bitmap header");
        let core = bytes.get(14) == Some(&12);
        let (width, height, bits) = if core {
            let &[w1, w2, h1, h2, _, _, bits, _] =
                bytes.get(18..).and_then(<[u8]>::first_chunk).ok_or_else(damaged)?;
            (u16::from_le_bytes([w1, w2]).into(), u16::from_le_bytes([h1, h2]).into(), bits)
        } else {
            let head: &[u8; 12] = bytes.get(18..).and_then(<[u8]>::first_chunk).ok_or_else(damaged)?;
            let [w1, w2, w3, w4, h1, h2, h3, h4, _, _, bits, _] = *head;
            (i32::from_le_bytes([w1, w2, w3, w4]), i32::from_le_bytes([h1, h2, h3, h4]), bits)
        };
        if width <= 0 || height == 0 {
            return Err(damaged());
        }
        Ok(Self { width: width.unsigned_abs(), height: height.unsigned_abs(), bits })
    }
}
