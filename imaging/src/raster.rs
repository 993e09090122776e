//! Decoded pixels: eight-bit sRGB, opaque, rows top to bottom without padding.

/// A picture in memory, three bytes a pixel. Never empty: both sides are 1 at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    width: u32,
    height: u32,
    data: Vec<u8>,
}

impl Raster {
    /// A raster over `data`, or `None` where a side is 0 or the length is not `width × height × 3`.
    #[must_use]
    pub fn new(width: u32, height: u32, data: Vec<u8>) -> Option<Self> {
        let bytes = u64::from(width) * u64::from(height) * 3;
        (bytes > 0 && data.len() as u64 == bytes).then_some(Self { width, height, data })
    }

    /// Pixels across.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels down.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// All bytes: `[r, g, b]` a pixel, row by row.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The bytes alone, as in [`Raster::data`].
    #[must_use]
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// The pixels, row by row.
    #[must_use]
    pub fn pixels(&self) -> &[[u8; 3]] {
        self.data.as_chunks::<3>().0
    }

    /// The pixel at column `x` of row `y`. Panics outside of the picture.
    #[must_use]
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        self.pixels()[y as usize * self.width as usize + x as usize]
    }
}
