//! Finds the position of the crop with the highest score.
//!
//! A cell's score is weighted by its position in the crop: little at the edge, most along the lines of thirds, and
//! negative outside. Crops move by whole cells, so the weight depends only on the position in the crop. Scoring all
//! crops is therefore a correlation of the cells with one table of weights.

use super::cell_scores::CellScores;
use super::row_features::CELL;

/// Weight of a cell outside the crop.
const OUTSIDE_WEIGHT: f64 = -0.5;
const EDGE_RADIUS: f64 = 0.4;
const EDGE_WEIGHT: f64 = -20.0;

/// Scores count as equal if they differ by less than this fraction of the maximum possible score. Such differences are
/// rounding errors.
const TIE: f64 = 1e-12;

/// A position of the crop in pixels of the small copy, and its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placement {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) score: f64,
}

/// Finds the best position for a crop of `crop` (width, height) in a picture of `size`.
pub(super) fn best(cells: &CellScores, size: (u32, u32), crop: (u32, u32)) -> Placement {
    let scorer = Scorer::new(cells, crop);
    let free = (size.0 - crop.0, size.1 - crop.1);
    let positions = (0..=free.1 / CELL).flat_map(|row| (0..=free.0 / CELL).map(move |column| (column, row)));
    let scored: Vec<_> = positions
        .map(|(column, row)| Placement { x: column * CELL, y: row * CELL, score: scorer.score(column, row) })
        .collect();

    let best = scored.iter().map(|placement| placement.score).fold(f64::MIN, f64::max);
    let off_center =
        |placement: &Placement| (2 * placement.x).abs_diff(free.0) + (2 * placement.y).abs_diff(free.1);
    let equals = scored.into_iter().filter(|placement| placement.score >= best - scorer.tie);
    // There always is one, because the first position fits for all sizes.
    equals.min_by_key(off_center).unwrap_or(Placement { x: 0, y: 0, score: 0.0 })
}

/// Everything that all positions have in common.
struct Scorer<'a> {
    cells: &'a CellScores,
    /// Number of cells across the crop.
    width: usize,
    /// Weight of each cell of the crop minus [`OUTSIDE_WEIGHT`], row by row.
    weights: Vec<f64>,
    /// Score of a crop with all cells outside.
    outside: f64,
    /// Number of pixels in the crop.
    area: f64,
    /// Scores that differ by less count as equal.
    tie: f64,
}

impl<'a> Scorer<'a> {
    fn new(cells: &'a CellScores, crop: (u32, u32)) -> Self {
        let across = AxisPosition::all(crop.0);
        let down = AxisPosition::all(crop.1);
        let weights: Vec<_> =
            down.iter().flat_map(|y| across.iter().map(move |x| weight(x, y) - OUTSIDE_WEIGHT)).collect();
        let area = f64::from(crop.0) * f64::from(crop.1);
        let total: f64 = cells.scores.iter().sum();
        let max = weights.iter().fold(0.0, |max: f64, weight| max.max(weight.abs()));
        let tie = TIE * total * max / area;
        Self { cells, width: across.len(), weights, outside: OUTSIDE_WEIGHT * total, area, tie }
    }

    /// Returns the score with the crop's top left corner at a cell. Incomplete cells at the edges of the picture do not
    /// count: rows and columns end with the last whole cell.
    fn score(&self, column: u32, row: u32) -> f64 {
        let (column, row) = (column as usize, row as usize);
        if column >= self.cells.width {
            return self.outside / self.area;
        }
        let rows = self.cells.scores.chunks_exact(self.cells.width).skip(row);
        let inside: f64 = rows
            .zip(self.weights.chunks_exact(self.width))
            .map(|(cells, weights)| dot(&cells[column..], weights))
            .sum();
        (self.outside + inside) / self.area
    }
}

/// Returns the dot product over the shorter length. It adds in four lanes, so that additions do not wait for each
/// other.
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

/// A cell's position along one side of the crop.
struct AxisPosition {
    /// Distance from the centre, 0 to 1.
    off_center: f64,
    /// Distance beyond the inner part.
    into_edge: f64,
    /// Closeness to a line of thirds, 0 to 1.
    third: f64,
}

impl AxisPosition {
    fn all(side: u32) -> Vec<Self> {
        (0..side.div_ceil(CELL)).map(|cell| Self::new(f64::from(cell * CELL) / f64::from(side))).collect()
    }

    fn new(position: f64) -> Self {
        let off_center = (0.5 - position).abs() * 2.0;
        let from_third = ((off_center - 1.0 / 3.0 + 1.0) % 2.0 * 0.5 - 0.5) * 16.0;
        Self {
            off_center,
            into_edge: (off_center - 1.0 + EDGE_RADIUS).max(0.0),
            third: (1.0 - from_third * from_third).max(0.0),
        }
    }
}

/// smartcrop's importance of a position inside the crop.
fn weight(x: &AxisPosition, y: &AxisPosition) -> f64 {
    let edge = (x.into_edge * x.into_edge + y.into_edge * y.into_edge) * EDGE_WEIGHT;
    let center = 1.41 - (x.off_center * x.off_center + y.off_center * y.off_center).sqrt();
    let thirds = (center + edge + 0.5).max(0.0) * 1.2 * (x.third + y.third);
    center + thirds + edge
}
