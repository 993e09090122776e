//! One level of the pyramid: the picture reduced, and the local binary patterns of its pixels.
//!
//! A pattern tells whether the centre of 3 × 3 boxes is at least as bright as each of the eight others (locally assembled
//! binary features, Yan 2008). Only the parts of the picture that the remaining windows cover are reduced and compared.
//! Everything is allocated for the first and largest level; nothing can fail.

use std::ops::Range;

use super::window::WINDOW;

/// Distance between windows in pixels of the level.
pub(super) const STEP: usize = 4;

/// Side of a box whose brightness is compared, and of the nine boxes of a pattern.
const BOX: usize = 3;
const PATTERN: usize = 3 * BOX;

/// Bits after the point of weights across and down.
pub(super) const ACROSS: u32 = 12;
pub(super) const DOWN: u32 = 8;

/// A picture without colour.
#[derive(Default)]
pub(super) struct Grey {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) data: Vec<u8>,
}

/// Which windows of a level are still in question.
#[derive(Default)]
pub(super) struct Grid {
    columns: usize,
    open: Vec<bool>,
    /// First open column of each row, and the one after the last.
    spans: Vec<(usize, usize)>,
}

impl Grid {
    /// Maximum memory in bytes for a picture, with the coordinates of all windows of a level.
    pub(super) fn memory(width: u64, height: u64) -> u64 {
        let (columns, rows) = (width / STEP as u64 + 1, height / STEP as u64 + 1);
        // Vectors grow by doubling, and the old one lives until the new one is filled.
        3 * (columns * rows * (1 + size_of::<(usize, f32)>() as u64)
            + (columns + rows) * size_of::<(usize, usize)>() as u64)
    }

    /// Starts over with a level of this size, with the windows for which `admits` is true of their place.
    pub(super) fn reset(&mut self, (width, height): (usize, usize), admits: impl Fn(usize, usize) -> bool) {
        self.columns = (width - WINDOW) / STEP + 1;
        self.open.clear();
        self.spans.clear();
        for row in 0..=(height - WINDOW) / STEP {
            let (mut first, mut end) = (self.columns, 0);
            for column in 0..self.columns {
                let open = admits(column * STEP, row * STEP);
                if open {
                    first = first.min(column);
                    end = column + 1;
                }
                self.open.push(open);
            }
            self.spans.push((first, end));
        }
    }

    /// Coordinates of the windows in question.
    pub(super) fn windows(&self) -> impl Iterator<Item = (usize, usize)> {
        let rows = self.open.chunks_exact(self.columns).enumerate();
        rows.flat_map(|(row, open)| {
            let columns = open.iter().enumerate().filter(|(_, open)| **open);
            columns.map(move |(column, _)| (column * STEP, row * STEP))
        })
    }

    /// The columns of pixels in row `y` that windows need which start up to `reach` rows above. May be empty.
    fn columns(&self, y: usize, reach: usize) -> Range<usize> {
        let rows = (y + 1).saturating_sub(reach).div_ceil(STEP)..(y / STEP + 1).min(self.spans.len());
        let spans = self.spans.get(rows).unwrap_or_default();
        let first = spans.iter().map(|span| span.0).min().unwrap_or(0);
        let end = spans.iter().map(|span| span.1).max().unwrap_or(0);
        if first < end { first * STEP..(end - 1) * STEP + WINDOW } else { 0..0 }
    }
}

/// A reduced picture.
#[derive(Default)]
pub(super) struct Level {
    pub(super) width: usize,
    pub(super) height: usize,
    grey: Vec<u8>,
    /// Sums over the box that starts at each pixel.
    boxes: Vec<i16>,
    patterns: Vec<u8>,
    /// Two rows of the picture, blended.
    row: Vec<u16>,
    /// For each column, the one of the picture to its left and the weight of that to its right.
    columns: Vec<(usize, u32)>,
}

impl Level {
    /// Maximum memory in bytes for a picture, of which no level is larger.
    pub(super) fn memory(width: u64, height: u64) -> u64 {
        let rows = 2 * width.max(height) * (size_of::<u16>() + size_of::<(usize, u32)>()) as u64;
        width * height * (2 * size_of::<u8>() + size_of::<i16>()) as u64 + rows
    }

