//! A rectangle whose edges may lie inside a pixel: what the card's picture is cut from. The engine places it, and the
//! scaler resizes what it holds. It is pure arithmetic and cannot fail.

use crate::{Orientation, Rect};

/// A rectangle in a raster, in pixels. Its edges may lie inside a pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SubpixelRect {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl SubpixelRect {
    /// All of a picture.
    pub(crate) fn whole(width: u32, height: u32) -> Self {
        Self { left: 0.0, top: 0.0, width: f64::from(width), height: f64::from(height) }
    }

    /// Returns the largest centred rectangle with the aspect ratio `width:height` that fits inside this one.
    pub(crate) fn centered_fit(self, width: u32, height: u32) -> Self {
        let (width, height) = (f64::from(width), f64::from(height));
        let scale = (self.width / width).min(self.height / height);
        let (width, height) = (width * scale, height * scale);
        Self {
            left: self.left + (self.width - width) / 2.0,
            top: self.top + (self.height - height) / 2.0,
            width,
            height,
        }
    }

    /// The same rectangle, where the pixel in `column` and `row` is the first one.
    pub(crate) fn relative_to(self, column: usize, row: usize) -> Self {
        Self { left: self.left - column as f64, top: self.top - row as f64, ..self }
    }

    /// Moves and shrinks the rectangle as little as possible, so that it lies inside a picture of this size.
    pub(crate) fn clamp_to(self, (width, height): (u32, u32)) -> Self {
        let (across, down) = (f64::from(width), f64::from(height));
        let width = self.width.clamp(f64::MIN_POSITIVE, across);
        let height = self.height.clamp(f64::MIN_POSITIVE, down);
        Self {
            left: self.left.clamp(0.0, across - width),
            top: self.top.clamp(0.0, down - height),
            width,
            height,
        }
    }

    /// Maps a rectangle of the upright picture to the stored one, which is `width` × `height`.
    pub(crate) fn to_stored(self, orientation: Orientation, width: f64, height: f64) -> Self {
        let turned = if orientation.transposes() {
            Self { left: self.top, top: self.left, width: self.height, height: self.width }
        } else {
            self
        };
        let (right, bottom) = orientation.flips();
        Self {
            left: if right { width - turned.left - turned.width } else { turned.left },
            top: if bottom { height - turned.top - turned.height } else { turned.top },
            ..turned
        }
    }

    /// The nearest rectangle of whole pixels in a picture of this size. It has at least one pixel.
    pub(crate) fn rounded(self, (width, height): (u32, u32)) -> Rect {
        let edges = |start: f64, length: f64, side: u32| {
            let first = (start.max(0.0).round() as u32).min(side - 1);
            let end = ((start + length).max(0.0).round() as u32).clamp(first + 1, side);
            (first, end - first)
        };
        let (x, width) = edges(self.left, self.width, width);
        let (y, height) = edges(self.top, self.height, height);
        Rect { x, y, width, height }
    }
}

impl From<Rect> for SubpixelRect {
    fn from(rect: Rect) -> Self {
        let [left, top, width, height] = [rect.x, rect.y, rect.width, rect.height].map(f64::from);
        Self { left, top, width, height }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_centered_fit_lies_inside_and_has_the_aspect_ratio(
            left in 0.0..100.0f64, top in 0.0..100.0f64,
            width in 1.0..9000.0f64, height in 1.0..9000.0f64,
            across in 1u32..2000, down in 1u32..2000,
        ) {
            let outer = SubpixelRect { left, top, width, height };
            let inner = outer.centered_fit(across, down);
            let slack = 1e-6;
            prop_assert!(inner.left >= left - slack && inner.top >= top - slack);
            prop_assert!(inner.left + inner.width <= left + width + slack);
            prop_assert!(inner.top + inner.height <= top + height + slack);
            prop_assert!((inner.width * f64::from(down) - inner.height * f64::from(across)).abs() < 1e-3);
            prop_assert!((inner.width - width).abs() < slack || (inner.height - height).abs() < slack);
        }

        #[test]
        fn whole_rectangles_are_stored_and_rounded_as_they_are(
            orientation in prop::sample::select(&Orientation::ALL[..]),
            x in 0..20_u32, y in 0..20_u32, width in 1..20_u32, height in 1..20_u32,
        ) {
            let (across, down) = orientation.upright_size(40, 50);
            let rect = Rect { x, y, width, height };
            let [left, top, w, h] = [x, y, width, height].map(f64::from);
            let subpixel = SubpixelRect { left, top, width: w, height: h };
            prop_assert_eq!(subpixel.rounded((across, down)), rect);
            let stored = subpixel.to_stored(orientation, 40.0, 50.0);
            prop_assert_eq!(stored.rounded((40, 50)), orientation.to_stored(rect, 40, 50));
        }

        #[test]
        fn a_rounded_rectangle_lies_inside_and_has_a_pixel(
            left in -5.0..120.0_f64, top in -5.0..120.0_f64, width in 0.001..200.0_f64, height in 0.001..200.0_f64,
        ) {
            let rect = SubpixelRect { left, top, width, height }.rounded((100, 80));
            prop_assert!(rect.width >= 1 && rect.height >= 1);
            prop_assert!(rect.x + rect.width <= 100 && rect.y + rect.height <= 80, "{:?}", rect);
        }
    }
}
