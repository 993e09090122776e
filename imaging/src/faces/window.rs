//! Square windows in a picture that may show a face, and merging those that show the same.
//!
//! A window may leave the picture: the model moves it to where it expects the face. Merging cannot fail; it looks at
//! each pair of windows, so the search keeps their number down.

/// Side in pixels of the square that the model looks at.
pub(super) const WINDOW: usize = 40;

/// A square with a score. Coordinates are pixels of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) size: i32,
    pub(super) score: f32,
}

impl Window {
    /// Intersection over union.
    pub(super) fn overlap(&self, other: &Self) -> f32 {
        let shared = |a: i32, b: i32| (a + self.size).min(b + other.size) - a.max(b);
        let (across, down) = (shared(self.x, other.x), shared(self.y, other.y));
        if across <= 0 || down <= 0 {
            return 0.0;
        }
        let common = across as f32 * down as f32;
        let area = |window: &Self| window.size as f32 * window.size as f32;
        common / (area(self) + area(other) - common)
    }
}

/// Orders windows by score, the best first.
pub(super) fn sort(windows: &mut [Window]) {
    windows.sort_by(|a, b| b.score.total_cmp(&a.score));
}

/// Merges windows that overlap by more than `limit`. The one with the best score remains, with the sum of all scores.
/// Only the best `most` windows are looked at; the others are dropped.
pub(super) fn merge(windows: &mut Vec<Window>, limit: f32, most: usize) {
    sort(windows);
    windows.truncate(most);
    let mut merged = vec![false; windows.len()];
    for best in 0..windows.len() {
        if merged[best] {
            continue;
        }
        let mut window = windows[best];
        for other in best + 1..windows.len() {
            if !merged[other] && window.overlap(&windows[other]) > limit {
                merged[other] = true;
                window.score += windows[other].score;
            }
        }
        windows[best] = window;
    }
    let mut merged = merged.into_iter();
    windows.retain(|_| merged.next() == Some(false));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(x: i32, y: i32, size: i32, score: f32) -> Window {
        Window { x, y, size, score }
    }

    #[test]
    fn windows_on_the_same_face_become_the_best_with_the_sum_of_scores() {
        let mut windows = vec![
            window(0, 0, 40, 1.0),
            window(200, 0, 40, 4.0),
            window(2, 2, 40, 3.0),
            window(40, 0, 40, 2.0),
        ];
        merge(&mut windows, 0.8, 100);
        assert_eq!(windows, [window(200, 0, 40, 4.0), window(2, 2, 40, 4.0), window(40, 0, 40, 2.0)]);
    }

    #[test]
    fn only_the_best_windows_are_kept() {
        let mut windows = (0..50).map(|at| window(at * 100, 0, 40, at as f32)).collect();
        merge(&mut windows, 0.5, 3);
        assert_eq!(windows.iter().map(|window| window.x).collect::<Vec<_>>(), [4900, 4800, 4700]);
    }
}
