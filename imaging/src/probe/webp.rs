//! Reads the header of a WebP (RFC 9649): canvas, first frame, alpha and metadata chunks. It compares the size in the
//! bitstream with the size in the container, because a decoder allocates by the former and the limits check the latter.

use crate::{Error, metadata::Metadata, work::BLOCK};

/// Size of a chunk's name and length.
pub(crate) const CHUNK_HEADER: usize = 8;

/// Maximum number of frames that are decoded in search of one that shows anything.
const MAX_FRAMES: usize = 8;

/// The fields of the container and of the first frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) animated: bool,
    /// Whether there is a canvas chunk. A simple file is its bitstream.
    pub(crate) extended: bool,
    /// Whether pixels can be transparent, by the bitstreams. The flag of the container is not always right.
    pub(crate) alpha: bool,
    pub(crate) frame: Frame,
    /// Maximum memory to decode a frame, without the canvas.
    pub(crate) frame_memory: u64,
    /// Size of the colour profile in bytes.
    pub(crate) profile: u64,
    pub(crate) metadata: Metadata,
}

/// The bitstream of the picture, or of a frame of an animation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// Place on the canvas.
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) lossless: bool,
    /// Offset of the first chunk of the frame: that of its alpha plane, or of its bitstream.
    pub(crate) start: usize,
    /// Start and end of the bitstream in the file.
    pub(crate) span: (usize, usize),
    /// Whether a separate alpha plane precedes it.
    pub(crate) alpha_plane: bool,
    /// Whether its pixels can be transparent.
    pub(crate) alpha: bool,
    /// Start and end in the file of the lossless stream, of the frame or of its alpha plane, if there is one.
    pub(crate) lossless_span: Option<(usize, usize)>,
    /// Compressed size in bytes, alpha plane included.
    length: u64,
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
        let start = self.at + CHUNK_HEADER;
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

/// Returns the first frames of an animation, up to one that is invalid.
pub(crate) fn frames(bytes: &[u8]) -> impl Iterator<Item = Frame> {
    let animated = RiffChunks::of_file(bytes).filter(|(name, ..)| name == b"ANMF").take(MAX_FRAMES);
    animated.map_while(move |(_, start, data)| Frame::read_animated(bytes, start, data).ok())
}

impl Header {
    /// Work in blocks: the samples of the frame, those of its alpha plane, and those of the canvas of an animation. Those of
    /// a frame take twice as long as those of other formats.
    pub(crate) fn work(&self) -> u64 {
        self.frame_work(&self.frame)
    }

    /// The same for another frame.
    pub(crate) fn frame_work(&self, frame: &Frame) -> u64 {
        let pixels = u64::from(frame.width) * u64::from(frame.height);
        let canvas = u64::from(self.width) * u64::from(self.height);
        let samples = if frame.lossless || frame.alpha_plane { 4 * pixels } else { 3 * pixels };
        (2 * samples + if self.animated { 4 * canvas } else { 0 }) / BLOCK
    }

    /// Reads the header. It walks all chunks, because metadata may follow the first frame.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let mut chunks = RiffChunks::of_file(bytes);
        let first = chunks.clone();
        let (name, _, data) = chunks.next().ok_or_else(|| Error::damaged("no chunk"))?;
        match &name {
            b"VP8 " | b"VP8L" => Ok(Self::of_frame(Frame::read(first)?)),
            b"VP8X" => Self::read_extended(data, &chunks),
            _ => Err(Error::damaged("an unknown first chunk")),
        }
    }

    /// The header of a still picture without metadata.
    fn of_frame(frame: Frame) -> Self {
        Self {
            width: frame.width,
            height: frame.height,
            animated: false,
            extended: false,
            alpha: frame.alpha,
            frame,
            frame_memory: frame.memory(),
            profile: 0,
            metadata: Metadata::default(),
        }
    }

    fn read_extended(data: &[u8], chunks: &RiffChunks<'_>) -> Result<Self, Error> {
        let &[flags, _, _, _, w1, w2, w3, h1, h2, h3] =
            data.first_chunk().ok_or_else(|| Error::damaged("a truncated canvas chunk"))?;
        let (width, height) = (side([w1, w2, w3]), side([h1, h2, h3]));
        let animated = flags & 2 != 0;
        let frame = if animated { Frame::read_first(chunks)? } else { Frame::read(chunks.clone())? };
        let fits = frame.width <= width && frame.height <= height;
        if !fits || !animated && (frame.width, frame.height) != (width, height) {
            return Err(Error::damaged("the frame has another size than its canvas"));
        }
        let mut metadata = Metadata::default();
        if let Some((_, exif)) = chunks.find_chunk(*b"EXIF") {
            metadata.add_exif(exif);
        }
        if let Some((_, packet)) = chunks.find_chunk(*b"XMP ") {
            metadata.add_xmp(packet);
        }
        let later = frames(chunks.bytes).filter(|_| animated);
        Ok(Self {
            width,
            height,
            animated,
            extended: true,
            // An animation is transparent where no frame lies.
            alpha: frame.alpha || animated && (frame.width, frame.height) != (width, height),
            frame_memory: later.map(|frame| frame.memory()).fold(frame.memory(), u64::max),
            profile: chunks.find_chunk(*b"ICCP").map_or(0, |(_, data)| data.len() as u64),
            metadata,
            ..Self::of_frame(frame)
        })
    }
}

