//! The numbers of the tags of a directory (TIFF 6.0; the supplements of Adobe and of libtiff; DNG 1.7), and the lengths
//! that their lists may have.

use crate::ifd::Ifd;

pub(super) const NEW_SUBFILE_TYPE: u16 = 254;
pub(super) const SUBFILE_TYPE: u16 = 255;
pub(super) const IMAGE_WIDTH: u16 = 256;
pub(super) const IMAGE_LENGTH: u16 = 257;
pub(super) const BITS_PER_SAMPLE: u16 = 258;
pub(super) const COMPRESSION: u16 = 259;
pub(super) const PHOTOMETRIC: u16 = 262;
pub(super) const FILL_ORDER: u16 = 266;
pub(super) const MAKE: u16 = 271;
pub(super) const STRIP_OFFSETS: u16 = 273;
pub(super) const XMP: u16 = 700;
pub(super) const SAMPLES_PER_PIXEL: u16 = 277;
pub(super) const ROWS_PER_STRIP: u16 = 278;
pub(super) const STRIP_BYTE_COUNTS: u16 = 279;
pub(super) const PLANAR_CONFIGURATION: u16 = 284;
pub(super) const T4_OPTIONS: u16 = 292;
pub(super) const T6_OPTIONS: u16 = 293;
pub(super) const PREDICTOR: u16 = 317;
pub(super) const COLOUR_MAP: u16 = 320;
pub(super) const TILE_WIDTH: u16 = 322;
pub(super) const TILE_LENGTH: u16 = 323;
pub(super) const TILE_OFFSETS: u16 = 324;
pub(super) const TILE_BYTE_COUNTS: u16 = 325;
pub(super) const SUB_IFDS: u16 = 330;
pub(super) const INK_SET: u16 = 332;
pub(super) const DOT_RANGE: u16 = 336;
pub(super) const EXTRA_SAMPLES: u16 = 338;
pub(super) const SAMPLE_FORMAT: u16 = 339;
pub(super) const INDEXED: u16 = 346;
pub(super) const JPEG_TABLES: u16 = 347;
pub(super) const YCBCR_COEFFICIENTS: u16 = 529;
pub(super) const YCBCR_SUBSAMPLING: u16 = 530;
pub(super) const REFERENCE_BLACK_WHITE: u16 = 532;
/// libtiff's older form of `ExtraSamples`.
pub(super) const MATTEING: u16 = 32_995;
/// libtiff's older form of `SampleFormat`.
pub(super) const DATA_TYPE: u16 = 32_996;
/// Depth of a volume in pixels.
pub(super) const IMAGE_DEPTH: u16 = 32_997;
pub(super) const PROFILE: u16 = 34_675;
pub(super) const DNG_VERSION: u16 = 50_706;

/// Tags of the lists of chunk offsets and chunk sizes.
pub(super) const CHUNK_LISTS: [u16; 4] = [STRIP_OFFSETS, STRIP_BYTE_COUNTS, TILE_OFFSETS, TILE_BYTE_COUNTS];

/// Maximum number of directory entries.
const MAX_ENTRIES: usize = 4096;
/// Maximum number of samples per pixel.
pub(super) const MAX_SAMPLES: u64 = 16;
/// Maximum number of strips or tiles: 100 megapixels in tiles of 16 × 16, of which each colour has its own.
const MAX_CHUNKS: u64 = 3 * (100_000_000 / 256) + 65_536;

/// Whether the directory is complete, its lists are within the file, none claims more values than a picture needs, and
/// none occurs twice.
pub(super) fn has_sane_lists(directory: &Ifd<'_>) -> bool {
    let once = |tag, max| match directory.counts(tag).count() {
        0 => true,
        1 => directory.counts(tag).all(|count| count <= max) && directory.find(tag).is_some(),
        _ => false,
    };
    let numbers = [
        IMAGE_WIDTH,
        IMAGE_LENGTH,
        BITS_PER_SAMPLE,
        COMPRESSION,
        PHOTOMETRIC,
        FILL_ORDER,
        SAMPLES_PER_PIXEL,
        ROWS_PER_STRIP,
        PLANAR_CONFIGURATION,
        T4_OPTIONS,
        PREDICTOR,
        TILE_WIDTH,
        TILE_LENGTH,
        EXTRA_SAMPLES,
        SAMPLE_FORMAT,
        YCBCR_SUBSAMPLING,
    ];
    directory.is_complete()
        && directory.len() <= MAX_ENTRIES
        && numbers.iter().all(|&tag| once(tag, MAX_SAMPLES))
        && CHUNK_LISTS.iter().all(|&tag| once(tag, MAX_CHUNKS))
}
