//! What a picture shows: how much each part of it matters, where its faces are, and the rectangle that holds its subject.
//!
//! The engine asks for it once per picture, on the small upright copy; [`layout`](crate::layout) places every window by
//! it. All coordinates are fractions of the picture, so that they hold for any copy. It cannot fail: a flat picture has
//! no subject, and then the whole picture is.

mod border;
mod cells;
mod importance;

use crate::subpixel_rect::SubpixelRect;
use crate::{Face, Raster, Top};

pub(crate) use cells::Grid;

/// The share of the importance that lies outside of the subject, on each of its four sides.
const OUTSIDE: f32 = 0.04;

/// A face that was found, as fractions of the picture's width and height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FaceBox {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Where the top of the head is.
    pub top: Top,
}

/// A part of one side of the picture, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    pub(crate) start: f64,
    pub(crate) end: f64,
}

/// How much the parts of a picture matter.
#[derive(Debug)]
pub(crate) struct Subject {
    /// 0 (background) to 1 for each cell.
    pub(crate) importance: Grid,
    pub(crate) faces: Vec<FaceBox>,
    /// The parts of the width and of the height outside which the picture is transparent.
    visible: [Span; 2],
}

impl Subject {
    /// Finds the subject of a picture by a small copy of it, about 256 pixels on the short side.
    pub(crate) fn find(small: &Raster, faces: Vec<FaceBox>) -> Self {
        Self { importance: importance::of(small), faces, visible: [Span::WHOLE; 2] }
    }

    /// The same subject in a picture of which only `visible` can be seen, in fractions of its sides; `None` is all of it.
    pub(crate) fn within(self, visible: Option<SubpixelRect>) -> Self {
        let Some(visible) = visible else { return self };
        let across = Span { start: visible.left, end: visible.left + visible.width };
        let down = Span { start: visible.top, end: visible.top + visible.height };
        Self { visible: [across, down].map(Span::clamped), ..self }
    }

    /// The part of the width, and the part of the height, that hold the subject and all heads as far as they are visible.
    pub(crate) fn bounds(&self) -> [Span; 2] {
        let profiles = [self.importance.column_means(1), self.importance.row_means(1)];
        let [mut across, mut down] = profiles.map(|profile| middle(&profile, OUTSIDE));
        for face in &self.faces {
            let head = face.head();
            across = across.with(head[0]);
            down = down.with(head[1]);
        }
        [across.within(self.visible[0]), down.within(self.visible[1])]
    }
}

impl FaceBox {
    /// A face in the pixels of a picture.
    pub(crate) fn new(face: &Face, picture: &Raster) -> Self {
        let across = |pixels: f32| f64::from(pixels) / f64::from(picture.width());
        let down = |pixels: f32| f64::from(pixels) / f64::from(picture.height());
        Self {
            x: across(face.x),
            y: down(face.y),
            width: across(face.width),
            height: down(face.height),
            top: face.top,
        }
    }

    /// The head that belongs to the face: hair above it, ears beside it, and a little below.
    pub(crate) fn head(&self) -> [Span; 2] {
        const ABOVE: f64 = 0.4;
        const BESIDE: f64 = 0.2;
        const BELOW: f64 = 0.1;
        // From the top of the head, a quarter turn leads to a side of the face, and half a turn to the chin.
        let [left, right, up, down] = match self.top {
            Top::Up => [BESIDE, BESIDE, ABOVE, BELOW],
            Top::Left => [ABOVE, BELOW, BESIDE, BESIDE],
            Top::Right => [BELOW, ABOVE, BESIDE, BESIDE],
        };
        let across = Span { start: self.x - left * self.width, end: self.x + (1.0 + right) * self.width };
        let down = Span { start: self.y - up * self.height, end: self.y + (1.0 + down) * self.height };
        [across, down].map(Span::clamped)
    }

    /// The face alone.
    pub(crate) fn spans(&self) -> [Span; 2] {
        let across = Span { start: self.x, end: self.x + self.width };
        let down = Span { start: self.y, end: self.y + self.height };
        [across, down].map(Span::clamped)
    }
}

