//! SURF features of a window: how strongly, and in which directions, brightness changes in its parts.
//!
//! The gradient of each pixel goes into four of eight channels, chosen by the sign of the gradient across (Li and Zhang
//! 2013). A feature is a patch of 2 × 2 cells; its values are the channels' sums over each cell, scaled to a length of 1.
//! Sums come from integral images of the channels. All sizes are constants, so nothing can fail.

use std::array;
use std::sync::LazyLock;

use super::window::WINDOW;

const CHANNELS: usize = 8;
const CELLS: usize = 4;
/// Values of a feature.
pub(super) const VALUES: usize = CHANNELS * CELLS;

/// Side of an integral image. Its first row and column are zeros.
const SIDE: usize = WINDOW + 1;
/// Smallest side of a patch, and the distance between patches of the same size.
const SMALLEST: usize = 16;
const STRIDE: usize = 16;
/// Shapes of patches: width and height in the same unit.
const SHAPES: [(usize, usize); 5] = [(1, 1), (1, 2), (2, 1), (2, 3), (3, 2)];

/// Where a patch lies in the window: its first cell, and the size of its four cells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patch {
    x: usize,
    y: usize,
    cell_width: usize,
    cell_height: usize,
}

/// All patches that fit into a window, in the order in which the model numbers them.
pub(super) fn patches() -> &'static [Patch] {
    static PATCHES: LazyLock<Vec<Patch>> = LazyLock::new(list_patches);
    &PATCHES
}

fn list_patches() -> Vec<Patch> {
    let mut patches = Vec::new();
    for (across, down) in SHAPES {
        for height in SMALLEST..=WINDOW {
            let width = height / down * across;
            let divides = height % down == 0 && height % 2 == 0 && width % 2 == 0;
            if !divides || !(SMALLEST..=WINDOW).contains(&width) {
                continue;
            }
            for y in (0..=WINDOW - height).step_by(STRIDE) {
                for x in (0..=WINDOW - width).step_by(STRIDE) {
                    patches.push(Patch { x, y, cell_width: width / 2, cell_height: height / 2 });
                }
            }
        }
    }
    patches
}

/// The pixels of a window.
pub(super) type Pixels = [[u8; WINDOW]; WINDOW];

/// Rows of the integral images that some features read.
pub(super) type Rows = [bool; SIDE];

/// The rows that these patches read.
pub(super) fn rows(features: &[usize]) -> Rows {
    let mut rows = [false; SIDE];
    for patch in features.iter().map(|feature| patches()[*feature]) {
        for row in 0..3 {
            rows[patch.y + row * patch.cell_height] = true;
        }
    }
    rows
}

/// Integral images of the channels, interleaved.
pub(super) struct Channels {
    sums: Vec<[i32; CHANNELS]>,
}

impl Default for Channels {
    fn default() -> Self {
        Self { sums: vec![[0; CHANNELS]; SIDE * SIDE] }
    }
}

impl Channels {
    pub(super) const BYTES: u64 = (SIDE * SIDE * CHANNELS * size_of::<i32>()) as u64;

    /// Replaces `rows` of the sums with those of another window.
    pub(super) fn compute(&mut self, pixels: &Pixels, rows: &Rows) {
        // Sums of each column fit into 16 bits: 40 differences of at most 510.
        let mut columns = [[0; WINDOW]; CHANNELS];
        for (y, row) in pixels.iter().enumerate() {
            // At the edges, where a neighbour is missing, the difference to the only one counts twice.
            let (above, below) = (&pixels[y.saturating_sub(1)], &pixels[(y + 1).min(WINDOW - 1)]);
            let edge = if y == 0 || y == WINDOW - 1 { 2 } else { 1 };
            let down = array::from_fn(|x| (i16::from(below[x]) - i16::from(above[x])) * edge);
            add_row(&gradient(row), &down, &mut columns);
            if rows[y + 1] {
                let mut sum = [0; CHANNELS];
                for (x, out) in self.sums[(y + 1) * SIDE + 1..][..WINDOW].iter_mut().enumerate() {
                    for (sum, column) in sum.iter_mut().zip(&columns) {
                        *sum += i32::from(column[x]);
                    }
                    *out = sum;
                }
            }
        }
    }

