//! The colours of a picture: exactly as many as were asked for, most frequent first.
//!
//! The method is the one of `ColorThief`: a histogram of five bits a channel, cut at medians (MMCQ, see
//! [`mmcq`]). Work is bounded whatever the picture's size: at most [`SAMPLE`] pixels are looked at.
//!
//! Three rules decide what counts as a colour:
//! - A picture with no more different colours than were asked for gets exactly these.
//! - Otherwise near-white pixels (every channel above [`WHITE`]) are paper and left out, as `ColorThief` does,
//!   unless too few colours are found without them: then they are one colour more.
//! - Where the picture still has too few, shades of its colours follow (see [`derived`]) with share 0.
//!
//! A share is a part of the pixels that were considered: all of them, or all but the near-white ones where
//! these were left out. The shares of a palette sum to 1. Nothing here can fail.

mod derived;
mod histogram;
mod mmcq;

use crate::swatch::describe;
use crate::{Options, Raster, Swatch};
use histogram::Histogram;

/// The most pixels that are looked at.
const SAMPLE: usize = 1 << 18;

/// A pixel whose three channels all lie above this is near-white.
const WHITE: u8 = 250;

/// A colour of the picture and how many of the pixels looked at it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counted {
    rgb: [u8; 3],
    count: u64,
}

/// The palette of `raster`: exactly `colors` swatches, the number held to [`Options::COLORS`].
#[must_use]
pub fn extract(raster: &Raster, colors: usize) -> Vec<Swatch> {
    let colors = colors.clamp(usize::from(*Options::COLORS.start()), usize::from(*Options::COLORS.end()));
    let mut real = real_colors(raster, colors);
    // Equal counts are ordered by the colour itself, so that the order of pixels never shows.
    real.sort_unstable_by_key(|color| (std::cmp::Reverse(color.count), color.rgb));
    let total: u64 = real.iter().map(|color| color.count).sum();

    let mut palette: Vec<_> =
        real.iter().map(|color| describe(color.rgb, color.count as f64 / total as f64, false)).collect();
    let missing = colors - palette.len();
    if missing > 0 {
        let bases: Vec<_> = real.iter().map(|color| color.rgb).collect();
        palette.extend(derived::shades(&bases, missing).into_iter().map(|rgb| describe(rgb, 0.0, true)));
    }
    palette
}

/// One to `colors` colours that the picture really has.
fn real_colors(raster: &Raster, colors: usize) -> Vec<Counted> {
    let histogram = Histogram::of(raster.pixels(), SAMPLE);
    let (mut bins, white) = histogram.into_bins();
    if bins.len() <= colors
        && let Some(exact) = histogram::distinct(raster.pixels(), SAMPLE, colors)
    {
        return exact;
    }
    let mut real = mmcq::quantize(&mut bins, colors);
    if real.len() < colors {
        real.extend(white);
    }
    real
}
