//! The pixels of a contact sheet and of its tiles: rectangles, frames, fields and numbers on a dark ground. What lies outside
//! is left out, so drawing cannot fail.

use std::iter;

use crate::{Error, Raster, Rect};

const GROUND: [u8; 3] = [32; 3];

/// Digits of three by five pixels, row by row from the highest bit.
const DIGITS: [u16; 10] = [
    0b111_101_101_101_111,
    0b010_110_010_010_111,
    0b111_001_111_100_111,
    0b111_001_111_001_111,
    0b101_101_111_001_001,
    0b111_100_111_001_111,
    0b111_100_111_101_111,
    0b111_001_010_010_010,
    0b111_101_111_101_111,
    0b111_101_111_001_111,
];
const DIGIT_WIDTH: u32 = 3;
const DIGIT_HEIGHT: u32 = 5;
/// Side of a digit's pixel in the sheet.
const DOT: u32 = 3;

/// Pixels that are drawn on. What lies outside is left out.
pub(super) struct Canvas {
    width: u32,
    height: u32,
    pixels: Vec<[u8; 3]>,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32) -> Self {
        Self { width, height, pixels: vec![GROUND; width as usize * height as usize] }
    }

    pub(super) fn into_raster(self) -> Result<Raster, Error> {
        Raster::new(self.width, self.height, self.pixels.into_flattened())
            .ok_or_else(|| Error::damaged("the canvas has the wrong size"))
    }

    /// The pixels of a row from `left` on, `width` at most.
    fn row(&mut self, y: u32, left: u32, width: u32) -> &mut [[u8; 3]] {
        if y >= self.height {
            return &mut [];
        }
        let (start, end) = (left.min(self.width), left.saturating_add(width).min(self.width));
        let row = y as usize * self.width as usize;
        &mut self.pixels[row + start as usize..row + end as usize]
    }

    pub(super) fn place(&mut self, picture: &Raster, left: u32, top: u32) {
        for (y, from) in picture.pixels().chunks_exact(picture.width() as usize).enumerate() {
            let row = self.row(top + y as u32, left, picture.width());
            row.copy_from_slice(&from[..row.len()]);
        }
    }

    pub(super) fn fill(&mut self, rect: Rect, color: [u8; 3]) {
        for y in rect.y..rect.y.saturating_add(rect.height) {
            self.row(y, rect.x, rect.width).fill(color);
        }
    }

    /// Halves the light of what is in `place` and not in `kept`.
    pub(super) fn dim_around(&mut self, place: Rect, kept: Rect) {
        let columns = kept.x..kept.x + kept.width;
        for y in place.y..place.y + place.height {
            let is_kept = (kept.y..kept.y + kept.height).contains(&y);
            for (x, pixel) in (place.x..).zip(self.row(y, place.x, place.width)) {
                if !(is_kept && columns.contains(&x)) {
                    *pixel = pixel.map(|sample| sample / 2);
                }
            }
        }
    }

    /// Draws the edges of a rectangle inside it.
    pub(super) fn outline(&mut self, rect: Rect, color: [u8; 3], thickness: u32) {
        let Rect { x, y, width, height } = rect;
        let (across, down) = (thickness.min(width), thickness.min(height));
        self.fill(Rect { height: down, ..rect }, color);
        self.fill(Rect { y: y + height - down, height: down, ..rect }, color);
        self.fill(Rect { width: across, ..rect }, color);
        self.fill(Rect { x: x + width - across, width: across, ..rect }, color);
    }

    /// Divides a rectangle into fields, with a gap between them. A field without a colour stays empty.
    pub(super) fn strip(&mut self, rect: Rect, colors: &[Option<[u8; 3]>], gap: u32) {
        let count = colors.len() as u32;
        let edge = |index: u32| rect.x + (rect.width + gap) * index / count;
        for (index, color) in (0..).zip(colors) {
            let (left, right) = (edge(index), edge(index + 1));
            let field = Rect { x: left, width: (right - left).saturating_sub(gap), ..rect };
            self.fill(field, color.unwrap_or(GROUND));
        }
    }

    /// Draws a number into the corner of a tile.
    pub(super) fn number(&mut self, left: u32, top: u32, number: usize) {
        let digits = digits(number);
        let width = (digits.len() as u32 * (DIGIT_WIDTH + 1) + 1) * DOT;
        let box_height = (DIGIT_HEIGHT + 2) * DOT;
        self.fill(Rect { x: left, y: top, width, height: box_height }, [0; 3]);
        for (place, digit) in (0..).zip(digits) {
            let dots = (0..DIGIT_WIDTH * DIGIT_HEIGHT)
                .filter(|dot| DIGITS[digit] >> (DIGIT_WIDTH * DIGIT_HEIGHT - 1 - dot) & 1 == 1);
            for dot in dots {
                let (column, row) = (dot % DIGIT_WIDTH, dot / DIGIT_WIDTH);
                let x = left + (place * (DIGIT_WIDTH + 1) + 1 + column) * DOT;
                self.fill(Rect { x, y: top + (row + 1) * DOT, width: DOT, height: DOT }, [255; 3]);
            }
        }
    }
}

/// The decimal digits of a number, the highest first.
fn digits(number: usize) -> Vec<usize> {
    let next = |rest: &usize| Some(rest / 10).filter(|rest| *rest > 0);
    let mut digits: Vec<_> = iter::successors(Some(number), next).map(|rest| rest % 10).collect();
    digits.reverse();
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_drawn_with_their_digits() {
        assert_eq!((digits(0), digits(10), digits(407)), (vec![0], vec![1, 0], vec![4, 0, 7]));
        let mut canvas = Canvas::new(40, 40);
        canvas.number(0, 0, 1);
        let lit = |x: u32, y: u32| canvas.pixels[(y * 40 + x) as usize] == [255; 3];
        // The one: a stem in the middle column, and a foot.
        assert!(lit(7, 4) && lit(7, 10) && lit(4, 16) && lit(10, 16) && !lit(10, 4));
    }

    #[test]
    fn what_lies_outside_is_left_out() {
        let mut canvas = Canvas::new(4, 4);
        canvas.outline(Rect { x: 2, y: 2, width: 10, height: 10 }, [1; 3], 1);
        canvas.place(&Raster::new(3, 3, vec![2; 27]).unwrap(), 3, 3);
        assert_eq!(canvas.pixels[15], [2; 3]);
    }
}
