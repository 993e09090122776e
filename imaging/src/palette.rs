//! Extracts the palette of a picture: exactly the requested number of colours, most frequent first. The engine calls
//! it. It cannot fail.
//!
//! The method is that of `ColorThief`: a histogram with five bits per channel, quantised by median cut (see [`mmcq`]).
//! At most [`SAMPLE_LIMIT`] pixels are counted, so the work is bounded for any picture.
//!
//! Three rules decide what counts as a colour:
//! - A picture with at most the requested number of distinct colours gets exactly these.
//! - Otherwise near-white pixels count as paper and are left out, as in `ColorThief`. Where too few colours are found
//!   without them, they count as one more colour.
//! - Where the picture still has too few colours, shades of them are added (see [`shades`]), with share 0.
//!
//! A share refers to the pixels that were considered: all of them, or all except the near-white ones. The shares of a
//! palette sum to 1.

mod histogram;
mod mmcq;
mod shades;

use crate::swatch::describe;
use crate::{Options, Raster, Swatch};
use histogram::{ColorCount, Histogram};

/// Maximum number of pixels that are counted.
const SAMPLE_LIMIT: usize = 1 << 18;

/// Extracts a palette of exactly `colors` swatches. The number is clamped to [`Options::COLORS`].
#[must_use]
pub fn extract(raster: &Raster, colors: usize) -> Vec<Swatch> {
    let colors = colors.clamp(usize::from(*Options::COLORS.start()), usize::from(*Options::COLORS.end()));
    let mut real = real_colors(raster, colors);
    // Equal counts are ordered by colour, so that the order of the pixels has no influence.
    real.sort_unstable_by_key(|color| (std::cmp::Reverse(color.count), color.rgb));
    let total: u64 = real.iter().map(|color| color.count).sum();

    let mut palette: Vec<_> =
        real.iter().map(|color| describe(color.rgb, color.count as f64 / total as f64, false)).collect();
    let missing = colors - palette.len();
    if missing > 0 {
        let bases: Vec<_> = real.iter().map(|color| color.rgb).collect();
        palette.extend(shades::derive(&bases, missing).into_iter().map(|rgb| describe(rgb, 0.0, true)));
    }
    palette
}

/// Finds one to `colors` colours that occur in the picture.
fn real_colors(raster: &Raster, colors: usize) -> Vec<ColorCount> {
    let histogram = Histogram::of(raster.pixels(), SAMPLE_LIMIT);
    let (mut bins, white) = histogram.into_bins();
    if bins.len() <= colors
        && let Some(exact) = histogram::distinct(raster.pixels(), SAMPLE_LIMIT, colors)
    {
        return exact;
    }
    let mut real = mmcq::quantize(&mut bins, colors);
    if real.len() < colors {
        real.extend(white);
    }
    real
}
