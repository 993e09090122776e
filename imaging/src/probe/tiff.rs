//! Reads the header of a TIFF (TIFF 6.0): the directory of the page that is the picture. It knows which variants are
//! decoded, and refuses the others by name. It also computes what a decoder needs of memory and work.

mod compression;
mod layout;
mod pages;
mod samples;
mod tags;

pub(crate) use compression::{Compression, FaxCoding, Predictor};
pub(crate) use layout::{ChunkList, Layout};
pub(crate) use samples::{Colour, Samples};

use crate::work::{self, BLOCK};
use crate::{Error, ifd::Ifd, metadata::Metadata};
use tags::{
    COLOUR_MAP, JPEG_TABLES, PROFILE, REFERENCE_BLACK_WHITE, STRIP_BYTE_COUNTS, TILE_BYTE_COUNTS, XMP,
    YCBCR_COEFFICIENTS,
};

/// Work to begin a chunk, in blocks: a decompressor and its tables.
pub(crate) const CHUNK_WORK: u64 = 32;

/// Work to begin the JPEG data of a chunk, in blocks: its tables, and the buffers of its decoder.
pub(crate) const JPEG_WORK: u64 = 300;

/// Work to begin a frame of Zstandard, in blocks.
const ZSTANDARD_WORK: u64 = 256;

/// The fields of the directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) layout: Layout,
    pub(crate) samples: Samples,
    pub(crate) compression: Compression,
    pub(crate) predictor: Predictor,
    /// Whether the lowest bit of each byte is the first.
    pub(crate) reversed_bits: bool,
    pub(crate) big_endian: bool,
    pub(crate) metadata: Metadata,
    /// Size of the data of all chunks in bytes as the directory states it, or 0 where it is not compressed.
    data: u64,
    /// Maximum size of the data of a chunk in bytes, as the directory states it.
    pub(crate) largest_data: u64,
    /// Number of chunks that the directory claims to have.
    listed_chunks: u64,
    /// Size of the colour profile in bytes.
    pub(crate) profile: u64,
    /// Offset of the directory in the file.
    directory: u64,
}

