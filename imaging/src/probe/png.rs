//! Reads the header of a PNG (W3C PNG, third edition) by walking its chunks. The probe reads the header, and the
//! decoder walks the same chunks to select the ones that it needs. What follows the end chunk decides nothing.

use super::png_text::TextChunks;
use crate::Error;
use crate::metadata::Metadata;
use crate::work::{self, BLOCK};

/// The fields of the header chunk, and what other chunks add.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) depth: u8,
    /// Colour type: 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha.
    pub(crate) colour: u8,
    pub(crate) interlaced: bool,
    pub(crate) transparency: bool,
    pub(crate) calibration: Calibration,
    pub(crate) metadata: Metadata,
    /// Compressed size of the pixels in bytes.
    pub(crate) data: u64,
    /// Size of the largest frame of an animation in bytes, with its chunks, without the default image.
    pub(crate) frame_data: u64,
}

/// What the chunks hold that describes the colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Calibration {
    None,
    /// A few numbers.
    Numbers,
    /// A profile, and perhaps numbers.
    Profile,
}

/// One chunk, from `start` to `end`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk<'a> {
    pub(crate) start: usize,
    pub(crate) name: [u8; 4],
    pub(crate) data: &'a [u8],
    pub(crate) end: usize,
}

/// Returns the chunk at an offset. A truncated chunk has the rest of the bytes as its data.
pub(crate) fn chunk_at(bytes: &[u8], start: usize) -> Option<Chunk<'_>> {
    let head = bytes.get(start..)?;
    let length = u32::from_be_bytes(*head.first_chunk()?) as usize;
    let name = *head.get(4..8)?.first_chunk()?;
    let data = &head[8..];
    Some(Chunk {
        start,
        name,
        data: data.get(..length).unwrap_or(data),
        end: start.saturating_add(length).saturating_add(12).min(bytes.len()),
    })
}

/// Offset of the first chunk.
pub(crate) const FIRST_CHUNK: usize = 8;

/// Whether these are 1 to 256 colours of three bytes.
fn is_palette(data: &[u8]) -> bool {
    matches!(data.len(), 3..=768) && data.len().is_multiple_of(3)
}

impl Header {
    /// Reads the header. It walks all chunks, because EXIF may follow the pixels.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let first = chunk_at(bytes, FIRST_CHUNK);
        if first.is_some_and(|chunk| chunk.name == *b"CgBI") {
            return Err(Error::Unsupported("PNG of iOS applications (CgBI)"));
        }
        let first = first.filter(|chunk| chunk.name == *b"IHDR");
        let first = first.ok_or_else(|| Error::damaged("no header chunk"))?;
        let mut header = Self::parse(first.data)?;
        let (mut at, mut texts) = (first.end, TextChunks::default());
        let mut frame_size = 0;
        while let Some(next) = chunk_at(bytes, at) {
            match &next.name {
                b"tRNS" => header.transparency = true,
                b"iCCP" => header.calibration = Calibration::Profile,
                b"cICP" | b"gAMA" | b"cHRM" => {
                    header.calibration = header.calibration.max(Calibration::Numbers);
                }
                b"eXIf" => header.metadata.add_exif(next.data),
                b"tEXt" | b"zTXt" | b"iTXt" => texts.add(next.name, next.data),
                b"fcTL" => frame_size = 0,
                b"fdAT" => {
                    // Each is copied with its name, length and checksum.
                    frame_size += next.data.len() as u64 + 12;
                    header.frame_data = header.frame_data.max(frame_size);
                }
                b"IDAT" => header.data += next.data.len() as u64,
                // The decoder would read beyond the end of a palette that is cut within a colour.
                b"PLTE" if header.colour == 3 && !is_palette(next.data) => {
                    return Err(Error::damaged("an invalid palette"));
                }
                b"IEND" => break,
                _ => {}
            }
            at = next.end;
        }
        if !header.metadata.has_exif_orientation() {
            texts.read_into(&mut header.metadata);
        }
        Ok(header)
    }

    fn parse(data: &[u8]) -> Result<Self, Error> {
        let damaged = || Error::damaged("an invalid header chunk");
        let &[w1, w2, w3, w4, h1, h2, h3, h4, depth, colour, 0, 0, interlace] =
            data.first_chunk().ok_or_else(damaged)?
        else {
            return Err(damaged());
        };
        let is_valid = match colour {
            0 => matches!(depth, 1 | 2 | 4 | 8 | 16),
            3 => matches!(depth, 1 | 2 | 4 | 8),
            2 | 4 | 6 => matches!(depth, 8 | 16),
            _ => false,
        };
        let (width, height) = (u32::from_be_bytes([w1, w2, w3, w4]), u32::from_be_bytes([h1, h2, h3, h4]));
        if !is_valid || interlace > 1 || width == 0 || height == 0 {
            return Err(damaged());
        }
        Ok(Self {
            width,
            height,
            depth,
            colour,
            interlaced: interlace == 1,
            transparency: matches!(colour, 4 | 6),
            calibration: Calibration::None,
            metadata: Metadata::default(),
            data: 0,
            frame_data: 0,
        })
    }

    /// Size of a row of this many pixels, in bytes.
    pub(crate) fn row_bytes(&self, pixels: u32) -> u64 {
        (u64::from(pixels) * u64::from(self.samples()) * u64::from(self.depth)).div_ceil(8)
    }

    /// Size of the pixels before compression, in bytes. It leaves out the filter types and the padding of passes.
    pub(crate) fn raw_bytes(&self) -> u64 {
        self.row_bytes(self.width) * u64::from(self.height)
    }

    /// Work in blocks: that of the pixels, and that of data that they cannot need.
    pub(crate) fn work(&self) -> u64 {
        self.raw_bytes() / BLOCK + self.excess()
    }

    /// Work of the data beyond what the pixels can need, in blocks. Rows have filter types, and those of passes padding.
    pub(crate) fn excess(&self) -> u64 {
        work::excess(self.data, work::max_deflated(self.raw_bytes() + 8 * u64::from(self.height)))
    }

    /// Number of samples per stored pixel.
    pub(crate) fn samples(&self) -> u8 {
        match self.colour {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        }
    }
}
