//! Finds the later frames of an animated PNG (W3C PNG, third edition, 4.9 and 11.3.6), which follow the default image, and
//! makes of each a PNG of its own. The decoder asks for them where the default image shows nothing. The first invalid
//! frame ends them.

use super::png::{Chunk, FIRST_CHUNK, Header, chunk_at};

/// Maximum number of frames that are decoded in search of one that shows anything, the default image among them.
pub(crate) const MAX_FRAMES: usize = 16;

/// Size of a chunk without its data, and of the number that precedes the data of a frame.
const CHUNK_FRAME: usize = 12;
const SEQUENCE_NUMBER: usize = 4;

/// One frame: its place on the canvas, and where it is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Compressed size of its pixels in bytes.
    pub(crate) data: u64,
    /// Offset of the chunk behind its control chunk.
    start: usize,
}

/// Walks the chunks of a PNG. Yields the frames behind the default image.
#[derive(Debug)]
pub(crate) struct Frames<'a> {
    bytes: &'a [u8],
    at: usize,
    is_animated: bool,
    is_behind_pixels: bool,
}

/// Returns the frames behind the default image: none, unless the PNG is animated.
pub(crate) fn frames(bytes: &[u8]) -> Frames<'_> {
    Frames { bytes, at: FIRST_CHUNK, is_animated: false, is_behind_pixels: false }
}

impl Iterator for Frames<'_> {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        loop {
            let chunk = chunk_at(self.bytes, self.at)?;
            self.at = chunk.end;
            match &chunk.name {
                b"IDAT" => self.is_behind_pixels = true,
                b"acTL" if !self.is_behind_pixels => self.is_animated = true,
                b"fcTL" if self.is_behind_pixels && self.is_animated => {
                    return Frame::read(self.bytes, &chunk);
                }
                b"IEND" => return None,
                _ => {}
            }
        }
    }
}

impl Frame {
    /// Reads a frame by its control chunk.
    fn read(bytes: &[u8], control: &Chunk<'_>) -> Option<Self> {
        let numbers: [u32; 5] = {
            let words = control.data.get(..20)?.as_chunks::<4>().0;
            std::array::from_fn(|index| u32::from_be_bytes(words[index]))
        };
        let [_, width, height, left, top] = numbers;
        let data = chunks_of_frame(bytes, control.end).map(|data| data.len() as u64).sum();
        (width > 0 && height > 0).then_some(Self { left, top, width, height, data, start: control.end })
    }

    /// Whether the frame is within the canvas.
    pub(crate) fn is_within(&self, canvas: &Header) -> bool {
        self.left.saturating_add(self.width) <= canvas.width
            && self.top.saturating_add(self.height) <= canvas.height
    }

    /// The header of a PNG that consists of this frame.
    pub(crate) fn header(&self, canvas: &Header) -> Header {
        Header { width: self.width, height: self.height, data: self.data, ..*canvas }
    }

    /// Makes the PNG that consists of this frame. It has the palette, the transparency and the profile of the file.
    pub(crate) fn file(&self, bytes: &[u8], max_profile: usize) -> Vec<u8> {
        let mut file = Vec::with_capacity(self.data as usize + max_profile + (8 << 10));
        file.extend_from_slice(bytes.get(..FIRST_CHUNK).unwrap_or_default());
        let mut at = FIRST_CHUNK;
        while let Some(chunk) = chunk_at(bytes, at).filter(|chunk| chunk.name != *b"IDAT") {
            let fits = chunk.data.len() <= if chunk.name == *b"iCCP" { max_profile } else { 1 << 10 };
            match &chunk.name {
                b"IHDR" => {
                    let size = [self.width.to_be_bytes(), self.height.to_be_bytes()].concat();
                    add_chunk(
                        &mut file,
                        *b"IHDR",
                        &[&size, chunk.data.get(8..13).unwrap_or_default()].concat(),
                    );
                }
                b"PLTE" | b"tRNS" | b"iCCP" if fits => add_chunk(&mut file, chunk.name, chunk.data),
                _ => {}
            }
            at = chunk.end;
        }
        for data in chunks_of_frame(bytes, self.start) {
            add_chunk(&mut file, *b"IDAT", data);
        }
        add_chunk(&mut file, *b"IEND", &[]);
        file
    }
}

/// The data of the chunks of a frame, without their numbers.
fn chunks_of_frame(bytes: &[u8], start: usize) -> impl Iterator<Item = &[u8]> {
    let mut at = start;
    let chunks = std::iter::from_fn(move || {
        let chunk = chunk_at(bytes, at).filter(|chunk| !matches!(&chunk.name, b"fcTL" | b"IEND"))?;
        at = chunk.end;
        Some(chunk)
    });
    chunks.filter(|chunk| chunk.name == *b"fdAT").filter_map(|chunk| chunk.data.get(SEQUENCE_NUMBER..))
}

fn add_chunk(file: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    let mut checksum = flate2::Crc::new();
    checksum.update(&name);
    checksum.update(data);
    file.reserve_exact(CHUNK_FRAME + data.len());
    file.extend_from_slice(&(data.len() as u32).to_be_bytes());
    file.extend_from_slice(&name);
    file.extend_from_slice(data);
    file.extend_from_slice(&checksum.sum().to_be_bytes());
}