    /// Writes the values of a feature.
    pub(super) fn feature(&self, patch: Patch, out: &mut [f32; VALUES]) {
        let Patch { x, y, cell_width, cell_height } = patch;
        let corner =
            |column: usize, row: usize| &self.sums[(y + row * cell_height) * SIDE + x + column * cell_width];
        let mut square = 0.0;
        for (cell, out) in out.as_chunks_mut::<CHANNELS>().0.iter_mut().enumerate() {
            let (column, row) = (cell % 2, cell / 2);
            let (a, b) = (corner(column, row), corner(column + 1, row));
            let (c, d) = (corner(column, row + 1), corner(column + 1, row + 1));
            for channel in 0..CHANNELS {
                let sum = (d[channel] - c[channel] - b[channel] + a[channel]) as f32;
                square += sum * sum;
                out[channel] = sum;
            }
        }
        if square > 0.0 {
            let scale = square.sqrt().recip();
            for value in out {
                *value *= scale;
            }
        }
    }
}

/// Differences between the neighbours of each pixel of a row.
fn gradient(row: &[u8; WINDOW]) -> [i16; WINDOW] {
    let mut result = [0; WINDOW];
    for (result, pixels) in result[1..].iter_mut().zip(row.windows(3)) {
        *result = i16::from(pixels[2]) - i16::from(pixels[0]);
    }
    result[0] = 2 * (i16::from(row[1]) - i16::from(row[0]));
    result[WINDOW - 1] = 2 * (i16::from(row[WINDOW - 1]) - i16::from(row[WINDOW - 2]));
    result
}

/// Adds a row of derivatives to the channels: each derivative and its absolute value, where the other one is negative
/// and where it is not. Masks instead of branches make it vector instructions.
fn add_row(across: &[i16; WINDOW], down: &[i16; WINDOW], columns: &mut [[i16; WINDOW]; CHANNELS]) {
    let [c0, c1, c2, c3, c4, c5, c6, c7] = columns;
    for x in 0..WINDOW {
        let (dx, dy) = (across[x], down[x]);
        // All ones where the derivative is negative.
        let (left, up) = (dx >> 15, dy >> 15);
        let (width, height) = ((dx ^ left) - left, (dy ^ up) - up);
        c0[x] += dx & !up;
        c1[x] += width & !up;
        c2[x] += dx & up;
        c3[x] += width & up;
        c4[x] += dy & !left;
        c5[x] += height & !left;
        c6[x] += dy & left;
        c7[x] += height & left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_numbers_56_patches() {
        assert_eq!(patches().len(), 56);
        for patch in patches() {
            assert!(patch.x + 2 * patch.cell_width <= WINDOW && patch.y + 2 * patch.cell_height <= WINDOW);
        }
    }

    #[test]
    fn features_are_the_sums_over_cells_scaled_to_length_one() {
        let pixels: Pixels = array::from_fn(|y| array::from_fn(|x| (x * x * 31 + y * 57 + x * y * 7) as u8));
        let at = |x: usize, y: usize| i32::from(pixels[y][x]);
        let mut computed = Channels::default();
        computed.compute(&[[9; WINDOW]; WINDOW], &[true; SIDE]);
        let features: Vec<_> = (0..patches().len()).collect();
        computed.compute(&pixels, &rows(&features));
        for patch in patches() {
            let mut expected = [0.0f32; VALUES];
            for y in 0..2 * patch.cell_height {
                for x in 0..2 * patch.cell_width {
                    let (px, py) = (patch.x + x, patch.y + y);
                    let dx =
                        (at((px + 1).min(39), py) - at(px.max(1) - 1, py)) * if px % 39 == 0 { 2 } else { 1 };
                    let dy =
                        (at(px, (py + 1).min(39)) - at(px, py.max(1) - 1)) * if py % 39 == 0 { 2 } else { 1 };
                    let cell = (y / patch.cell_height) * 2 + x / patch.cell_width;
                    let (first, second) = (if dy < 0 { 2 } else { 0 }, if dx < 0 { 6 } else { 4 });
                    expected[cell * CHANNELS + first] += dx as f32;
                    expected[cell * CHANNELS + first + 1] += dx.abs() as f32;
                    expected[cell * CHANNELS + second] += dy as f32;
                    expected[cell * CHANNELS + second + 1] += dy.abs() as f32;
                }
            }
            let length = expected.iter().map(|value| value * value).sum::<f32>().sqrt();
            let mut feature = [0.0; VALUES];
            computed.feature(*patch, &mut feature);
            for (value, sum) in feature.iter().zip(expected) {
                assert!((value - sum / length).abs() < 1e-5, "{patch:?}");
            }
        }
    }
}
