//! Places a window along one side of a picture.
//!
//! A place is good that holds much of what matters, well inside, and cuts little at its top: spires, ears and hair. Heads
//! are constraints: first as many of them are kept whole as can be, then the rest decides. It cannot fail; where nothing
//! decides, the window lies in the middle.

use crate::subject::{Span, Subject, middle};

/// How a profile counts a few cells that matter much against many that matter little: the order of the norm.
const ORDER_ACROSS: i32 = 2;
const ORDER_DOWN: i32 = 3;

/// How far the weight of what is inside rises from the window's edges, as a part of its length.
const FADE: f64 = 0.3;

/// How much what is left outside counts against a place.
const OUTSIDE: f64 = 0.2;

/// How much what the upper edge cuts counts against a place. What the other edges cut is rarely missed.
const CUT_AT_TOP: f64 = 2.0;

/// How much it counts that the part of the subject that has most of its importance is not inside. Down the picture the
/// cut does better.
const MISSED_ACROSS: f64 = 0.3;

/// The share of the importance on each side of that part.
const BESIDE: f32 = 0.15;

/// Pull to the middle, and up: what matters little decides by it.
const CENTRE: f64 = 0.05;
const UP: f64 = 0.02;

/// What a head that is cut costs: more than all else together.
const CUT_HEAD: f64 = 100.0;

/// The part of a head that may be outside: its box is not more exact.
const HEAD_TOLERANCE: f64 = 0.02;

/// Places per cell that are tried.
const PLACES_PER_CELL: f64 = 2.0;

/// Along which side of the picture windows move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Across,
    Down,
}

/// What decides along one side of the picture.
pub(super) struct Axis {
    direction: Direction,
    /// The part of the picture's importance in each cell. They add up to 1.
    profile: Vec<f64>,
    /// What a cut through each cell costs, 0 to 1.
    cuts: Vec<f64>,
    /// The part that holds most of the importance.
    core: Span,
    /// Each head, and the face in it.
    heads: Vec<[Span; 2]>,
}

/// Where a window starts, as a part of the picture's side, and how good that is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) start: f64,
    pub(super) score: f64,
}

/// The window of `length` around a point, moved inside the picture.
pub(super) fn around(point: f64, length: f64) -> Place {
    let free = (1.0 - length).max(0.0);
    Place { start: (point - length / 2.0).clamp(0.0, free), score: 1.0 }
}

impl Axis {
    pub(super) fn new(subject: &Subject, direction: Direction) -> Self {
        let means = |power| match direction {
            Direction::Across => subject.importance.column_means(power),
            Direction::Down => subject.importance.row_means(power),
        };
        let order = match direction {
            Direction::Across => ORDER_ACROSS,
            Direction::Down => ORDER_DOWN,
        };
        let norms: Vec<_> =
            means(order).iter().map(|mean| f64::from(*mean).powf(1.0 / f64::from(order))).collect();
        let index = usize::from(direction == Direction::Down);
        Self {
            direction,
            profile: shares(&norms),
            cuts: cuts(&norms),
            core: middle(&means(1), BESIDE),
            heads: subject.faces.iter().map(|face| [face.head()[index], face.spans()[index]]).collect(),
        }
    }

    /// Finds the best place for a window of `length`, a part of the picture's side.
    pub(super) fn place(&self, length: f64) -> Place {
        let free = (1.0 - length).max(0.0);
        let steps = (free * self.profile.len() as f64 * PLACES_PER_CELL).ceil().max(1.0) as u32;
        let starts = (0..=steps).map(|step| free * f64::from(step) / f64::from(steps));
        let places = starts.map(|start| Place { start, score: self.score(start, length) });
        let best = places.reduce(|best, place| if place.score > best.score { place } else { best });
        best.unwrap_or(Place { start: 0.0, score: 0.0 })
    }

    fn score(&self, start: f64, length: f64) -> f64 {
        let middle = start + length / 2.0 - 0.5;
        let pull = CENTRE * 2.0 * middle.abs();
        let others = match self.direction {
            Direction::Across => MISSED_ACROSS * outside(self.core, start, length) / length,
            Direction::Down => CUT_AT_TOP * self.cut(start) + UP * 2.0 * middle,
        };
        self.kept(start, length) - others - pull - self.heads_cut(start, length)
    }

    /// What is inside, well inside counting most, less what is outside.
    fn kept(&self, start: f64, length: f64) -> f64 {
        let cells = self.profile.len() as f64;
        let weight = |cell: usize| {
            let position = ((cell as f64 + 0.5) / cells - start) / length;
            let depth = position.min(1.0 - position);
            // A cell on the edge is partly inside.
            let inside = (depth * length * cells + 0.5).clamp(0.0, 1.0);
            inside * (depth / FADE).clamp(0.0, 1.0) - OUTSIDE * (1.0 - inside)
        };
        self.profile.iter().enumerate().map(|(cell, share)| share * weight(cell)).sum()
    }

    /// What a cut at a place between 0 and 1 costs. Nothing at the picture's own edge.
    fn cut(&self, at: f64) -> f64 {
        if at <= 0.0 {
            return 0.0;
        }
        let last = self.cuts.len() - 1;
        let position = (at * self.cuts.len() as f64 - 0.5).clamp(0.0, last as f64);
        let (cell, part) = (position as usize, position.fract());
        self.cuts[cell] * (1.0 - part) + self.cuts[(cell + 1).min(last)] * part
    }

    fn heads_cut(&self, start: f64, length: f64) -> f64 {
        let cost = |&[head, face]: &[Span; 2]| {
            let span = part_that_fits(head, face, length);
            let missing = outside(span, start, length) / span.length().max(f64::EPSILON);
            if missing > HEAD_TOLERANCE { CUT_HEAD * (1.0 + missing) } else { 0.0 }
        };
        self.heads.iter().map(cost).sum()
    }
}

/// The part of a head that a window of `length` can hold: what is too much is taken from both sides of the face alike. The
/// face alone if that does not fit either.
fn part_that_fits(head: Span, face: Span, length: f64) -> Span {
    let (before, after) = (face.start - head.start, head.end - face.end);
    let surplus = (head.length() - length).max(0.0);
    let cut = (surplus / (before + after).max(f64::EPSILON)).min(1.0);
    Span { start: head.start + before * cut, end: head.end - after * cut }
}

/// The length of a span that is outside of a window.
fn outside(span: Span, start: f64, length: f64) -> f64 {
    (start - span.start).max(0.0) + (span.end - start - length).max(0.0)
}

/// Values as parts of their sum, the same for all if it is 0.
fn shares(values: &[f64]) -> Vec<f64> {
    let total: f64 = values.iter().sum();
    let even = 1.0 / values.len() as f64;
    values.iter().map(|value| if total > 0.0 { value / total } else { even }).collect()
}

/// What a cut through each cell costs: the values as parts of the greatest, each the mean of three.
fn cuts(values: &[f64]) -> Vec<f64> {
    let greatest = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let at = |cell: usize| values[cell.min(values.len() - 1)];
    let mean = |cell: usize| (at(cell.saturating_sub(1)) + at(cell) + at(cell + 1)) / 3.0;
    (0..values.len()).map(|cell| mean(cell) / greatest).collect()
}
