//! Shades for a picture with fewer colours than were asked for.
//!
//! Every shade keeps the hue of a real colour and as much of its chroma as sRGB can show at another
//! lightness (Oklch). Each one is the candidate that lies farthest from all colours so far, so shades spread
//! evenly, no two are equal, and asking for more never changes the ones before.

use ::palette::color_difference::EuclideanDistance;
use ::palette::{FromColor, convert::FromColorUnclamped};
use ::palette::{IsWithinBounds, LinSrgb, Oklab, Oklch, Srgb};

use crate::swatch::oklab;

/// Lightness of the darkest and the lightest shade: neither is mistaken for black or white.
const DARKEST: f32 = 0.22;
const LIGHTEST: f32 = 0.95;
/// Shades that each colour has to offer. More than the longest palette, so that there are always enough.
const STEPS: u8 = 48;

/// `count` shades of `bases`, different from these and from each other.
pub(super) fn shades(bases: &[[u8; 3]], count: usize) -> Vec<[u8; 3]> {
    let taken: Vec<_> = bases.iter().map(|&rgb| oklab(rgb)).collect();
    let mut candidates: Vec<_> = bases
        .iter()
        .flat_map(|&base| (0..STEPS).map(move |step| shade(base, f32::from(step) / f32::from(STEPS - 1))))
        .map(|rgb| {
            let lab = oklab(rgb);
            let nearest = taken.iter().map(|other| other.distance_squared(lab)).fold(f32::MAX, f32::min);
            Candidate { rgb, lab, nearest }
        })
        .collect();

    let mut shades = Vec::with_capacity(count);
    while shades.len() < count {
        // The first of equals: the shade of the more frequent colour.
        let Some(best) = candidates.iter().copied().reduce(|a, b| if b.nearest > a.nearest { b } else { a })
        else {
            break;
        };
        shades.push(best.rgb);
        for candidate in &mut candidates {
            candidate.nearest = candidate.nearest.min(candidate.lab.distance_squared(best.lab));
        }
    }
    shades
}

/// A shade that may be taken, and the squared distance to the nearest colour that was.
#[derive(Clone, Copy)]
struct Candidate {
    rgb: [u8; 3],
    lab: Oklab,
    nearest: f32,
}

/// `base` at a lightness from [`DARKEST`] (0) to [`LIGHTEST`] (1), its chroma lowered until sRGB can show it.
fn shade(base: [u8; 3], place: f32) -> [u8; 3] {
    let mut color = Oklch::from_color(oklab(base));
    color.l = DARKEST + (LIGHTEST - DARKEST) * place;
    let (mut shown, mut most) = (0.0, color.chroma);
    if !linear(color).is_within_bounds() {
        for _ in 0..16 {
            color.chroma = f32::midpoint(shown, most);
            if linear(color).is_within_bounds() { shown = color.chroma } else { most = color.chroma }
        }
        color.chroma = shown;
    }
    Srgb::<u8>::from_linear(linear(color)).into()
}

fn linear(color: Oklch) -> LinSrgb {
    LinSrgb::from_color_unclamped(color)
}
