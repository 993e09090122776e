//! Proposes windows of a level: those that one of the model's views accepts.
//!
//! Most windows fail the first ten patterns of each view. Nothing can fail here: the parser has checked that all patterns
//! lie inside the window.

use super::model::{Group, View};
use super::pyramid::{Grid, Level};
use super::window::{self, WINDOW, Window};

/// Minimum variance of brightness in a window: below, what looks like a face is noise.
const MIN_VARIANCE: f32 = 100.0;

/// Appends the windows of `grid` that `view` accepts to `proposals`, in pixels of a picture of which the level is a copy
/// reduced by `scale`. Of more than `most`, the best remain.
pub(super) fn propose(
    view: &View,
    level: &Level,
    grid: &Grid,
    scale: f32,
    most: usize,
    proposals: &mut Vec<Window>,
) {
    let mut open: Vec<Candidate> = grid.windows().map(|(x, y)| (y * level.width + x, 0.0)).collect();
    for group in &view.groups {
        keep_accepted(group, level, &mut open);
    }
    let rounded = |at: f32| (at / scale + 0.5) as i32;
    for (start, score) in open {
        let (x, y) = (start % level.width, start / level.width);
        if level.variance(x, y) > MIN_VARIANCE {
            if proposals.len() >= 2 * most {
                window::sort(proposals);
                proposals.truncate(most);
            }
            let size = rounded(WINDOW as f32);
            proposals.push(Window { x: rounded(x as f32), y: rounded(y as f32), size, score });
        }
    }
}

/// Index of a window's first pixel, and the sum of its weights so far.
type Candidate = (usize, f32);

/// Adds the weights of a group to all candidates, and drops those that miss its threshold. Going through all candidates
/// with one group at a time, and without branches, keeps the processor from waiting for each sum in turn.
fn keep_accepted(group: &Group, level: &Level, candidates: &mut Vec<Candidate>) {
    let patterns = level.patterns();
    let offsets = group.places.map(|(x, y)| usize::from(y) * level.width + usize::from(x));
    let mut kept = 0;
    for index in 0..candidates.len() {
        let (start, mut sum) = candidates[index];
        for (weights, offset) in group.weights.iter().zip(offsets) {
            sum += weights[usize::from(patterns[start + offset])];
        }
        candidates[kept] = (start, sum);
        kept += usize::from(sum >= group.threshold);
    }
    candidates.truncate(kept);
}