impl Span {
    pub(crate) const WHOLE: Self = Self { start: 0.0, end: 1.0 };

    pub(crate) fn length(self) -> f64 {
        self.end - self.start
    }

    fn clamped(self) -> Self {
        Self { start: self.start.clamp(0.0, 1.0), end: self.end.clamp(0.0, 1.0) }
    }

    /// The part of this span inside another one; the other one if they do not meet.
    fn within(self, other: Self) -> Self {
        let both = Self { start: self.start.max(other.start), end: self.end.min(other.end) };
        if both.length() > 0.0 { both } else { other }
    }

    fn with(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// The part of a profile that is left when `outside` of its sum is taken from each end. All of it if the sum is 0.
pub(crate) fn middle(profile: &[f32], outside: f32) -> Span {
    let total: f32 = profile.iter().sum();
    if total <= 0.0 {
        return Span::WHOLE;
    }
    let length = profile.len() as f64;
    let start = reach(profile.iter(), total * outside);
    let end = length - reach(profile.iter().rev(), total * outside);
    Span { start: start / length, end: end.max(start) / length }
}

/// How many values, in fractions of one, add up to `sum`.
fn reach<'a>(values: impl Iterator<Item = &'a f32>, sum: f32) -> f64 {
    let (mut seen, mut at) = (0.0, 0.0);
    for &value in values {
        if seen + value >= sum {
            return at + if value > 0.0 { f64::from((sum - seen) / value) } else { 0.0 };
        }
        seen += value;
        at += 1.0;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_leaves_the_same_sum_on_both_sides() {
        assert_eq!(middle(&[1.0; 10], 0.1), Span { start: 0.1, end: 0.9 });
        assert_eq!(middle(&[0.0; 10], 0.1), Span::WHOLE);
        let span = middle(&[0.0, 0.0, 8.0, 0.0], 0.25);
        assert!((span.start - 0.5625).abs() < 1e-6 && (span.end - 0.6875).abs() < 1e-6, "{span:?}");
    }

    #[test]
    fn a_head_stays_inside_of_the_picture() {
        let face = FaceBox { x: 0.0, y: 0.1, width: 0.5, height: 0.9, top: Top::Up };
        let [across, down] = face.head();
        assert_eq!((across.start, down.start, down.end), (0.0, 0.0, 1.0));
        assert!((across.end - 0.6).abs() < 1e-9);
        let [across, down] = FaceBox { x: 0.3, y: 0.3, top: Top::Right, width: 0.2, height: 0.3 }.head();
        let near = |found: f64, expected: f64| (found - expected).abs() < 1e-9;
        assert!(near(across.start, 0.28) && near(across.end, 0.58), "{across:?}");
        assert!(near(down.start, 0.24) && near(down.end, 0.66), "{down:?}");
    }

    #[test]
    fn the_bounds_hold_what_stands_out_and_every_head() {
        let small = Raster::new(96, 64, vec![200; 96 * 64 * 3]).map(|plain| {
            let mut data = plain.data().to_vec();
            for y in 20..44 {
                for x in 60..84 {
                    data[(y * 96 + x) * 3..][..3].copy_from_slice(&[200, 30, 20]);
                }
            }
            Raster::new(96, 64, data).unwrap()
        });
        let subject = Subject::find(&small.unwrap(), Vec::new());
        let [across, down] = subject.bounds();
        assert!(across.start > 0.5 && across.end < 0.95, "{across:?}");
        assert!(down.start > 0.2 && down.end < 0.8, "{down:?}");
        let face = FaceBox { x: 0.1, y: 0.5, width: 0.1, height: 0.1, top: Top::Up };
        let [across, _] = Subject { faces: vec![face], ..subject }.bounds();
        assert!(across.start <= 0.1, "{across:?}");
    }

    #[test]
    fn spans_that_do_not_meet_leave_the_visible_one() {
        let (early, late) = (Span { start: 0.0, end: 0.4 }, Span { start: 0.3, end: 0.9 });
        assert_eq!(late.within(early), Span { start: 0.3, end: 0.4 });
        assert_eq!(Span { start: 0.5, end: 0.9 }.within(early), early);
    }
}
