//! The best crop of a picture: smartcrop's method, on a small copy of it.
//!
//! The caller scales the picture to about [`SHORT_SIDE`]; the answer is in the pixels of the full size,
//! inside of it and of the asked aspect. It cannot fail: a picture of one pixel is its own crop.

use std::num::NonZeroU32;

use smartcrop::{Image, RGB, ResizableImage};

use crate::{Aspect, Crop, Raster};

/// Length of the shorter side, in pixels, of the copy that [`best`] wants. Smaller pictures come as they are.
pub const SHORT_SIDE: u32 = 256;

/// The best crop of `aspect` for a picture of `source` pixels (width, height), of which `small` is a copy.
///
/// The rectangle is the largest of its aspect that fits, at the place that scores best.
#[must_use]
pub fn best(small: &Raster, source: (u32, u32), aspect: Aspect) -> Crop {
    let (width, height) = largest(source, aspect);
    let found = find(small, aspect);
    let place = |at: u32, small: u32, source: u32, side: u32| {
        let at = (f64::from(at) * f64::from(source) / f64::from(small)).round() as u32;
        at.min(source - side)
    };
    let (x, y, score) = found.unwrap_or((0, 0, 0.0));
    Crop {
        x: place(x, small.width(), source.0, width),
        y: place(y, small.height(), source.1, height),
        width,
        height,
        score,
    }
}

/// Width and height of the largest rectangle of `aspect` in a picture of `source` pixels, 1 pixel at least.
fn largest((width, height): (u32, u32), aspect: Aspect) -> (u32, u32) {
    let (across, down) = (u64::from(aspect.width()), u64::from(aspect.height()));
    let (w, h) = (u64::from(width), u64::from(height));
    let rounded = |side: u64, part: u64, whole: u64| ((2 * side * part + whole) / (2 * whole)).max(1) as u32;
    if w * down >= h * across {
        (rounded(h, across, down).min(width), height)
    } else {
        (width, rounded(w, down, across).min(height))
    }
}

fn find(small: &Raster, aspect: Aspect) -> Option<(u32, u32, f64)> {
    let best = smartcrop::find_best_crop(
        &View(small.clone()),
        NonZeroU32::new(aspect.width())?,
        NonZeroU32::new(aspect.height())?,
    )
    .ok()?;
    Some((best.crop.x, best.crop.y, best.score.total))
}

struct View(Raster);

impl Image for View {
    fn width(&self) -> u32 {
        self.0.width()
    }

    fn height(&self) -> u32 {
        self.0.height()
    }

    fn get(&self, x: u32, y: u32) -> RGB {
        let [r, g, b] = self.0.pixel(x, y);
        RGB { r, g, b }
    }
}

impl ResizableImage<View> for View {
    fn resize(&self, _: u32, _: u32) -> View {
        View(self.0.clone())
    }

    fn crop_and_resize(&self, _: smartcrop::Crop, _: u32, _: u32) -> View {
        View(self.0.clone())
    }
}