impl Header {
    /// Reads the directory of the picture.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let directory = pages::main_page(bytes)?;
        let layout = Layout::read(&directory)?;
        let compression = Compression::read(&directory)?;
        let samples = Samples::read(&directory, compression)?;
        let is_subsampled = matches!(samples.colour, Colour::YCbCr { .. });
        let predictor = Predictor::read(&directory, compression, samples.depth.into())?;
        if is_subsampled && (layout.planar || predictor != Predictor::None) {
            return Err(Error::Unsupported("TIFF with YCbCr samples in planes or with a predictor"));
        }
        let (sum, largest) = ChunkList::read(&directory)?.sizes();
        Ok(Self {
            layout,
            samples,
            compression,
            predictor,
            reversed_bits: compression::has_reversed_bits(&directory, compression)?,
            big_endian: directory.is_big_endian(),
            metadata: metadata(&directory),
            data: if compression == Compression::None { 0 } else { sum },
            largest_data: largest.min(bytes.len() as u64),
            listed_chunks: [STRIP_BYTE_COUNTS, TILE_BYTE_COUNTS]
                .iter()
                .flat_map(|&tag| directory.counts(tag))
                .max()
                .unwrap_or(0),
            profile: directory.find(PROFILE).map_or(0, |field| field.bytes().len() as u64),
            directory: directory.offset(),
        })
    }

    /// Number of samples of a pixel that a decoder needs to unpack. It leaves out planes without a meaning.
    pub(crate) fn used_samples(&self) -> usize {
        let Samples { colour, count, alpha, .. } = self.samples;
        if self.layout.planar { colour.samples() + usize::from(alpha.is_some()) } else { count }
    }

    /// Size of the page's samples before compression, in bytes.
    pub(crate) fn raw_bytes(&self) -> u64 {
        self.row_bytes(self.layout.width).saturating_mul(self.layout.height.into())
    }

    /// Size of a row of this many pixels in bytes, of all samples that are used. Each plane begins with a whole byte.
    fn row_bytes(&self, pixels: u32) -> u64 {
        let bits = u64::from(pixels) * u64::from(self.samples.depth);
        let used = self.used_samples() as u64;
        if self.layout.planar { bits.div_ceil(8) * used } else { (bits * used).div_ceil(8) }
    }

    /// Size of a row of a chunk in bytes, or of a plane of it.
    pub(crate) fn chunk_row_bytes(&self) -> usize {
        let row = self.row_bytes(self.layout.chunk_width);
        (if self.layout.planar { row / self.used_samples() as u64 } else { row }) as usize
    }

    /// Size of the samples that a decoder unpacks in bytes. Chunks are unpacked in their full width.
    fn unpacked_bytes(&self) -> u64 {
        let rows = u64::from(self.layout.columns()) * u64::from(self.layout.height);
        self.row_bytes(self.layout.chunk_width).saturating_mul(rows)
    }

    /// Work in blocks: that of the samples, and that of data that they cannot need, or that is read more than once.
    /// `length` is the size of the file.
    pub(crate) fn work(&self, length: u64) -> u64 {
        (self.unpacked_bytes() / BLOCK)
            .saturating_add(self.chunks_used().saturating_mul(CHUNK_WORK))
            .saturating_add(work::excess(self.data, self.max_data(length)))
    }

    /// Number of chunks that a decoder needs to open.
    fn chunks_used(&self) -> u64 {
        let planes = if self.layout.planar { self.used_samples() as u64 } else { 1 };
        u64::from(self.layout.chunks()) * planes
    }

    /// Maximum work to begin all chunks, in blocks.
    pub(crate) fn chunks_work(&self) -> u64 {
        let beginning = match self.compression {
            Compression::Jpeg => JPEG_WORK,
            Compression::Zstandard => ZSTANDARD_WORK,
            _ => 0,
        };
        self.chunks_used().saturating_mul(CHUNK_WORK + beginning)
    }

    /// Work to unpack a row of a chunk, all samples together, in blocks.
    pub(crate) fn row_work(&self) -> u64 {
        self.row_bytes(self.layout.chunk_width).div_ceil(BLOCK)
    }

    /// Maximum size of the data that the samples can need, in bytes.
    pub(crate) fn max_data(&self, length: u64) -> u64 {
        let samples = match self.compression {
            // A pixel of another colour than its neighbours takes up to six bits.
            Compression::Fax(_) => 6 * self.unpacked_bytes(),
            Compression::Jpeg => 2 * self.unpacked_bytes(),
            _ => self.unpacked_bytes(),
        };
        // Strips may share their data, but then what is read again is more than the samples need. The tables of JPEG data are
        // read for each strip.
        let shared = if self.compression == Compression::Jpeg { 512 * self.listed_chunks } else { 64 << 10 };
        work::max_lzw(samples).min(length + shared)
    }

    /// Where the chunks lie in the same file.
    pub(crate) fn chunks<'a>(&self, bytes: &'a [u8]) -> Result<ChunkList<'a>, Error> {
        ChunkList::read(&self.page(bytes)?)
    }

    fn page<'a>(&self, bytes: &'a [u8]) -> Result<Ifd<'a>, Error> {
        let page = Ifd::first(bytes).and_then(|first| first.at(self.directory));
        page.ok_or_else(|| Error::damaged("no directory"))
    }

    /// Returns the colour profile.
    pub(crate) fn profile<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        Some(self.page(bytes).ok()?.find(PROFILE)?.bytes())
    }

    /// Returns the tables that all pieces of JPEG data share, as a JPEG without a frame.
    pub(crate) fn jpeg_tables<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        Some(self.page(bytes).ok()?.find(JPEG_TABLES)?.bytes())
    }

    /// Reads the palette at 8 bits per sample. It has a colour for each index.
    pub(crate) fn palette(&self, bytes: &[u8]) -> Result<Vec<[u8; 3]>, Error> {
        let values = self.page(bytes)?.find(COLOUR_MAP).ok_or_else(|| Error::damaged("no palette"))?;
        let colours = 1_usize << self.samples.depth;
        let all = || values.numbers().take(3 * colours);
        // Some writers multiply eight bits by 256, others by 257, and some stored them as they are. The latter are
        // recognised as in libtiff, by a palette without larger values.
        let is_wide = all().any(|value| value > 255);
        let narrow = |value: u64| (if is_wide { value >> 8 } else { value }) as u8;
        let value = |index| values.number(index).map(narrow);
        (0..colours)
            .map(|index| Some([value(index)?, value(colours + index)?, value(2 * colours + index)?]))
            .collect::<Option<_>>()
            .ok_or_else(|| Error::damaged("the palette is truncated"))
    }

    /// Weights of red, green and blue in luma (`YCbCrCoefficients`), by default those of ITU-R BT.601.
    pub(crate) fn luma_weights(&self, bytes: &[u8]) -> [f64; 3] {
        let field = self.page(bytes).ok().and_then(|page| page.find(YCBCR_COEFFICIENTS));
        let listed = |index| field.as_ref().and_then(|field| field.rational(index));
        match [listed(0), listed(1), listed(2)] {
            [Some(red), Some(green), Some(blue)] if green > 0.0 => [red, green, blue],
            _ => [0.299, 0.587, 0.114],
        }
    }

    /// The codes of black and white of Y, and of no and full chroma of Cb and Cr (`ReferenceBlackWhite`).
    pub(crate) fn reference_black_white(&self, bytes: &[u8]) -> [f64; 6] {
        let field = self.page(bytes).ok().and_then(|page| page.find(REFERENCE_BLACK_WHITE));
        let default = [0.0, 255.0, 128.0, 255.0, 128.0, 255.0];
        let listed = |index| field.as_ref().and_then(|field| field.rational(index));
        std::array::from_fn(|index| listed(index).unwrap_or(default[index]))
    }
}

/// Reads the metadata of a page. The tags of EXIF lie in its own directory.
fn metadata(directory: &Ifd<'_>) -> Metadata {
    let mut metadata = Metadata::default();
    metadata.add_directory(directory);
    if let Some(packet) = directory.find(XMP) {
        metadata.add_xmp(packet.bytes());
    }
    metadata
}
