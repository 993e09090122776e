//! Places windows on a picture: the crop, the card's picture, each by itself and by the same rules.
//!
//! A window is the largest rectangle of its aspect ratio, so that it is free along one side of the picture at most. There
//! [`axis`] finds its place by the [`Subject`]; a focus that the caller gave overrides it. It cannot fail: a picture of
//! one pixel is its own crop.

mod axis;
mod classic;
mod size;

use crate::options::Focus;
use crate::subject::Subject;
use crate::subpixel_rect::SubpixelRect;
use crate::{Aspect, Crop};
use axis::{Axis, Direction};

pub use classic::crop as classic_crop;
use size::largest_size;

/// Places windows on one picture.
pub(crate) struct Placer {
    /// Across and down.
    axes: [Axis; 2],
    /// Size of the upright picture in pixels.
    source: (u32, u32),
    focus: Option<Focus>,
}

/// Where a window lies, in pixels of the upright picture, and how good that place is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Window {
    pub(crate) rect: SubpixelRect,
    /// At most 1. Only comparable between windows of one picture.
    pub(crate) score: f64,
}

impl Placer {
    pub(crate) fn new(subject: &Subject, source: (u32, u32), focus: Option<Focus>) -> Self {
        let axes = [Direction::Across, Direction::Down].map(|direction| Axis::new(subject, direction));
        Self { axes, source, focus }
    }

    /// Places the largest window of `width:height`.
    pub(crate) fn window(&self, width: u32, height: u32) -> Window {
        let whole = SubpixelRect::whole(self.source.0, self.source.1);
        let fit = whole.centered_fit(width, height);
        let (across, down) = (fit.width / whole.width, fit.height / whole.height);
        let (x, y) = match self.focus {
            Some(focus) => (axis::around(focus.x(), across), axis::around(focus.y(), down)),
            None => (self.axes[0].place(across), self.axes[1].place(down)),
        };
        let rect = SubpixelRect {
            left: x.start * whole.width,
            top: y.start * whole.height,
            width: fit.width,
            height: fit.height,
        };
        Window { rect, score: x.score.min(y.score) }
    }

    /// Places the largest crop of an aspect ratio, in whole pixels.
    pub(crate) fn crop(&self, aspect: Aspect) -> Crop {
        let (width, height) = largest_size(self.source, aspect);
        let Window { rect, score } = self.window(aspect.width(), aspect.height());
        Crop {
            x: (rect.left.round() as u32).min(self.source.0 - width),
            y: (rect.top.round() as u32).min(self.source.1 - height),
            width,
            height,
            score,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::FaceBox;
    use crate::{Raster, Top};

    /// The layout of a plain picture of 900 × 600 with faces.
    fn layout(faces: &[[f64; 4]]) -> Placer {
        let plain = Raster::new(96, 64, vec![90; 96 * 64 * 3]).unwrap();
        let faces = faces
            .iter()
            .map(|&[x, y, width, height]| FaceBox { x, y, width, height, top: Top::Up })
            .collect();
        Placer::new(&Subject::find(&plain, faces), (900, 600), None)
    }

    #[test]
    fn heads_are_kept_whole_where_they_fit() {
        for x in [0.0, 0.1, 0.45, 0.8, 0.9] {
            let window = layout(&[[x, 0.3, 0.1, 0.15]]).window(1, 1).rect;
            // The head is a fifth wider than the face on each side.
            let head = [x - 0.02, x + 0.12].map(|edge| edge.clamp(0.0, 1.0) * 900.0);
            let reach = 0.02 * 0.14 * 900.0 + 0.1;
            assert!(window.left <= head[0] + reach, "{x}: {window:?}");
            assert!(window.left + window.width >= head[1] - reach, "{x}: {window:?}");
        }
        let low = layout(&[[0.4, 0.75, 0.15, 0.2]]).window(3, 1).rect;
        assert!(low.top + low.height >= 0.95 * 600.0, "{low:?}");
        let high = layout(&[[0.4, 0.1, 0.1, 0.1]]).window(3, 1).rect;
        assert!(high.top <= 0.07 * 600.0, "{high:?}");
    }

    #[test]
    fn of_heads_that_do_not_fit_together_as_many_are_kept_as_can_be() {
        let faces = [[0.05, 0.4, 0.06, 0.1], [0.75, 0.4, 0.06, 0.1], [0.88, 0.4, 0.06, 0.1]];
        let window = layout(&faces).window(1, 2).rect;
        assert!(window.left <= 0.74 * 900.0 && window.left + window.width >= 0.94 * 900.0, "{window:?}");
    }

    #[test]
    fn a_head_that_is_too_large_keeps_its_face() {
        let window = layout(&[[0.3, 0.2, 0.4, 0.42]]).window(2, 1).rect;
        assert!(
            window.top <= 0.2 * 600.0 + 6.0 && window.top + window.height >= 0.62 * 600.0 - 6.0,
            "{window:?}"
        );
    }
}
