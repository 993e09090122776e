//! Reads the header of a WebP (RFC 9649): canvas, first frame, alpha and metadata chunks. It compares the size in the
//! bitstream with the size in the container, because a decoder allocates by the former and the limits check the latter.

use crate::{Error, Orientation, ifd, work::BLOCK};

/// The fields of the container and of the first frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) animation: Option<Animation>,
    pub(crate) alpha: bool,
    pub(crate) frame: Frame,
    /// Size of the colour profile in bytes.
    pub(crate) profile: u64,
    pub(crate) orientation: Orientation,
}

/// How an animation draws its first frame on the canvas.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Animation {
    /// The flags of the frame.
    pub(crate) flags: u8,
    /// Offset of the flags in the file.
    pub(crate) flags_at: usize,
}

/// The bitstream of the picture, or of an animation's first frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) lossless: bool,
    /// Start and end in the file.
    pub(crate) span: (usize, usize),
    /// Whether a separate alpha plane precedes it.
    pub(crate) alpha_plane: bool,
    /// Start and end in the file of the lossless stream, of the frame or of its alpha plane, if there is one.
    pub(crate) lossless_span: Option<(usize, usize)>,
    /// Compressed size in bytes, alpha plane included.
    pub(crate) length: u64,
}

/// Walks RIFF chunks. Yields name, offset of the data, and data. A truncated chunk has the rest of the bytes as its
/// data.
#[derive(Clone)]
struct RiffChunks<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for RiffChunks<'a> {
    type Item = ([u8; 4], usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let head: &[u8; 8] = self.bytes.get(self.at..)?.first_chunk()?;
        let [n1, n2, n3, n4, l1, l2, l3, l4] = *head;
        let length = u32::from_le_bytes([l1, l2, l3, l4]) as usize;
        let start = self.at + 8;
        let rest = &self.bytes[start..];
        self.at = start + length + length % 2;
        Some(([n1, n2, n3, n4], start, rest.get(..length).unwrap_or(rest)))
    }
}

impl<'a> RiffChunks<'a> {
    /// Walks the chunks of a file.
    fn of_file(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 12 }
    }

    /// Finds the next chunk of a name. Returns the offset of its data, and the data.
    fn find_chunk(&self, wanted: [u8; 4]) -> Option<(usize, &'a [u8])> {
        self.clone().find(|(name, ..)| *name == wanted).map(|(_, start, data)| (start, data))
    }
}

/// Returns the colour profile.
pub(crate) fn profile(bytes: &[u8]) -> Option<&[u8]> {
    RiffChunks::of_file(bytes).find_chunk(*b"ICCP").map(|(_, data)| data)
}

impl Header {
    /// Work in blocks: the samples of the frame, those of its alpha plane, and those of the canvas of an animation.
    pub(crate) fn work(&self) -> u64 {
        let frame = u64::from(self.frame.width) * u64::from(self.frame.height);
        let canvas = u64::from(self.width) * u64::from(self.height);
        let samples = if self.frame.lossless || self.frame.alpha_plane { 4 * frame } else { 3 * frame };
        (samples + if self.animation.is_some() { 4 * canvas } else { 0 }) / BLOCK
    }

    /// Reads the header. It walks all chunks, because metadata may follow the first frame.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let mut chunks = RiffChunks::of_file(bytes);
        let first = chunks.clone();
        let (name, _, data) = chunks.next().ok_or_else(|| Error::damaged("no chunk"))?;
        match &name {
            b"VP8 " | b"VP8L" => {
                let frame = Frame::read(first)?;
                Ok(Self {
                    width: frame.width,
                    height: frame.height,
                    animation: None,
                    alpha: frame.lossless && data.get(4).is_some_and(|flags| flags & 0x10 != 0),
                    frame,
                    profile: 0,
                    orientation: Orientation::Upright,
                })
            }
            b"VP8X" => Self::read_extended(data, &chunks),
            _ => Err(Error::damaged("an unknown first chunk")),
        }
    }

    fn read_extended(data: &[u8], chunks: &RiffChunks<'_>) -> Result<Self, Error> {
        let &[flags, _, _, _, w1, w2, w3, h1, h2, h3] =
            data.first_chunk().ok_or_else(|| Error::damaged("a truncated canvas chunk"))?;
        let (width, height) = (side([w1, w2, w3]), side([h1, h2, h3]));
        let animation = if flags & 2 == 0 { None } else { Some(Animation::read(chunks)?) };
        let frame = match animation {
            Some((_, frame)) => frame,
            None => Frame::read(chunks.clone())?,
        };
        let fits = frame.width <= width && frame.height <= height;
        if !fits || animation.is_none() && (frame.width, frame.height) != (width, height) {
            return Err(Error::damaged("the frame has another size than its canvas"));
        }
        let exif = chunks.find_chunk(*b"EXIF").map(|(_, exif)| exif);
        Ok(Self {
            width,
            height,
            animation: animation.map(|(animation, _)| animation),
            alpha: flags & 0x10 != 0,
            frame,
            profile: chunks.find_chunk(*b"ICCP").map_or(0, |(_, data)| data.len() as u64),
            orientation: exif
                .map(|exif| ifd::exif_orientation(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif)))
                .unwrap_or_default(),
        })
    }
}

