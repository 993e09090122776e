//! How large a picture may be. Judged on the header, before anything is allocated.

/// Limits on what a header may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most pixels (width × height).
    pub max_pixels: u64,
    /// Longest side in pixels.
    pub max_side: u32,
}

impl Default for Limits {
    /// 50 megapixels, 16,384 pixels a side.
    fn default() -> Self {
        Self { max_pixels: 50_000_000, max_side: 16_384 }
    }
}
