//! Pixels: the decoded picture that every stage works on, and the conversion of decoded samples to it.
//!
//! A [`Raster`] is 8-bit sRGB in rows from top to bottom without padding, opaque unless it has a plane of opacity. The decoders and the colour profiles
//! convert samples one row or a few rows at a time. Only the allocation of a buffer can fail.

use crate::Error;

/// A picture in memory, with three bytes per pixel. It is never empty: both sides are at least 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    width: u32,
    height: u32,
    data: Vec<u8>,
    /// One byte for each pixel, where one is not opaque. Colours are not multiplied by it.
    opacity: Option<Vec<u8>>,
}

impl Raster {
    /// Creates a raster from `data`. Returns `None` if a side is 0 or the length is not `width × height × 3`.
    #[must_use]
    pub fn new(width: u32, height: u32, data: Vec<u8>) -> Option<Self> {
        let bytes = u64::from(width) * u64::from(height) * 3;
        (bytes > 0 && data.len() as u64 == bytes).then_some(Self { width, height, data, opacity: None })
    }

    /// Adds the opacity of each pixel: 0 (transparent) to 255. Returns `None` if there are not as many as pixels.
    #[must_use]
    pub fn with_opacity(self, opacity: Vec<u8>) -> Option<Self> {
        (opacity.len() == self.pixels().len()).then_some(Self { opacity: Some(opacity), ..self })
    }

    /// The opacity of each pixel, row by row. `None` where all are opaque.
    #[must_use]
    pub fn opacity(&self) -> Option<&[u8]> {
        self.opacity.as_deref()
    }

    /// Blends what is not opaque over a colour.
    #[must_use]
    pub fn over(mut self, ground: [u8; 3]) -> Self {
        if let Some(opacity) = self.opacity.take() {
            for (pixel, alpha) in self.data.as_chunks_mut::<3>().0.iter_mut().zip(opacity) {
                if alpha < 255 {
                    pixel
                        .iter_mut()
                        .zip(ground)
                        .for_each(|(sample, ground)| *sample = blend(*sample, ground, alpha));
                }
            }
        }
        self
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

/// Allocates a buffer of zeros. Fails where the machine does not have the memory.
pub(crate) fn zeroed(length: u64) -> Result<Vec<u8>, Error> {
    let length = usize::try_from(length).map_err(Error::damaged)?;
    let mut data = Vec::new();
    data.try_reserve_exact(length).map_err(Error::damaged)?;
    data.resize(length, 0);
    Ok(data)
}

/// Reduces a 16-bit sample to 8 bits, rounded to the nearest value.
pub(crate) fn narrow(value: u16) -> u8 {
    ((u32::from(value) * 255 + 32_895) >> 16) as u8
}

/// Blends `colour` with opacity `alpha` over `ground`, rounded to the nearest value.
fn blend(colour: u8, ground: u8, alpha: u8) -> u8 {
    let sum = u32::from(colour) * u32::from(alpha) + u32::from(ground) * (255 - u32::from(alpha));
    ((sum * 257 + 32_896) >> 16) as u8
}

/// Converts CMYK to RGB without a profile: each ink, and then black, absorbs its part of the light.
pub(crate) fn from_cmyk(samples: &[u8], rgb: &mut [u8]) {
    let light = |ink: u8, black: u8| {
        let product = (255 - u32::from(ink)) * (255 - u32::from(black));
        ((product * 257 + 32_896) >> 16) as u8
    };
    for (pixel, out) in samples.as_chunks::<4>().0.iter().zip(rgb.as_chunks_mut::<3>().0) {
        let [c, m, y, k] = *pixel;
        *out = [light(c, k), light(m, k), light(y, k)];
    }
}

/// Converts grey samples to RGB.
pub(crate) fn from_grey(samples: &[u8], rgb: &mut [u8]) {
    for (&grey, out) in samples.iter().zip(rgb.as_chunks_mut::<3>().0) {
        *out = [grey; 3];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_round_to_the_nearest_value() {
        for value in 0..=u16::MAX {
            assert_eq!(narrow(value), (f64::from(value) / 257.0).round() as u8, "{value}");
        }
        for colour in 0..=255 {
            for alpha in 0..=255 {
                let exact = f64::from(255 * 255 + i32::from(alpha) * (i32::from(colour) - 255)) / 255.0;
                assert_eq!(blend(colour, 255, alpha), exact.round() as u8, "{colour} {alpha}");
            }
        }
    }
}