/// Decodes a width or height of the container: three bytes, minus one.
fn side([b1, b2, b3]: [u8; 3]) -> u32 {
    u32::from_le_bytes([b1, b2, b3, 0]) + 1
}

impl Frame {
    /// Reads the first frame of an animation.
    fn read_first(chunks: &RiffChunks<'_>) -> Result<Self, Error> {
        let missing = || Error::damaged("an animation without a frame");
        let (start, data) = chunks.find_chunk(*b"ANMF").ok_or_else(missing)?;
        Self::read_animated(chunks.bytes, start, data)
    }

    /// Reads a frame of an animation, whose header and bitstream are the data of a chunk at `start`.
    fn read_animated(bytes: &[u8], start: usize, data: &[u8]) -> Result<Self, Error> {
        let truncated = || Error::damaged("a truncated frame of an animation");
        let &[x1, x2, x3, y1, y2, y3, w1, w2, w3, h1, h2, h3, ..] =
            data.first_chunk::<16>().ok_or_else(truncated)?;
        let within = bytes.get(..start + data.len()).ok_or_else(truncated)?;
        let frame = Self::read(RiffChunks { bytes: within, at: start + 16 })?;
        if (frame.width, frame.height) != (side([w1, w2, w3]), side([h1, h2, h3])) {
            return Err(Error::damaged("the frame has another size than its header announces"));
        }
        // Stored halved, without the one that is subtracted from sides.
        let offset = |bytes| 2 * (side(bytes) - 1);
        Ok(Self { left: offset([x1, x2, x3]), top: offset([y1, y2, y3]), ..frame })
    }

    /// Reads the first bitstream. An alpha chunk counts only if it precedes the bitstream.
    fn read(chunks: RiffChunks<'_>) -> Result<Self, Error> {
        let mut plane = None;
        for (name, start, data) in chunks {
            let lossless = match &name {
                b"ALPH" => {
                    plane = plane.or(Some((start, data)));
                    continue;
                }
                b"VP8 " => false,
                b"VP8L" => true,
                _ => continue,
            };
            let size = if lossless { lossless_size(data) } else { lossy_size(data) };
            let (width, height) = size.ok_or_else(|| Error::damaged("an invalid bitstream header"))?;
            let plane = plane.filter(|_| !lossless);
            // The lowest bits of the first byte of a plane state its compression.
            let compressed = plane.filter(|(_, data)| data.first().is_some_and(|head| head & 3 == 1));
            let plane_span = compressed.map(|(start, data)| (start + 1, start + data.len()));
            return Ok(Self {
                left: 0,
                top: 0,
                width,
                height,
                lossless,
                start: plane.map_or(start, |(start, _)| start) - CHUNK_HEADER,
                span: (start, start + data.len()),
                alpha_plane: plane.is_some(),
                alpha: plane.is_some() || lossless && data.get(4).is_some_and(|flags| flags & 0x10 != 0),
                lossless_span: if lossless { Some((start + 5, start + data.len())) } else { plane_span },
                length: (data.len() + plane.map_or(0, |(_, data)| data.len())) as u64,
            });
        }
        Err(Error::damaged("no bitstream"))
    }

    /// Maximum memory for the tables of the frame's prefix codes. Encoders write tens of bytes for each kilobyte of tables,
    /// and libwebp makes at most 2,600 groups of codes.
    pub(crate) fn max_code_memory(&self) -> u64 {
        if self.lossless_span.is_some() { (4 << 20) + 8 * self.length } else { 0 }
    }

    /// Maximum memory to decode the frame, without the result.
    fn memory(&self) -> u64 {
        let inner = (u64::from(self.width) + 16) * (u64::from(self.height) + 16);
        // The planes of a lossy frame, or the pixels and transform images of a lossless one.
        let planes = if self.lossless { 8 * inner } else { inner * 3 / 2 };
        let alpha = if self.alpha_plane { 8 * inner } else { 0 };
        // The decoder copies lossy partitions before it reads them.
        let copies = if self.lossless { 0 } else { 3 * self.length };
        planes + alpha + copies + self.max_code_memory()
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
