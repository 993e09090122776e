//! Finds the best crop of a picture by the method of smartcrop.js (Wagner 2014), as in the crate smartcrop2.
//!
//! The caller scales the picture to about [`SHORT_SIDE`]. The result is a rectangle of the requested aspect ratio, in
//! the pixels of the full picture. There are two steps: `cell_scores` rates cells of 8 × 8 pixels by detail, skin and
//! saturation, and `placement` slides the crop over the cells. It cannot fail for any size: a picture of one pixel is
//! its own crop. Tests compare the rectangles and scores with those of smartcrop2.

mod cell_scores;
mod placement;
mod row_features;

use crate::{Aspect, Crop, Raster};
use cell_scores::CellScores;

/// Short side, in pixels, of the copy that [`best`] expects. Smaller pictures are passed as they are.
pub const SHORT_SIDE: u32 = 256;

/// Finds the best crop for a picture of `source` (width, height), of which `small` is a scaled copy.
///
/// The result is the largest rectangle of `aspect` that fits, rounded to whole pixels and at least 1 × 1, at the
/// position with the highest score. Of equal positions the one nearest to the centre wins.
#[must_use]
pub fn best(small: &Raster, source: (u32, u32), aspect: Aspect) -> Crop {
    let size = (small.width(), small.height());
    let placement = placement::best(&CellScores::new(small), size, largest_size(size, aspect));
    let (width, height) = largest_size(source, aspect);
    Crop {
        x: scale(placement.x, size.0, source.0).min(source.0 - width),
        y: scale(placement.y, size.1, source.1).min(source.1 - height),
        width,
        height,
        score: placement.score,
    }
}

/// Returns the size of the largest rectangle of `aspect` in a picture of `width` × `height`.
fn largest_size((width, height): (u32, u32), aspect: Aspect) -> (u32, u32) {
    let (across, down) = (u64::from(aspect.width()), u64::from(aspect.height()));
    let (w, h) = (u64::from(width), u64::from(height));
    if w * down >= h * across {
        (divide_rounded(h * across, down).clamp(1, width), height)
    } else {
        (width, divide_rounded(w * down, across).clamp(1, height))
    }
}

/// Scales a position on a side of `from` pixels to a side of `to` pixels.
fn scale(at: u32, from: u32, to: u32) -> u32 {
    divide_rounded(u64::from(at) * u64::from(to), u64::from(from))
}

/// Divides and rounds to the nearest integer.
fn divide_rounded(number: u64, by: u64) -> u32 {
    ((2 * number + by) / (2 * by)) as u32
}
