//! How much each cell of a picture matters: by how far its colour is from those at the border, by its detail, by what may
//! be skin, and by how near it is to the middle. It cannot fail.
//!
//! The first is by far the best single measure, and together with detail as good as any that were tried. Weights were
//! chosen on photographs in which people had marked what must not be cut; docs/pictures.md has the results.

use super::border;
use super::cells::{Cells, Grid};
use crate::Raster;
use crate::oklch::oklab;

/// Weight of detail, where distance from the border counts 1.
const DETAIL: f32 = 1.4;

/// Weight of detail in what may be skin.
const SKIN: f32 = 0.6;

/// The part of the cells that stays below the scale's upper end. The rest are outliers.
const SCALE_RANK: f32 = 0.98;

/// The least distance of colours, and the least detail, that are more than noise.
const LEAST_DISTANCE: f32 = 0.04;
const LEAST_DETAIL: f32 = 12.0;

/// The least upper end of both together. A picture without contrast has no subject.
const LEAST_BOTH: f32 = 0.5;

/// What matters less than this is background.
const FLOOR: f32 = 0.2;

const EXPONENT: f32 = 1.5;

/// How fast importance fades towards the edges: at the middle of an edge to 37 %.
const CENTRE: f32 = 1.0;

/// The importance of each cell, 0 to 1.
pub(super) fn of(small: &Raster) -> Grid {
    let cells = Cells::new(small);
    let (columns, rows) = (cells.detail.columns, cells.detail.rows);
    let distances = Grid { columns, rows, values: border::distances(&cells) };
    let mut distances = distances.smoothed().values;
    scale(&mut distances, LEAST_DISTANCE);
    let mut detail = cells.detail.smoothed().values;
    scale(&mut detail, LEAST_DETAIL);
    let mut values: Vec<f32> = distances
        .iter()
        .zip(&detail)
        .zip(&cells.colours)
        .map(|((distance, detail), &colour)| {
            let skin = if may_be_skin(colour) { SKIN * detail } else { 0.0 };
            (distance + DETAIL * detail) / (1.0 + DETAIL) + skin
        })
        .collect();
    scale(&mut values, LEAST_BOTH);
    for (index, value) in values.iter_mut().enumerate() {
        let above = (value.min(1.0) - FLOOR).max(0.0) / (1.0 - FLOOR);
        let off_centre = |at: usize, length: usize| (at as f32 + 0.5) / length as f32 - 0.5;
        let (x, y) = (off_centre(index % columns, columns), off_centre(index / columns, rows));
        *value = above.powf(EXPONENT) * (-4.0 * CENTRE * (x * x + y * y)).exp();
    }
    Grid { columns, rows, values }
}

/// Divides by the value that all but the outliers stay below, but at least by `least`.
fn scale(values: &mut [f32], least: f32) {
    let mut sorted = values.to_vec();
    let rank = ((values.len() - 1) as f32 * SCALE_RANK).round() as usize;
    let (_, &mut upper, _) = sorted.select_nth_unstable_by(rank, f32::total_cmp);
    let upper = upper.max(least);
    for value in values {
        *value /= upper;
    }
}

/// Whether a colour may be that of skin: any of the ten tones of the Monk scale, in usual light.
fn may_be_skin(colour: [u8; 3]) -> bool {
    const LIGHTNESS: std::ops::Range<f32> = 0.2..0.97;
    const CHROMA: std::ops::Range<f32> = 0.008..0.14;
    const HUE_DEGREES: std::ops::Range<f32> = 30.0..90.0;
    let lab = oklab(colour);
    let hue = lab.b.atan2(lab.a).to_degrees();
    LIGHTNESS.contains(&lab.l) && CHROMA.contains(&lab.a.hypot(lab.b)) && HUE_DEGREES.contains(&hue)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monk::MONK_TONES;

    fn raster(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Raster {
        let data = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y));
        Raster::new(width, height, data.collect()).unwrap()
    }

    #[test]
    fn all_ten_tones_of_the_monk_scale_are_skin() {
        for tone in MONK_TONES {
            assert!(may_be_skin(tone), "{tone:?}");
        }
        for other in [[30, 90, 200], [20, 160, 40], [128; 3], [255, 0, 0]] {
            assert!(!may_be_skin(other), "{other:?}");
        }
    }

    #[test]
    fn what_differs_from_the_border_matters_and_a_flat_picture_has_nothing_that_does() {
        let ball = raster(96, 64, |x, y| {
            if x.abs_diff(60).pow(2) + y.abs_diff(30).pow(2) < 144 { [240, 190, 20] } else { [40, 60, 120] }
        });
        let grid = of(&ball);
        let (inside, outside) = (grid.values[7 * 24 + 15], grid.values[7 * 24 + 5]);
        assert!(inside > 0.15 && outside < 0.01, "{inside} {outside}");
        assert!(of(&raster(96, 64, |_, _| [90; 3])).values.iter().all(|value| *value == 0.0));
        let noise = raster(96, 64, |x, y| [90 + ((x * 7 + y * 13) % 2) as u8; 3]);
        assert!(of(&noise).values.iter().all(|value| *value < 0.2));
    }
}
