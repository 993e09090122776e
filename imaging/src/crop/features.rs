//! What smartcrop looks for, edges, skin and strong colour, gathered in cells of 8 × 8 pixels.
//!
//! Each feature is rounded to eight bits a pixel and again a cell, with the results of smartcrop2 to the last
//! bit, so that both see the same picture. What is saved is time: three rows are held instead of pictures of
//! features, and the arithmetic is that of [`line`](super::line).

use super::CELL;
use super::line::{Feature, Line};
use crate::Raster;

const SIDE: usize = CELL as usize;

const DETAIL_WEIGHT: f64 = 0.2;
const SKIN_WEIGHT: f64 = 1.8;
const SKIN_BIAS: f64 = 0.01;
const SATURATION_WEIGHT: f64 = 0.1;
const SATURATION_BIAS: f64 = 0.2;

/// How much each whole cell of the picture is worth inside a crop.
#[derive(Debug)]
pub(super) struct Cells {
    /// Cells across; 0 in a picture narrower than one.
    pub(super) width: usize,
    /// Cell by cell, row by row; never below 0.
    pub(super) worth: Vec<f64>,
}

impl Cells {
    /// The cells of a picture. Pixels beyond the last whole cell count for nothing, as in smartcrop.
    pub(super) fn of(raster: &Raster) -> Self {
        let (across, down) = (raster.width() as usize / SIDE, raster.height() as usize / SIDE);
        let mut worth = Vec::with_capacity(across * down);
        if across > 0 && down > 0 {
            let mut rows = Rows::new(raster);
            for band in 0..down {
                for y in band * SIDE..(band + 1) * SIDE {
                    rows.read(y);
                }
                rows.value_cells(&mut worth);
            }
        }
        Self { width: across, worth }
    }
}

/// The row above, the row itself and the row below; the features of the rows of one band of cells.
struct Rows<'a> {
    raster: &'a Raster,
    lines: [Line; 3],
    detail: Feature,
    skin: Feature,
    saturation: Feature,
    /// Detail, skin and saturation of a band's cells: sum and largest value. Scratch space.
    cells: [Vec<(u32, u8)>; 3],
}

impl<'a> Rows<'a> {
    /// Stands before the first row.
    fn new(raster: &'a Raster) -> Self {
        let width = raster.width() as usize;
        let lines = [(); 3].map(|()| Line::new(width));
        let [detail, skin, saturation] = [(); 3].map(|()| Feature::new(width));
        let mut rows = Self { raster, lines, detail, skin, saturation, cells: Default::default() };
        rows.lines[2].read(rows.pixels(0));
        rows
    }

    fn pixels(&self, y: usize) -> &'a [[u8; 3]] {
        let width = self.raster.width() as usize;
        &self.raster.pixels()[y * width..(y + 1) * width]
    }

    /// Takes in the features of row `y`, the one behind the last that was read.
    fn read(&mut self, y: usize) {
        let last = self.raster.height() as usize - 1;
        self.lines.rotate_left(1);
        if y < last {
            let pixels = self.pixels(y + 1);
            self.lines[2].read(pixels);
        }
        let [above, row, below] = &self.lines;
        self.skin.skin(row);
        self.saturation.saturation(row);
        if y == 0 || y == last {
            self.detail.outermost(row);
        } else {
            self.detail.edges([above, row, below]);
        }
        for feature in [&mut self.detail, &mut self.skin, &mut self.saturation] {
            feature.gather();
        }
    }

    /// Adds the worth of the cells that the rows since the last call make up.
    fn value_cells(&mut self, worth: &mut Vec<f64>) {
        let [detail, skin, saturation] = &mut self.cells;
        self.detail.cells(detail);
        self.skin.cells(skin);
        self.saturation.cells(saturation);
        let cells = detail.iter().zip(skin).zip(saturation);
        worth.extend(
            cells.map(|((&detail, &mut skin), &mut (saturation, _))| value(detail, skin, saturation)),
        );
    }
}

/// A cell's three features, weighed and added; each is given by its sum and its largest value. Strong single
/// pixels count for more than their mean.
fn value(detail: (u32, u8), skin: (u32, u8), saturation: u32) -> f64 {
    const EACH: f64 = 1.0 / (SIDE * SIDE) as f64;
    let detail = f64::from(detail.0) * EACH * 0.7 + f64::from(detail.1) * 0.3;
    let skin = f64::from(skin.0) * EACH * 0.5 + f64::from(skin.1) * 0.5;
    let saturation = f64::from(saturation) * EACH;
    let [detail, skin, saturation] = [detail, skin, saturation].map(|mean| mean.round() / 255.0);
    DETAIL_WEIGHT * detail
        + SKIN_WEIGHT * skin * (detail + SKIN_BIAS)
        + SATURATION_WEIGHT * saturation * (detail + SATURATION_BIAS)
}
