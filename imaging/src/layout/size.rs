//! The size of a crop in whole pixels. Integer arithmetic, which cannot fail.

use crate::Aspect;

/// Returns the size of the largest rectangle of `aspect` in a picture of `width` × `height`, at least 1 × 1.
pub(super) fn largest_size((width, height): (u32, u32), aspect: Aspect) -> (u32, u32) {
    let (across, down) = (u64::from(aspect.width()), u64::from(aspect.height()));
    let (w, h) = (u64::from(width), u64::from(height));
    if w * down >= h * across {
        (divide_rounded(h * across, down).clamp(1, width), height)
    } else {
        (width, divide_rounded(w * down, across).clamp(1, height))
    }
}

/// Divides and rounds to the nearest integer.
pub(super) fn divide_rounded(number: u64, by: u64) -> u32 {
    ((2 * number + by) / (2 * by)) as u32
}
