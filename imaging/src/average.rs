//! Computes the average colour of a picture, and whether it is dark. The colour summary uses it. It cannot fail, but there
//! is no average without pixels.
//!
//! The mean is computed in linear light, as a lens out of focus does it. The mean of sRGB values would be too dark.

use std::sync::LazyLock;

use ::palette::{LinSrgb, Srgb};

use crate::Raster;
use crate::contrast::{linear, luminance};

/// Luminance below which a colour is dark. It corresponds to lightness 49.4 in CIELAB, half-way between black and white, and
/// black and white text have the same contrast on it. So white text is the more readable one exactly on dark colours.
pub const DARK_LUMINANCE: f64 = 0.179_129;

/// Number of neighbouring pixels that [`of_raster`] reads together: most of the time passes until the first one is in the
/// cache.
const RUN: usize = 8;

/// Maximum number of such runs. The mean is then within one of 256 levels, or nearly so.
const RUNS: usize = 1 << 12;

/// The unit of linear values, as whole numbers: sums are exact in any order.
const UNIT: f64 = (1 << 24) as f64;

/// The linear value of each level, in units.
static UNITS: LazyLock<[u32; 256]> =
    LazyLock::new(|| std::array::from_fn(|level| (linear(level as u8) * UNIT).round() as u32));

/// The mean colour of opaque pixels, in linear light. `None` without pixels.
#[must_use]
pub fn average(pixels: impl IntoIterator<Item = [u8; 3]>) -> Option<[u8; 3]> {
    let units = &*UNITS;
    let (mut sum, mut count) = ([0_u64; 3], 0_u64);
    for pixel in pixels {
        for (sum, level) in sum.iter_mut().zip(pixel) {
            *sum += u64::from(units[usize::from(level)]);
        }
        count += 1;
    }
    let [r, g, b] = sum.map(|sum| (sum as f64 / UNIT / count as f64) as f32);
    (count > 0).then(|| Srgb::<u8>::from_linear(LinSrgb::new(r, g, b)).into())
}

/// The mean colour of a picture, from pixels that are spread evenly over it.
#[must_use]
pub fn of_raster(raster: &Raster) -> [u8; 3] {
    let pixels = raster.pixels();
    let mut step = pixels.len().div_ceil(RUNS).max(RUN);
    // With a step that divides the width, every row would be read at the same columns.
    if step > RUN && (raster.width() as usize).is_multiple_of(step) {
        step += 1;
    }
    // A raster is never empty.
    average(pixels.chunks(step).flat_map(|run| &run[..run.len().min(RUN)]).copied()).unwrap_or_default()
}

/// Whether a colour is dark. See [`DARK_LUMINANCE`].
#[must_use]
pub fn is_dark(rgb: [u8; 3]) -> bool {
    luminance(rgb) < DARK_LUMINANCE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contrast::needs_dark_text;

    #[test]
    fn light_is_averaged_and_not_levels() {
        // Half of the light of white is level 188; the mean of the levels would be 128.
        assert_eq!(average([[0; 3], [255; 3]]), Some([188; 3]));
        assert_eq!(average([[255, 0, 0], [0, 0, 255]]), Some([188, 0, 188]));
        assert_eq!(average([]), None);
    }

    #[test]
    fn the_average_of_one_colour_is_that_colour() {
        for level in 0..=255 {
            let rgb = [level, 255 - level, level / 2];
            assert_eq!(average([rgb; 1000]), Some(rgb));
        }
    }

    #[test]
    fn columns_of_a_large_picture_count_equally() {
        let width = 1024;
        let stripes =
            (0..width * 512).flat_map(|index| if index % 8 < 4 { [0; 3] } else { [255; 3] }).collect();
        let raster = Raster::new(width, 512, stripes).unwrap();
        assert_eq!(of_raster(&raster), [188; 3]);
    }

    #[test]
    fn on_a_dark_colour_text_is_white() {
        assert!(is_dark([117; 3]) && !is_dark([118; 3]) && is_dark([0; 3]) && !is_dark([255; 3]));
        for level in 0..=255 {
            for rgb in [[level; 3], [level, 0, 0], [0, level, 0], [0, 0, level], [level, level, 0]] {
                assert_eq!(is_dark(rgb), !needs_dark_text(rgb), "{rgb:?}");
            }
        }
    }
}
