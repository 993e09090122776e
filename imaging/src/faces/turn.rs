//! Quarter turns of a picture, in which faces that lie on their side are upright. They cannot fail.

use super::face::Top;
use super::window::Window;
use crate::Raster;

/// A quarter turn of a picture.
#[derive(Debug, Clone, Copy)]
pub(super) enum Turn {
    Left,
    Right,
}

impl Turn {
    /// The pixels of the turned picture, whose sides are exchanged.
    pub(super) fn pixels(self, picture: &Raster) -> Vec<[u8; 3]> {
        let (width, height) = (picture.width(), picture.height());
        let row = |y: u32| {
            (0..height).map(move |x| match self {
                Self::Left => picture.pixel(width - 1 - y, x),
                Self::Right => picture.pixel(y, height - 1 - x),
            })
        };
        (0..width).flat_map(row).collect()
    }

    /// Where the top of a head is whose face is upright in the turned picture.
    pub(super) fn top(self) -> Top {
        match self {
            Self::Left => Top::Right,
            Self::Right => Top::Left,
        }
    }

    /// Where a window of the turned picture lies in `picture`.
    pub(super) fn undo(self, window: Window, picture: &Raster) -> Window {
        let (width, height) = (picture.width() as i32, picture.height() as i32);
        let (x, y) = match self {
            Self::Left => (width - window.y - window.size, window.x),
            Self::Right => (window.y, height - window.x - window.size),
        };
        Window { x, y, ..window }
    }
}
