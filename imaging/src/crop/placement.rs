//! Where the crop goes: the place whose cells are worth most.
//!
//! A cell counts by where it lies in the crop: little at the edge, most at the lines of the thirds, and
//! against the crop where it is left outside. Crops move by whole cells, so a cell's weight depends on its
//! place in the crop alone: scoring all crops is a correlation of the cells with one table of weights.

use super::CELL;
use super::features::Cells;

const OUTSIDE: f64 = -0.5;
const EDGE_RADIUS: f64 = 0.4;
const EDGE_WEIGHT: f64 = -20.0;

/// Scores that differ by less than this part of what could be scored are equal: what differs is rounding.
const TIE: f64 = 1e-12;

/// A place for the crop in pixels of the small copy, and its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placement {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) score: f64,
}

/// The best place for a crop of `crop` (width, height) in a picture of `size`.
pub(super) fn best(cells: &Cells, size: (u32, u32), crop: (u32, u32)) -> Placement {
    let scorer = Scorer::new(cells, crop);
    let free = (size.0 - crop.0, size.1 - crop.1);
    let places = (0..=free.1 / CELL).flat_map(|row| (0..=free.0 / CELL).map(move |column| (column, row)));
    let scored: Vec<_> = places
        .map(|(column, row)| Placement { x: column * CELL, y: row * CELL, score: scorer.score(column, row) })
        .collect();

    let most = scored.iter().map(|place| place.score).fold(f64::MIN, f64::max);
    let off_center = |place: &Placement| (2 * place.x).abs_diff(free.0) + (2 * place.y).abs_diff(free.1);
    let equals = scored.into_iter().filter(|place| place.score >= most - scorer.tie);
    // There always is one: the first place fits whatever the sizes.
    equals.min_by_key(off_center).unwrap_or(Placement { x: 0, y: 0, score: 0.0 })
}

/// What is the same for all places.
struct Scorer<'a> {
    cells: &'a Cells,
    /// Cells across the crop.
    width: usize,
    /// Weight of each cell of the crop beyond [`OUTSIDE`], row by row.
    weights: Vec<f64>,
    /// The score of a crop with everything outside.
    outside: f64,
    /// Pixels of the crop.
    area: f64,
    tie: f64,
}

impl<'a> Scorer<'a> {
    fn new(cells: &'a Cells, crop: (u32, u32)) -> Self {
        let across = Axis::all(crop.0);
        let down = Axis::all(crop.1);
        let weights: Vec<_> =
            down.iter().flat_map(|y| across.iter().map(move |x| weight(x, y) - OUTSIDE)).collect();
        let area = f64::from(crop.0) * f64::from(crop.1);
        let worth: f64 = cells.worth.iter().sum();
        let most = weights.iter().fold(0.0, |most: f64, weight| most.max(weight.abs()));
        let tie = TIE * worth * most / area;
        Self { cells, width: across.len(), weights, outside: OUTSIDE * worth, area, tie }
    }

    /// The score with the crop's corner at a cell. Cells of the crop that are not whole in the picture do not
    /// exist: rows and columns end where the cells do.
    fn score(&self, column: u32, row: u32) -> f64 {
        let (column, row) = (column as usize, row as usize);
        if column >= self.cells.width {
            return self.outside / self.area;
        }
        let rows = self.cells.worth.chunks_exact(self.cells.width).skip(row);
        let inside: f64 = rows
            .zip(self.weights.chunks_exact(self.width))
            .map(|(cells, weights)| dot(&cells[column..], weights))
            .sum();
        (self.outside + inside) / self.area
    }
}

/// The sum of products, as far as both go; in lanes, so that the additions need not wait for each other.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let length = a.len().min(b.len());
    let (a, a_rest) = a[..length].as_chunks::<4>();
    let (b, b_rest) = b[..length].as_chunks::<4>();
    let mut lanes = [0.0; 4];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..4 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f64>() + rest
}

/// A cell's place along one side of the crop.
struct Axis {
    /// Distance from the middle, 0 to 1.
    off_center: f64,
    /// How far beyond the inner part it is.
    into_edge: f64,
    /// Nearness to a third, 0 to 1.
    third: f64,
}

impl Axis {
    fn all(side: u32) -> Vec<Self> {
        (0..side.div_ceil(CELL)).map(|cell| Self::new(f64::from(cell * CELL) / f64::from(side))).collect()
    }

    fn new(place: f64) -> Self {
        let off_center = (0.5 - place).abs() * 2.0;
        let from_third = ((off_center - 1.0 / 3.0 + 1.0) % 2.0 * 0.5 - 0.5) * 16.0;
        Self {
            off_center,
            into_edge: (off_center - 1.0 + EDGE_RADIUS).max(0.0),
            third: (1.0 - from_third * from_third).max(0.0),
        }
    }
}

/// smartcrop's importance of a place inside the crop.
fn weight(x: &Axis, y: &Axis) -> f64 {
    let edge = (x.into_edge * x.into_edge + y.into_edge * y.into_edge) * EDGE_WEIGHT;
    let center = 1.41 - (x.off_center * x.off_center + y.off_center * y.off_center).sqrt();
    let thirds = (center + edge + 0.5).max(0.0) * 1.2 * (x.third + y.third);
    center + thirds + edge
}
