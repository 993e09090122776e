//! Derives shades for a picture that has fewer colours than requested. The palette calls it; it cannot fail.
//!
//! A shade keeps the hue of a real colour, and as much of its chroma as sRGB can show at another lightness (Oklch).
//! Each shade is the candidate farthest from all colours so far. Shades therefore spread evenly, no two are equal, and
//! a request for more keeps the earlier ones.

use ::palette::color_difference::EuclideanDistance;
use ::palette::{FromColor, Oklab, Oklch};

use crate::oklch::{oklab, shown};

/// Lightness of the darkest shade. It must not look black.
const DARKEST: f32 = 0.22;
/// Lightness of the lightest shade. It must not look white.
const LIGHTEST: f32 = 0.95;
/// Number of candidates per colour. It exceeds the longest palette, so there are always enough.
const STEPS: u8 = 48;

/// Derives `count` shades of `bases`, different from these and from each other.
pub(super) fn derive(bases: &[[u8; 3]], count: usize) -> Vec<[u8; 3]> {
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
        // Of equal candidates the first wins: the shade of the more frequent colour.
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

/// A possible shade, and its squared distance to the nearest colour chosen so far.
#[derive(Clone, Copy)]
struct Candidate {
    rgb: [u8; 3],
    lab: Oklab,
    nearest: f32,
}

/// Returns `base` at a lightness from [`DARKEST`] (0) to [`LIGHTEST`] (1).
fn shade(base: [u8; 3], place: f32) -> [u8; 3] {
    let mut color = Oklch::from_color(oklab(base));
    color.l = DARKEST + (LIGHTEST - DARKEST) * place;
    shown(color)
}
