//! The best crop of a picture, by the method of smartcrop.js (Wagner 2014) as the crate smartcrop2 has it.
//!
//! The caller scales the picture to about [`SHORT_SIDE`]; the answer is in the pixels of the full size, inside
//! of it and of the asked aspect. Two steps: `features` says how much each cell of 8 × 8 pixels is worth
//! (detail, skin, saturation), `placement` slides the crop over the cells. It cannot fail, whatever the
//! shape: a picture of one pixel is its own crop. Tests hold it to smartcrop2's rectangles and scores.

mod features;
mod line;
mod placement;

use crate::{Aspect, Crop, Raster};
use features::Cells;

/// Length of the shorter side, in pixels, of the copy that [`best`] wants. Smaller pictures come as they are.
pub const SHORT_SIDE: u32 = 256;

/// Side of a cell, and the step by which the crop moves, in pixels of the small copy.
const CELL: u32 = 8;

/// The best crop of `aspect` for a picture of `source` pixels (width, height), of which `small` is a copy.
///
/// The rectangle is the largest of its aspect that fits (sides rounded to whole pixels, 1 at least), at the
/// place that scores best. Of equal places the one nearest the middle is taken.
#[must_use]
pub fn best(small: &Raster, source: (u32, u32), aspect: Aspect) -> Crop {
    let size = (small.width(), small.height());
    let placement = placement::best(&Cells::of(small), size, largest(size, aspect));
    let (width, height) = largest(source, aspect);
    Crop {
        x: scale(placement.x, size.0, source.0).min(source.0 - width),
        y: scale(placement.y, size.1, source.1).min(source.1 - height),
        width,
        height,
        score: placement.score,
    }
}

/// Width and height of the largest rectangle of `aspect` in a picture of `width` × `height`.
fn largest((width, height): (u32, u32), aspect: Aspect) -> (u32, u32) {
    let (across, down) = (u64::from(aspect.width()), u64::from(aspect.height()));
    let (w, h) = (u64::from(width), u64::from(height));
    if w * down >= h * across {
        (rounded(h * across, down).clamp(1, width), height)
    } else {
        (width, rounded(w * down, across).clamp(1, height))
    }
}

/// A place on a side of `from` pixels, on the same side with `to` pixels.
fn scale(at: u32, from: u32, to: u32) -> u32 {
    rounded(u64::from(at) * u64::from(to), u64::from(from))
}

fn rounded(number: u64, by: u64) -> u32 {
    ((2 * number + by) / (2 * by)) as u32
}