    /// Reduces `picture` to `width` × `height`, and computes the patterns that the windows of `grid` need.
    pub(super) fn compute(&mut self, picture: &Grey, (width, height): (usize, usize), grid: &Grid) {
        (self.width, self.height) = (width, height);
        // No level is larger than the picture. What is left of another level is overwritten before it is read.
        let pixels = picture.width * picture.height;
        self.grey.resize(pixels, 0);
        self.boxes.resize(pixels, 0);
        self.patterns.resize(pixels, 0);
        self.reduce(picture, grid);
        self.add_boxes(grid);
        self.compare_boxes(grid);
    }

    /// Interpolates between the four nearest pixels, as in the training of the model.
    fn reduce(&mut self, picture: &Grey, grid: &Grid) {
        self.columns.clear();
        self.columns.extend((0..self.width).map(|x| place(x, picture.width, self.width, ACROSS)));
        self.row.resize(picture.width.max(self.row.len()), 0);
        for y in 0..self.height {
            let columns = grid.columns(y, WINDOW);
            let (Some(first), Some(last)) = (columns.clone().next(), columns.clone().next_back()) else {
                continue;
            };
            let (above, weight) = place(y, picture.height, self.height, DOWN);
            let needed = self.columns[first].0..self.columns[last].0 + 2;
            let row = |y: usize| &picture.data[y * picture.width..][needed.clone()];
            let out = &mut self.grey[y * self.width..][columns.clone()];
            if self.width == picture.width {
                out.copy_from_slice(&picture.data[y * picture.width..][columns]);
                continue;
            }
            blend_rows(row(above), row(above + 1), weight, &mut self.row[needed.clone()]);
            interpolate(&self.row, &self.columns[columns], out);
        }
    }

    fn add_boxes(&mut self, grid: &Grid) {
        for y in 0..=self.height - BOX {
            let columns = grid.columns(y, WINDOW - BOX + 1);
            let Some(count) = columns.len().checked_sub(BOX - 1) else { continue };
            let start = y * self.width + columns.start;
            let row = |down: usize| &self.grey[start + down * self.width..][..columns.len()];
            add_box_row([row(0), row(1), row(2)], &mut self.boxes[start..][..count]);
        }
    }

    fn compare_boxes(&mut self, grid: &Grid) {
        for y in 0..=self.height - PATTERN {
            let columns = grid.columns(y, WINDOW - PATTERN + 1);
            let Some(count) = columns.len().checked_sub(PATTERN - 1) else { continue };
            let start = y * self.width + columns.start;
            let row = |down: usize| &self.boxes[start + down * self.width..][..count + 2 * BOX];
            compare_box_row([row(0), row(BOX), row(2 * BOX)], &mut self.patterns[start..][..count]);
        }
    }

    /// The patterns by the pixel at which they start, in rows of the level's width.
    pub(super) fn patterns(&self) -> &[u8] {
        &self.patterns
    }

    /// Variance of the brightness in the window at `x`, `y`.
    pub(super) fn variance(&self, x: usize, y: usize) -> f32 {
        let (mut sum, mut squares) = (0, 0);
        for row in 0..WINDOW {
            for value in &self.grey[(y + row) * self.width + x..][..WINDOW] {
                let value = u32::from(*value);
                sum += value;
                squares += value * value;
            }
        }
        let area = (WINDOW * WINDOW) as f64;
        let mean = f64::from(sum) / area;
        (f64::from(squares) / area - mean * mean) as f32
    }
}

/// Where pixel `at` of `to` lies among `from` pixels: the one before, and the weight of the next in `bits`. Beyond the
/// last pixel, which enlarging reaches, it is the last one.
pub(super) fn place(at: usize, from: usize, to: usize, bits: u32) -> (usize, u32) {
    let exact = ((at * from) << bits) / to;
    let before = (exact >> bits).min(from - 2);
    (before, (exact - (before << bits)).min(1 << bits) as u32)
}

/// Blends two rows. `weight` is that of the second, in [`DOWN`] bits.
pub(super) fn blend_rows(above: &[u8], below: &[u8], weight: u32, out: &mut [u16]) {
    let weight = weight as u16;
    for ((above, below), out) in above.iter().zip(below).zip(out) {
        *out = u16::from(*above) * ((1 << DOWN) - weight) + u16::from(*below) * weight;
    }
}

/// Interpolates between the columns of a blended row. `columns` are places with weights in [`ACROSS`] bits.
pub(super) fn interpolate(row: &[u16], columns: &[(usize, u32)], out: &mut [u8]) {
    for (out, (left, weight)) in out.iter_mut().zip(columns) {
        let (a, b) = (u32::from(row[*left]), u32::from(row[left + 1]));
        *out = ((a * ((1 << ACROSS) - weight) + b * weight) >> (ACROSS + DOWN)) as u8;
    }
}

