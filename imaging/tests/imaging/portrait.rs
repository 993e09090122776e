//! Draws faces: ovals with hair, brows, eyes, nose and mouth, softly shaded. The same seed gives the same picture.

#[path = "../support/monk.rs"]
mod monk;

use huemill_imaging::Raster;

pub(crate) use monk::MONK_TONES;

use crate::common::{grainy, hash, raster};

/// A face to draw.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portrait {
    /// Centre and half the width, in pixels.
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) radius: f32,
    pub(crate) tone: [u8; 3],
    /// What each channel of the whole picture is multiplied with.
    pub(crate) light: [f32; 3],
    pub(crate) seed: u32,
}

/// A soft ellipse on a face, in units of half its width: centre, radii, brightness relative to the skin, and opacity.
type Stroke = (f32, f32, f32, f32, f32, f32);

/// The features of the left half and of the middle. The right half mirrors them.
const STROKES: [Stroke; 13] = [
    (0.36, -0.12, 0.27, 0.17, 0.62, 0.7),
    (0.38, -0.34, 0.25, 0.07, 0.22, 0.9),
    (0.36, -0.10, 0.18, 0.09, 1.25, 0.9),
    (0.36, -0.10, 0.085, 0.09, 0.10, 1.0),
    (0.36, -0.18, 0.20, 0.035, 0.20, 0.9),
    (0.00, 0.10, 0.08, 0.30, 1.15, 0.6),
    (0.14, 0.12, 0.06, 0.28, 0.82, 0.5),
    (0.00, 0.40, 0.22, 0.07, 0.60, 0.7),
    (0.10, 0.40, 0.05, 0.04, 0.25, 0.9),
    (0.45, 0.28, 0.22, 0.18, 1.10, 0.5),
    (0.00, 0.66, 0.31, 0.10, 0.60, 0.9),
    (0.00, 0.65, 0.30, 0.025, 0.25, 0.9),
    (0.00, 0.84, 0.20, 0.05, 0.75, 0.6),
];

/// Draws a face before a background that is lighter below.
pub(crate) fn draw(width: u32, height: u32, portrait: Portrait) -> Raster {
    let warm = hash(1, 2, portrait.seed) % 2;
    raster(width, height, |x, y| {
        let level = 95.0 + 60.0 * y as f32 / height as f32;
        let back = [level, level + 4.0, level + 12.0 * (1 - warm) as f32];
        let (u, v) = ((x as f32 - portrait.x) / portrait.radius, (y as f32 - portrait.y) / portrait.radius);
        let colour = person(u, v, portrait.tone, back);
        let mut channel = 0;
        let lit = colour.map(|value| {
            channel += 1;
            (value * portrait.light[channel - 1]).clamp(0.0, 255.0) as u8
        });
        grainy(lit, 2, x, y, portrait.seed)
    })
}

fn person(u: f32, v: f32, tone: [u8; 3], back: [f32; 3]) -> [f32; 3] {
    let skin = tone.map(f32::from);
    let scaled = |factor: f32| skin.map(|value| value * factor);
    let hair = skin.map(|value| 12.0 + value * 0.12);
    let mut colour = blend(back, hair, cover(u, v, (0.0, -0.2, 1.02, 1.2)));
    colour = blend(colour, scaled(0.65), cover(u, v, (0.0, 1.3, 0.5, 0.7)));
    // The light comes from the upper left, and a face is round.
    let round = 1.06 - 0.22 * u * u - 0.08 * u - 0.05 * v;
    colour = blend(colour, scaled(round), cover(u, v, (0.0, 0.1, 0.82, 1.04)));
    for (x, y, across, down, brightness, opacity) in STROKES {
        let covered = cover(u.abs(), v, (x, y, across, down)) * opacity;
        // The white of an eye is bright in any face.
        let whites = if brightness > 1.2 { 90.0 } else { 0.0 };
        colour = blend(colour, scaled(brightness * round).map(|value| value + whites), covered);
    }
    colour
}

/// How far a point is inside an ellipse: 1 within, 0 outside, with a soft edge.
fn cover(u: f32, v: f32, (x, y, across, down): (f32, f32, f32, f32)) -> f32 {
    let distance = ((u - x) / across).hypot((v - y) / down);
    ((1.0 - distance) * 4.0 + 0.5).clamp(0.0, 1.0)
}

fn blend(below: [f32; 3], above: [f32; 3], opacity: f32) -> [f32; 3] {
    std::array::from_fn(|channel| below[channel] + (above[channel] - below[channel]) * opacity)
}
