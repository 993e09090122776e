//! The crop by the crate smartcrop2, the Rust version of smartcrop.js (Wagner 2014), for those who want what the service
//! before gave. It cannot fail.

use std::num::NonZeroU32;

use smartcrop::{Image, RGB, ResizableImage};

use super::size::{divide_rounded, largest_size};
use crate::{Aspect, Crop, Raster};

/// A side, in pixels, below which smartcrop2 has no cells to rate. Then the middle is as good as any place.
const LEAST_SIDE: u32 = 8;

/// Finds the crop of a picture of `source` (width, height), of which `small` is a copy.
#[must_use]
pub fn crop(small: &Raster, source: (u32, u32), aspect: Aspect) -> Crop {
    let (width, height) = largest_size(source, aspect);
    let (x, y, score) = place(small, aspect).unwrap_or_else(|| {
        let size = largest_size((small.width(), small.height()), aspect);
        ((small.width() - size.0) / 2, (small.height() - size.1) / 2, 0.0)
    });
    Crop {
        x: scale(x, small.width(), source.0).min(source.0 - width),
        y: scale(y, small.height(), source.1).min(source.1 - height),
        width,
        height,
        score,
    }
}

/// The place and the score in the small copy. `None` where there is nothing to rate.
fn place(small: &Raster, aspect: Aspect) -> Option<(u32, u32, f64)> {
    if small.width().min(small.height()) < LEAST_SIDE {
        return None;
    }
    let side = NonZeroU32::new;
    let found =
        smartcrop::find_best_crop(&View(small), side(aspect.width())?, side(aspect.height())?).ok()?;
    Some((found.crop.x, found.crop.y, found.score.total))
}

/// Scales a position on a side of `from` pixels to a side of `to` pixels.
fn scale(at: u32, from: u32, to: u32) -> u32 {
    divide_rounded(u64::from(at) * u64::from(to), u64::from(from))
}

/// A raster as smartcrop2 reads it.
struct View<'a>(&'a Raster);

impl Image for View<'_> {
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

/// The copy is smaller than what smartcrop2 scales down, so that it asks for the same size.
impl<'a> ResizableImage<View<'a>> for View<'a> {
    fn resize(&self, _: u32, _: u32) -> View<'a> {
        View(self.0)
    }

    fn crop_and_resize(&self, _: smartcrop::Crop, _: u32, _: u32) -> View<'a> {
        // Only the search for black borders asks for it, which is not used.
        View(self.0)
    }
}