fn add_box_row(rows: [&[u8]; BOX], out: &mut [i16]) {
    let count = out.len();
    let at = |row: usize, right: usize| &rows[row][right..right + count];
    let [a, b, c] = [0, 1, 2].map(|right| [at(0, right), at(1, right), at(2, right)]);
    for (x, out) in out.iter_mut().enumerate() {
        let column =
            |rows: [&[u8]; BOX]| i16::from(rows[0][x]) + i16::from(rows[1][x]) + i16::from(rows[2][x]);
        *out = column(a) + column(b) + column(c);
    }
}

fn compare_box_row([above, middle, below]: [&[i16]; BOX], out: &mut [u8]) {
    let count = out.len();
    let thirds =
        |row: &'_ [i16]| -> [_; 3] { [0, BOX, 2 * BOX].map(|right| right..right + count.min(row.len())) };
    let [left, centre, right] = thirds(middle);
    let (a, b, c) = (&above[left.clone()], &above[centre.clone()], &above[right.clone()]);
    let (d, middle, e) = (&middle[left.clone()], &middle[centre.clone()], &middle[right.clone()]);
    let (f, g, h) = (&below[left], &below[centre], &below[right]);
    for (x, out) in out.iter_mut().enumerate() {
        let bit = |other: &[i16], bit: u32| u8::from(middle[x] >= other[x]) << bit;
        *out = bit(a, 7) | bit(b, 6) | bit(c, 5) | bit(e, 3) | bit(h, 0) | bit(g, 1) | bit(f, 2) | bit(d, 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, height: usize) -> Grey {
        let data =
            (0..width * height).map(|index| ((index * index * 7 + index / width * 13) >> 3) as u8).collect();
        Grey { width, height, data }
    }

    /// The pattern at `x`, `y` of a level, from its definition.
    fn pattern(level: &Level, x: usize, y: usize) -> u8 {
        let brightness = |across: usize, down: usize| -> u32 {
            let places = (0..9).map(|index| (x + 3 * across + index % 3, y + 3 * down + index / 3));
            places.map(|(x, y)| u32::from(level.grey[y * level.width + x])).sum()
        };
        let clockwise = [(0, 0), (1, 0), (2, 0), (0, 1), (2, 1), (0, 2), (1, 2), (2, 2)];
        clockwise.iter().fold(0, |bits, (x, y)| bits << 1 | u8::from(brightness(1, 1) >= brightness(*x, *y)))
    }

    #[test]
    fn patterns_are_those_of_the_definition_in_all_windows_in_question() {
        let picture = picture(120, 90);
        for (size, wanted) in [((120, 90), (16, 8)), ((96, 72), (40, 28)), ((61, 46), (0, 4))] {
            let (mut grid, mut level) = (Grid::default(), Level::default());
            // A level before leaves other patterns behind.
            grid.reset((120, 90), |_, _| true);
            level.compute(&picture, (120, 90), &grid);
            grid.reset(size, |x, y| (x, y) == wanted || (x, y) == (12, 0));
            assert_eq!(grid.windows().collect::<Vec<_>>(), [(12, 0), wanted]);
            level.compute(&picture, size, &grid);
            for (left, top) in grid.windows() {
                for (x, y) in (0..32 * 32).map(|index| (left + index % 32, top + index / 32)) {
                    assert_eq!(level.patterns()[y * level.width + x], pattern(&level, x, y), "{x}, {y}");
                }
            }
        }
    }

    #[test]
    fn levels_interpolate_between_the_nearest_pixels() {
        let picture = picture(120, 90);
        let (mut grid, mut level) = (Grid::default(), Level::default());
        grid.reset((77, 58), |_, _| true);
        level.compute(&picture, (77, 58), &grid);
        let covered = grid.columns(0, WINDOW);
        for (x, y) in covered.flat_map(|x| (0..56).map(move |y| (x, y))) {
            let (px, py) = (x as f64 * 120.0 / 77.0, y as f64 * 90.0 / 58.0);
            let at = |x: usize, y: usize| f64::from(picture.data[y * 120 + x]);
            let (left, top) = (px as usize, py as usize);
            let across = |y: usize| at(left, y) + (at(left + 1, y) - at(left, y)) * px.fract();
            let exact = across(top) + (across(top + 1) - across(top)) * py.fract();
            assert!((f64::from(level.grey[y * 77 + x]) - exact).abs() <= 2.0, "{x}, {y}");
        }
    }
}
