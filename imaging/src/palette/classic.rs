//! The palette of the service before this one: the crate color-thief (modified median cut) on a bounded sample, in its own
//! order. Around it stands what it lacks: it may return fewer colours than asked for, or one twice, and tells no shares.
//! Where it fails, there are no colours, and the caller adds what is missing.

use color_thief::{ColorFormat, get_palette};

use super::histogram::{Bin, ColorCount};
use crate::oklch::oklab;
use ::palette::color_difference::EuclideanDistance;

/// The crate reads every third pixel, even at its best quality.
const STEP: usize = 3;

/// Finds up to `colors` colours of a sample of the pixels. `bins` are all that are counted.
pub(super) fn choose(sample: &[[u8; 3]], bins: &[Bin], colors: usize) -> Vec<ColorCount> {
    let bytes: Vec<u8> = sample.iter().flat_map(|pixel| [*pixel; STEP]).flatten().collect();
    // Above seven colours, the crate returns one fewer than requested.
    let requested = if colors > 7 { colors + 1 } else { colors } as u8;
    let found = get_palette(&bytes, ColorFormat::Rgb, 1, requested).unwrap_or_default();
    let mut distinct: Vec<ColorCount> = Vec::with_capacity(colors);
    for color in found {
        let rgb = [color.r, color.g, color.b];
        if distinct.len() < colors && distinct.iter().all(|other| other.rgb != rgb) {
            distinct.push(ColorCount { rgb, count: 0 });
        }
    }
    count(&mut distinct, bins);
    // A colour that nothing is nearest to is the mean of an empty box.
    distinct.retain(|color| color.count > 0);
    distinct
}

/// Counts each pixel for the colour that is nearest in Oklab.
fn count(colors: &mut [ColorCount], bins: &[Bin]) {
    let places: Vec<_> = colors.iter().map(|color| oklab(color.rgb)).collect();
    for bin in bins {
        let place = oklab(bin.mean());
        let distances = places.iter().map(|other| other.distance_squared(place)).enumerate();
        if let Some((nearest, _)) = distances.reduce(|a, b| if b.1 < a.1 { b } else { a }) {
            colors[nearest].count += u64::from(bin.count);
        }
    }
}
