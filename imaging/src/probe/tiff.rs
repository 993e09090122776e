//! Reads the header of a TIFF (TIFF 6.0): the directory of the first page. It also computes the size of the strips or
//! tiles (the code calls both chunks), because a decoder holds a whole one.

use crate::work::{self, BLOCK};
use crate::{Error, ifd::Ifd, metadata::Metadata};

const IMAGE_WIDTH: u16 = 256;
const IMAGE_LENGTH: u16 = 257;
const BITS_PER_SAMPLE: u16 = 258;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const STRIP_OFFSETS: u16 = 273;
const STRIP_BYTE_COUNTS: u16 = 279;
const PLANAR_CONFIGURATION: u16 = 284;
const PREDICTOR: u16 = 317;
const TILE_BYTE_COUNTS: u16 = 325;
const SAMPLE_FORMAT: u16 = 339;
const SUBSAMPLING: u16 = 530;
const XMP: u16 = 700;
const SAMPLES_PER_PIXEL: u16 = 277;
const ROWS_PER_STRIP: u16 = 278;
const COLOUR_MAP: u16 = 320;
const TILE_WIDTH: u16 = 322;
const TILE_LENGTH: u16 = 323;
const TILE_OFFSETS: u16 = 324;
const EXTRA_SAMPLES: u16 = 338;
const PROFILE: u16 = 34675;

/// Tags of the lists of chunk offsets and chunk sizes.
const CHUNK_LISTS: [u16; 4] = [STRIP_OFFSETS, STRIP_BYTE_COUNTS, TILE_OFFSETS, TILE_BYTE_COUNTS];

/// Maximum number of directory entries.
const MAX_ENTRIES: usize = 4096;
/// Maximum number of samples per pixel.
const MAX_SAMPLES: u64 = 16;
/// Maximum number of strips or tiles.
const MAX_CHUNKS: u64 = 65_536;
/// Maximum width and height of a tile, in pixels.
const MAX_TILE_SIDE: u32 = 65_536;

/// The fields of the directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) depth: u8,
    pub(crate) samples: u16,
    /// Whether the first sample after the colour is its opacity.
    pub(crate) alpha: bool,
    /// Whether the colour is multiplied by the opacity.
    pub(crate) associated: bool,
    /// Whether each sample has its own chunks.
    pub(crate) planar: bool,
    pub(crate) metadata: Metadata,
    /// Width and height of a chunk. Chunks at the edges may extend beyond the page.
    pub(crate) chunk_size: (u32, u32),
    /// Decoded size of the largest chunk within the page in bytes, all samples together.
    pub(crate) chunk: u64,
    /// Number of chunks that the directory claims to have.
    pub(crate) chunks: u64,
    /// Compressed size of all chunks in bytes, as the directory states it, or 0 where they are not compressed.
    data: u64,
    /// Size of the colour profile in bytes.
    pub(crate) profile: u64,
    /// Offset of the byte that marks samples as palette indices, if they are.
    pub(crate) palette: Option<usize>,
}

impl Header {
    /// Reads the first directory. A decoder reads the lists into memory, so their lengths are checked first.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let directory = Ifd::first(bytes).ok_or_else(|| Error::damaged("no directory"))?;
        if !has_sane_lists(&directory) {
            return Err(Error::damaged("a directory with too many entries or values"));
        }
        let number = |tag| directory.number(tag);
        let side = |tag| number(tag).and_then(|side| u32::try_from(side).ok()).filter(|&side| side > 0);
        let (width, height) = side(IMAGE_WIDTH)
            .zip(side(IMAGE_LENGTH))
            .ok_or_else(|| Error::damaged("a directory without a size"))?;
        let depth = number(BITS_PER_SAMPLE).unwrap_or(1);
        let samples = number(SAMPLES_PER_PIXEL).unwrap_or(1);
        if !matches!(depth, 1 | 2 | 4 | 8 | 16) || !(1..=MAX_SAMPLES).contains(&samples) {
            return Err(Error::Unsupported("TIFF with an unusual depth or number of samples"));
        }
        if matches!(number(COMPRESSION), Some(6 | 7)) {
            // The JPEG data of a strip states its own size, which would not be checked.
            return Err(Error::Unsupported("JPEG-compressed TIFF"));
        }
        let tile = side(TILE_WIDTH).zip(side(TILE_LENGTH));
        let (across, down) = tile.unwrap_or_else(|| (width, side(ROWS_PER_STRIP).unwrap_or(height)));
        if tile.is_some() && across.max(down) > MAX_TILE_SIDE {
            return Err(Error::damaged("a tile that is too large"));
        }
        let row = (u64::from(across.min(width)) * samples * depth).div_ceil(8);
        let palette = directory.find(PHOTOMETRIC).filter(|field| field.number(0) == Some(3));
        let extra = directory.number(EXTRA_SAMPLES);
        Ok(Self {
            width,
            height,
            depth: depth as u8,
            samples: samples as u16,
            alpha: matches!(extra, Some(1 | 2)),
            associated: extra == Some(1),
            planar: number(PLANAR_CONFIGURATION) == Some(2),
            metadata: read_metadata(bytes, &directory),
            chunk_size: (across, down),
            // The rows of each plane are rounded up separately.
            chunk: (row + samples).saturating_mul(u64::from(down.min(height))),
            chunks: CHUNK_LISTS.iter().flat_map(|&tag| directory.counts(tag)).max().unwrap_or(0),
            data: if matches!(number(COMPRESSION), None | Some(1)) { 0 } else { data_size(&directory) },
            profile: directory.find(PROFILE).map_or(0, |field| field.bytes().len() as u64),
            palette: palette.and_then(|field| field.lowest_byte_offset()),
        })
    }
}

