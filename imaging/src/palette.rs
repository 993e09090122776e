//! Extracts the palette of a picture: exactly the requested number of colours, most frequent first. The engine calls
//! it. It cannot fail.
//!
//! At most [`SAMPLE_LIMIT`] pixels are counted in a histogram, so the work is bounded for any picture. Three rules decide
//! what counts as a colour:
//! - A picture with at most the requested number of distinct colours gets exactly these.
//! - Otherwise the colours are chosen so that they cover what is in the picture (see [`balanced`]), or as the service before
//!   this one did (see [`classic`]).
//! - Where the picture has fewer colours that can be told apart, shades of them are added (see [`shades`]), with share 0.
//!
//! A share refers to all pixels. The shares of a palette sum to 1.

mod balanced;
mod classic;
mod histogram;
mod points;
mod shades;

use crate::swatch::describe_all;
use crate::{Options, PaletteMethod, Raster, Swatch};
use histogram::{ColorCount, Histogram};

/// Maximum number of pixels that are counted.
const SAMPLE_LIMIT: usize = 1 << 18;

/// Maximum number of pixels that the crate color-thief reads.
const CLASSIC_LIMIT: usize = 1 << 16;

/// Extracts a palette of exactly `colors` swatches. The number is clamped to [`Options::COLORS`]. `small` is a reduced copy
/// of the picture, or the picture itself.
#[must_use]
pub fn extract(raster: &Raster, small: &Raster, method: PaletteMethod, colors: usize) -> Vec<Swatch> {
    let colors = colors.clamp(usize::from(*Options::COLORS.start()), usize::from(*Options::COLORS.end()));
    let mut real = real_colors(raster, small, method, colors);
    if method == PaletteMethod::Balanced {
        // Equal counts are ordered by colour, so that the order of the pixels has no influence.
        real.sort_unstable_by_key(|color| (std::cmp::Reverse(color.count), color.rgb));
    }
    let total: u64 = real.iter().map(|color| color.count).sum();

    let mut palette: Vec<_> =
        real.iter().map(|color| (color.rgb, color.count as f64 / total as f64, false)).collect();
    let missing = colors - palette.len();
    if missing > 0 {
        let bases: Vec<_> = real.iter().map(|color| color.rgb).collect();
        palette.extend(shades::derive(&bases, missing).into_iter().map(|rgb| (rgb, 0.0, true)));
    }
    describe_all(&palette)
}

/// Finds one to `colors` colours that occur in the picture.
fn real_colors(raster: &Raster, small: &Raster, method: PaletteMethod, colors: usize) -> Vec<ColorCount> {
    let bins = Histogram::of(raster.pixels(), SAMPLE_LIMIT).bins();
    if bins.len() <= colors
        && let Some(exact) = histogram::distinct(raster.pixels(), SAMPLE_LIMIT, colors)
    {
        return exact;
    }
    let chosen = match method {
        PaletteMethod::Balanced => {
            balanced::choose(&Histogram::of(small.pixels(), SAMPLE_LIMIT).bins(), &bins, colors)
        }
        PaletteMethod::Classic => {
            classic::choose(&histogram::sampled(raster.pixels(), CLASSIC_LIMIT), &bins, colors)
        }
    };
    // The crate leaves out white, and so may leave out everything.
    if chosen.is_empty() { balanced::choose(&bins, &bins, colors) } else { chosen }
}
