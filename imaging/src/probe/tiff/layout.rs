//! How the samples of a TIFF are divided into strips or tiles (the code calls both chunks), and where their data lies.

use super::tags::{
    IMAGE_DEPTH, IMAGE_LENGTH, IMAGE_WIDTH, PLANAR_CONFIGURATION, ROWS_PER_STRIP, STRIP_BYTE_COUNTS,
    STRIP_OFFSETS, TILE_BYTE_COUNTS, TILE_LENGTH, TILE_OFFSETS, TILE_WIDTH,
};
use crate::{
    Error,
    ifd::{Ifd, IfdValues},
};

/// Maximum width and height of a tile, in pixels.
const MAX_TILE_SIDE: u32 = 65_536;

/// Size of the page, and how it is divided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Width of a chunk. Tiles at the right edge extend beyond the page.
    pub(crate) chunk_width: u32,
    /// Height of a chunk. At the lower edge, tiles extend beyond the page, and the last strip may be lower.
    pub(crate) chunk_height: u32,
    /// Whether each sample has chunks of its own.
    pub(crate) planar: bool,
}

impl Layout {
    pub(super) fn read(directory: &Ifd<'_>) -> Result<Self, Error> {
        let number = |tag| directory.number(tag);
        let side = |tag| number(tag).and_then(|side| u32::try_from(side).ok()).filter(|&side| side > 0);
        let (width, height) = side(IMAGE_WIDTH)
            .zip(side(IMAGE_LENGTH))
            .ok_or_else(|| Error::damaged("a directory without a size"))?;
        if number(IMAGE_DEPTH).is_some_and(|depth| depth > 1) {
            return Err(Error::Unsupported("TIFF of a volume"));
        }
        let planar = match number(PLANAR_CONFIGURATION).unwrap_or(1) {
            1 => false,
            2 => true,
            _ => return Err(Error::Unsupported("TIFF with an unknown arrangement of planes")),
        };
        let tile = side(TILE_WIDTH).zip(side(TILE_LENGTH));
        let strip = || (width, side(ROWS_PER_STRIP).unwrap_or(height).min(height));
        let (chunk_width, chunk_height) = tile.unwrap_or_else(strip);
        if tile.is_some() && chunk_width.max(chunk_height) > MAX_TILE_SIDE {
            return Err(Error::damaged("a tile that is too large"));
        }
        Ok(Self { width, height, chunk_width, chunk_height, planar })
    }

    /// Number of chunks side by side.
    pub(crate) fn columns(&self) -> u32 {
        self.width.div_ceil(self.chunk_width)
    }

    /// Number of chunks of the page, or of each plane.
    pub(crate) fn chunks(&self) -> u32 {
        self.columns().saturating_mul(self.height.div_ceil(self.chunk_height))
    }
}

/// Where the data of each chunk lies in the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChunkList<'a> {
    offsets: IfdValues<'a>,
    /// Missing in some old files.
    sizes: Option<IfdValues<'a>>,
}

impl<'a> ChunkList<'a> {
    pub(super) fn read(directory: &Ifd<'a>) -> Result<Self, Error> {
        let list = |tags: [u16; 2]| tags.into_iter().find_map(|tag| directory.find(tag));
        let offsets =
            list([TILE_OFFSETS, STRIP_OFFSETS]).ok_or_else(|| Error::damaged("no strips or tiles"))?;
        Ok(Self { offsets, sizes: list([TILE_BYTE_COUNTS, STRIP_BYTE_COUNTS]) })
    }

    /// Start and end of a chunk's data, by its number. Where the size is missing, the data may reach the end of the file.
    pub(crate) fn span(&self, chunk: u32) -> Option<(usize, usize)> {
        let start = self.offsets.number(chunk as usize)?;
        let size = match &self.sizes {
            Some(sizes) => sizes.number(chunk as usize)?,
            None => u64::MAX,
        };
        let end = usize::try_from(start.saturating_add(size)).unwrap_or(usize::MAX);
        usize::try_from(start).ok().map(|start| (start, end))
    }

    /// Sum of the sizes, and the largest one. Where they are missing, nothing bounds the largest.
    pub(super) fn sizes(&self) -> (u64, u64) {
        let Some(sizes) = self.sizes else { return (0, u64::MAX) };
        sizes.numbers().fold((0, 0), |(sum, max): (u64, u64), size| (sum.saturating_add(size), max.max(size)))
    }
}
