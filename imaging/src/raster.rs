//! Holds decoded pixels: 8-bit sRGB, opaque, in rows from top to bottom without padding. Every stage works on it.

/// A picture in memory, with three bytes per pixel. It is never empty: both sides are at least 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    width: u32,
    height: u32,
    data: Vec<u8>,
}

impl Raster {
    /// Creates a raster from `data`. Returns `None` if a side is 0 or the length is not `width × height × 3`.
    #[must_use]
    pub fn new(width: u32, height: u32, data: Vec<u8>) -> Option<Self> {
        let bytes = u64::from(width) * u64::from(height) * 3;
        (bytes > 0 && data.len() as u64 == bytes).then_some(Self { width, height, data })
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// All bytes, row by row: red, green and blue of each pixel.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Returns the bytes and drops the rest. See [`Raster::data`].
    #[must_use]
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// The pixels, row by row.
    #[must_use]
    pub fn pixels(&self) -> &[[u8; 3]] {
        self.data.as_chunks::<3>().0
    }

    /// The pixel at column `x` of row `y`. Panics outside the picture.
    #[must_use]
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        self.pixels()[y as usize * self.width as usize + x as usize]
    }
}
