//! A picture in cells: the mean colour and the detail of about 4 × 4 pixels each, and grids of one value per cell.
//!
//! Cells are enough to tell a subject from its background, and a sixteenth of the work. The smallest picture has one
//! cell. It cannot fail.

use crate::Raster;

/// Side of a cell in pixels of the small copy.
const SIDE: usize = 4;

/// One value for each cell of a picture, row by row.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    pub(crate) values: Vec<f32>,
}

impl Grid {
    /// For each column the mean of its values in a power.
    pub(crate) fn column_means(&self, power: i32) -> Vec<f32> {
        let mut sums = vec![0.0; self.columns];
        for row in self.values.chunks_exact(self.columns) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value.powi(power));
        }
        sums.into_iter().map(|sum| sum / self.rows as f32).collect()
    }

    /// For each row the mean of its values in a power.
    pub(crate) fn row_means(&self, power: i32) -> Vec<f32> {
        let mean = |row: &[f32]| row.iter().map(|value| value.powi(power)).sum::<f32>() / row.len() as f32;
        self.values.chunks_exact(self.columns).map(mean).collect()
    }

    /// Each value becomes the mean of itself and its neighbours, those across a corner included.
    pub(super) fn smoothed(&self) -> Self {
        let mut across = self.clone();
        let rows = across.values.chunks_exact_mut(self.columns).zip(self.values.chunks_exact(self.columns));
        rows.for_each(|(to, from)| mean_of_three(to, from, 1));
        let mut both = across.clone();
        mean_of_three(&mut both.values, &across.values, self.columns);
        both
    }
}

/// Each value becomes the mean of itself and those at a distance before and after it. At the ends it counts for a
/// missing one.
fn mean_of_three(to: &mut [f32], from: &[f32], distance: usize) {
    for (index, mean) in to.iter_mut().enumerate() {
        let own = from[index];
        let before = index.checked_sub(distance).map_or(own, |index| from[index]);
        let after = from.get(index + distance).copied().unwrap_or(own);
        *mean = (before + own + after) / 3.0;
    }
}

/// The cells of a picture.
pub(super) struct Cells {
    /// Mean colour of each cell in sRGB.
    pub(super) colours: Vec<[u8; 3]>,
    /// Mean of the picture's Laplacian in each cell, 0 to 255.
    pub(super) detail: Grid,
}

impl Cells {
    pub(super) fn new(small: &Raster) -> Self {
        let (width, height) = (small.width() as usize, small.height() as usize);
        let (columns, rows) = ((width / SIDE).max(1), (height / SIDE).max(1));
        let lightness: Vec<u8> = small.pixels().iter().map(|&pixel| lightness(pixel)).collect();
        let edges: Vec<_> = (0..=columns).map(|column| column * width / columns).collect();
        let (mut colours, mut detail) = (Vec::new(), Vec::new());
        let mut line = vec![0; width];
        for row in 0..rows {
            let lines = row * height / rows..(row + 1) * height / rows;
            let mut band = vec![[0_u32; 4]; columns];
            for y in lines.clone() {
                laplacian(&mut line, &lightness, y);
                let pixels = &small.pixels()[y * width..(y + 1) * width];
                for (sums, edges) in band.iter_mut().zip(edges.windows(2)) {
                    let cell = edges[0]..edges[1];
                    add(sums, &pixels[cell.clone()], &line[cell]);
                }
            }
            for (sums, edges) in band.iter().zip(edges.windows(2)) {
                let count = ((edges[1] - edges[0]) * lines.len()) as u32;
                let [red, green, blue, change] = *sums;
                colours.push([red, green, blue].map(|sum| ((sum + count / 2) / count) as u8));
                detail.push(change as f32 / count as f32);
            }
        }
        Self { colours, detail: Grid { columns, rows, values: detail } }
    }
}

fn add(sums: &mut [u32; 4], pixels: &[[u8; 3]], changes: &[u8]) {
    for (pixel, &change) in pixels.iter().zip(changes) {
        for (sum, value) in sums.iter_mut().zip(pixel.iter().chain([&change])) {
            *sum += u32::from(*value);
        }
    }
}

/// Luma of BT.709, without gamma correction.
fn lightness([red, green, blue]: [u8; 3]) -> u8 {
    ((u32::from(red) * 54 + u32::from(green) * 183 + u32::from(blue) * 19) >> 8) as u8
}

/// The strength of the Laplacian in row `y` of a picture as wide as `line`: how much a pixel differs from its four
/// neighbours. 0 at the picture's edge.
fn laplacian(line: &mut [u8], lightness: &[u8], y: usize) {
    line.fill(0);
    let width = line.len();
    let row = |y: usize| lightness.get(y * width..(y + 1) * width);
    let (Some(above), Some(own), Some(below)) = (y.checked_sub(1).and_then(row), row(y), row(y + 1)) else {
        return;
    };
    if width < 3 {
        return;
    }
    let beside = own.windows(3).zip(above[1..].iter().zip(&below[1..]));
    for (change, (own, (&above, &below))) in line[1..width - 1].iter_mut().zip(beside) {
        let around = i16::from(own[0]) + i16::from(own[2]) + i16::from(above) + i16::from(below);
        *change = (4 * i16::from(own[1]) - around).unsigned_abs().min(255) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_the_mean_colour_and_the_detail_of_its_pixels() {
        let mut data = vec![100; 8 * 8 * 3];
        data[(2 * 8 + 2) * 3..][..3].fill(180);
        let cells = Cells::new(&Raster::new(8, 8, data).unwrap());
        assert_eq!(cells.colours, [[105; 3], [100; 3], [100; 3], [100; 3]]);
        // The lit pixel differs from four neighbours by 80, and each of these from it alone.
        assert_eq!(cells.detail.values, [(255 + 4 * 80) as f32 / 16.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn the_smallest_pictures_have_cells() {
        for (width, height) in [(1, 1), (1, 1024), (1024, 1), (2, 3), (5, 7)] {
            let count = (width * height * 3) as usize;
            let cells = Cells::new(&Raster::new(width, height, vec![7; count]).unwrap());
            assert_eq!(cells.colours.len(), cells.detail.columns * cells.detail.rows);
            assert!(cells.colours.iter().all(|colour| *colour == [7; 3]));
        }
    }

    #[test]
    fn means_go_along_both_sides() {
        let grid = Grid { columns: 2, rows: 3, values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
        assert_eq!(grid.column_means(1), [3.0, 4.0]);
        assert_eq!(grid.row_means(2), [2.5, 12.5, 30.5]);
        assert_eq!(
            Grid { columns: 3, rows: 1, values: vec![3.0, 0.0, 0.0] }.smoothed().values,
            [2.0, 1.0, 0.0]
        );
    }
}