/// Decodes a width or height of the container: three bytes, minus one.
fn side([b1, b2, b3]: [u8; 3]) -> u32 {
    u32::from_le_bytes([b1, b2, b3, 0]) + 1
}

impl Animation {
    /// Reads the header and the bitstream of the first frame.
    fn read(chunks: &RiffChunks<'_>) -> Result<(Self, Frame), Error> {
        let missing = || Error::damaged("an animation without a frame");
        let (start, data) = chunks.find_chunk(*b"ANMF").ok_or_else(missing)?;
        let head: &[u8; 16] = data.first_chunk().ok_or_else(missing)?;
        let within = chunks.bytes.get(..start + data.len()).ok_or_else(missing)?;
        let frame = Frame::read(RiffChunks { bytes: within, at: start + 16 })?;
        let size = (side([head[6], head[7], head[8]]), side([head[9], head[10], head[11]]));
        if (frame.width, frame.height) != size {
            return Err(Error::damaged("the frame has another size than its header announces"));
        }
        Ok((Self { flags_at: start + 15, flags: head[15] }, frame))
    }
}

impl Frame {
    /// Reads the first bitstream. An alpha chunk counts only if it precedes the bitstream.
    fn read(chunks: RiffChunks<'_>) -> Result<Self, Error> {
        let (mut alpha, mut alpha_span) = (0, None);
        for (name, start, data) in chunks {
            let lossless = match &name {
                b"ALPH" => {
                    alpha = data.len() as u64;
                    // The lowest bits of the first byte state the compression.
                    let compressed = data.first().is_some_and(|head| head & 3 == 1);
                    alpha_span = compressed.then_some((start + 1, start + data.len()));
                    continue;
                }
                b"VP8 " => false,
                b"VP8L" => true,
                _ => continue,
            };
            let size = if lossless { lossless_size(data) } else { lossy_size(data) };
            let (width, height) = size.ok_or_else(|| Error::damaged("an invalid bitstream header"))?;
            return Ok(Self {
                width,
                height,
                lossless,
                span: (start, start + data.len()),
                alpha_plane: alpha > 0,
                lossless_span: if lossless { Some((start + 5, start + data.len())) } else { alpha_span },
                length: data.len() as u64 + alpha,
            });
        }
        Err(Error::damaged("no bitstream"))
    }
}

/// Reads the size from a key frame's header (RFC 6386, 9.1): start code, 14-bit width, 14-bit height.
fn lossy_size(data: &[u8]) -> Option<(u32, u32)> {
    let &[tag, _, _, 0x9D, 0x01, 0x2A, w1, w2, h1, h2] = data.first_chunk()? else { return None };
    let side = |bytes| u32::from(u16::from_le_bytes(bytes) & 0x3FFF);
    let (width, height) = (side([w1, w2]), side([h1, h2]));
    (tag & 1 == 0 && width > 0 && height > 0).then_some((width, height))
}

/// Reads the size from a lossless header (RFC 9649, 3.4): signature, 14-bit width minus one, 14-bit height minus one.
fn lossless_size(data: &[u8]) -> Option<(u32, u32)> {
    let &[0x2F, b1, b2, b3, b4] = data.first_chunk()? else { return None };
    let bits = u32::from_le_bytes([b1, b2, b3, b4]);
    (bits >> 29 == 0).then_some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
}
