//! The header of a WebP (RFC 9649): canvas, first frame, alpha, metadata chunks. The size that the bitstream
//! states is compared with the container's here, since a decoder allocates by the former.

use super::jpeg::orientation;
use crate::{Error, Orientation};

/// What the container and the first frame say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) animated: bool,
    pub(crate) alpha: bool,
    pub(crate) frame: Frame,
    /// Bytes of the colour profile.
    pub(crate) profile: u64,
    pub(crate) orientation: Orientation,
}

/// The bitstream of the picture, or of an animation's first frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) lossless: bool,
    /// Whether an alpha plane of its own goes before it.
    pub(crate) alpha_plane: bool,
    /// Compressed bytes.
    pub(crate) length: u64,
}

/// The RIFF chunks within some bytes; one that is cut off has what is left of its data.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let data = rest.get(..length).unwrap_or(rest);
        self.0 = rest.get(length + length % 2..).unwrap_or_default();
        Some((*name, data))
    }
}

/// The colour profile.
pub(crate) fn profile(bytes: &[u8]) -> Option<&[u8]> {
    Chunks(bytes.get(12..)?).find(|(name, _)| name == b"ICCP").map(|(_, data)| data)
}

impl Header {
    /// Reads the chunks up to the first frame; metadata may stand behind it, so all are passed.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let mut chunks = Chunks(bytes.get(12..).unwrap_or_default());
        let (name, data) = chunks.next().ok_or_else(|| Error::damaged("no chunk"))?;
        match &name {
            b"VP8 " | b"VP8L" => {
                let frame = Frame::read(&mut std::iter::once((name, data)))?;
                let alpha = frame.lossless && data.get(4).is_some_and(|flags| flags & 0x10 != 0);
                Ok(Self {
                    width: frame.width,
                    height: frame.height,
                    animated: false,
                    alpha,
                    frame,
                    profile: 0,
                    orientation: Orientation::Upright,
                })
            }
            b"VP8X" => Self::extended(data, &chunks),
            _ => Err(Error::damaged("an unknown first chunk")),
        }
    }

    fn extended(data: &[u8], chunks: &Chunks<'_>) -> Result<Self, Error> {
        let &[flags, _, _, _, w1, w2, w3, h1, h2, h3] =
            data.first_chunk().ok_or_else(|| Error::damaged("a short canvas chunk"))?;
        let side = |bytes: [u8; 3]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) + 1;
        let all = || Chunks(chunks.0);
        let find = |wanted: &[u8; 4]| all().find(|(name, _)| name == wanted).map(|(_, data)| data);
        let animated = flags & 2 != 0;
        let (width, height) = (side([w1, w2, w3]), side([h1, h2, h3]));
        let frame = if animated {
            let body = find(b"ANMF").and_then(|data| Some((data.get(6..12)?, data.get(16..)?)));
            let (&[w1, w2, w3, h1, h2, h3], body) = body
                .and_then(|(size, body)| Some((size.first_chunk()?, body)))
                .ok_or_else(|| Error::damaged("an animation without a frame"))?;
            let frame = Frame::read(&mut Chunks(body))?;
            if (frame.width, frame.height) != (side([w1, w2, w3]), side([h1, h2, h3])) {
                return Err(Error::damaged("a frame of another size than it says"));
            }
            frame
        } else {
            Frame::read(&mut all())?
        };
        if frame.width > width
            || frame.height > height
            || !animated && (frame.width, frame.height) != (width, height)
        {
            return Err(Error::damaged("a frame of another size than its canvas"));
        }
        Ok(Self {
            width,
            height,
            animated,
            alpha: flags & 0x10 != 0,
            frame,
            profile: find(b"ICCP").map_or(0, |data| data.len() as u64),
            orientation: find(b"EXIF")
                .map(|exif| orientation(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif)))
                .unwrap_or_default(),
        })
    }
}

impl Frame {
    /// The first bitstream among some chunks. An alpha chunk counts only before it.
    fn read(chunks: &mut dyn Iterator<Item = ([u8; 4], &[u8])>) -> Result<Self, Error> {
        let mut alpha = 0;
        for (name, data) in chunks {
            let lossless = match &name {
                b"ALPH" => {
                    alpha = data.len() as u64;
                    continue;
                }
                b"VP8 " => false,
                b"VP8L" => true,
                _ => continue,
            };
            let size = if lossless { lossless_size(data) } else { lossy_size(data) };
            let (width, height) = size.ok_or_else(|| Error::damaged("a bad bitstream header"))?;
            let length = data.len() as u64 + alpha;
            return Ok(Self { width, height, lossless, alpha_plane: alpha > 0, length });
        }
        Err(Error::damaged("no bitstream"))
    }
}

/// RFC 6386, 9.1: a key frame's start code and two 14-bit sides.
fn lossy_size(data: &[u8]) -> Option<(u32, u32)> {
    let &[tag, _, _, 0x9D, 0x01, 0x2A, w1, w2, h1, h2] = data.first_chunk()? else { return None };
    let side = |bytes| u32::from(u16::from_le_bytes(bytes) & 0x3FFF);
    let (width, height) = (side([w1, w2]), side([h1, h2]));
    (tag & 1 == 0 && width > 0 && height > 0).then_some((width, height))
}

/// RFC 9649, 3.4: the signature and two 14-bit sides, less one each.
fn lossless_size(data: &[u8]) -> Option<(u32, u32)> {
    let &[0x2F, b1, b2, b3, b4] = data.first_chunk()? else { return None };
    let bits = u32::from_le_bytes([b1, b2, b3, b4]);
    (bits >> 29 == 0).then_some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
}