impl Header {
    /// Size of the page's samples before compression, in bytes.
    pub(crate) fn raw_bytes(&self) -> u64 {
        self.row_bytes(self.width).saturating_mul(self.height.into())
    }

    /// Size of a row of this many pixels in bytes, all samples together.
    fn row_bytes(&self, pixels: u32) -> u64 {
        (u64::from(pixels) * u64::from(self.samples) * u64::from(self.depth)).div_ceil(8)
    }

    /// Size of the samples that a decoder unpacks in bytes. Chunks are unpacked in their full width.
    fn unpacked_bytes(&self) -> u64 {
        let columns = u64::from(self.width.div_ceil(self.chunk_size.0));
        self.row_bytes(self.chunk_size.0).saturating_mul(columns * u64::from(self.height))
    }

    /// Work in blocks: that of the samples, and that of data that they cannot need, or that is read more than once.
    /// `length` is the size of the file.
    pub(crate) fn work(&self, length: u64) -> u64 {
        (self.unpacked_bytes() / BLOCK).saturating_add(work::excess(self.data, self.max_data(length)))
    }

    /// Work to unpack a chunk of this many rows, all samples together, in blocks.
    pub(crate) fn chunk_work(&self, rows: u32) -> u64 {
        self.row_bytes(self.chunk_size.0).saturating_mul(rows.into()).div_ceil(BLOCK)
    }

    /// Maximum size of the data that may be read, in bytes.
    pub(crate) fn max_data(&self, length: u64) -> u64 {
        work::max_lzw(self.unpacked_bytes()).min(length + 512 * self.chunks)
    }
}

/// Reads the page's metadata. The tags of EXIF lie in the page's own directory.
fn read_metadata(bytes: &[u8], directory: &Ifd<'_>) -> Metadata {
    let mut metadata = Metadata::default();
    metadata.add_exif(bytes);
    if let Some(packet) = directory.find(XMP) {
        metadata.add_xmp(packet.bytes());
    }
    metadata
}

/// Sum of the sizes of the chunks.
fn data_size(directory: &Ifd<'_>) -> u64 {
    let lists = [STRIP_BYTE_COUNTS, TILE_BYTE_COUNTS].into_iter().filter_map(|tag| directory.find(tag));
    lists.flat_map(|list| (0..).map_while(move |index| list.number(index))).fold(0, u64::saturating_add)
}

/// Returns a function that gives start and end of each chunk's data in the file, by its number.
pub(crate) fn chunk_span(bytes: &[u8]) -> Option<impl Fn(u32) -> Option<(usize, usize)>> {
    let directory = Ifd::first(bytes)?;
    let list = |tags: [u16; 2]| tags.into_iter().find_map(|tag| directory.find(tag));
    let offsets = list([TILE_OFFSETS, STRIP_OFFSETS])?;
    let sizes = list([TILE_BYTE_COUNTS, STRIP_BYTE_COUNTS])?;
    Some(move |chunk| {
        let start = offsets.number(chunk as usize)?;
        let end = start.checked_add(sizes.number(chunk as usize)?)?;
        usize::try_from(start).ok().zip(usize::try_from(end).ok())
    })
}

/// Whether no list of the directory claims more values than a picture needs, and none occurs twice.
fn has_sane_lists(directory: &Ifd<'_>) -> bool {
    let once =
        |tag, max| directory.counts(tag).all(|count| count <= max) && directory.counts(tag).count() <= 1;
    let numbers = [
        IMAGE_WIDTH,
        IMAGE_LENGTH,
        BITS_PER_SAMPLE,
        COMPRESSION,
        PHOTOMETRIC,
        SAMPLES_PER_PIXEL,
        ROWS_PER_STRIP,
        PLANAR_CONFIGURATION,
        PREDICTOR,
        TILE_WIDTH,
        TILE_LENGTH,
        EXTRA_SAMPLES,
        SAMPLE_FORMAT,
        SUBSAMPLING,
    ];
    directory.len() <= MAX_ENTRIES
        && numbers.iter().all(|&tag| once(tag, MAX_SAMPLES))
        && CHUNK_LISTS.iter().all(|&tag| once(tag, MAX_CHUNKS))
}

/// Returns the colour profile of the first page.
pub(crate) fn profile(bytes: &[u8]) -> Option<&[u8]> {
    Some(Ifd::first(bytes)?.find(PROFILE)?.bytes())
}

/// Returns a function that reads the 16-bit value at an index of the first page's palette.
pub(crate) fn palette_value(bytes: &[u8]) -> Option<impl Fn(usize) -> Option<u16>> {
    let field = Ifd::first(bytes)?.find(COLOUR_MAP)?;
    Some(move |index| field.number(index).map(|value| value as u16))
}
