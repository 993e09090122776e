//! Judges proposals one by one: each perceptron of the model drops windows and moves the others closer to the face.
//!
//! A window is read from the picture itself, not from a level, and scaled to the model's size. What lies outside the
//! picture is black. Windows that become too small, or leave the picture, are dropped.

use std::array;

use super::model::Stage;
use super::perceptron::Perceptron;
use super::pyramid::{ACROSS, DOWN, Grey, blend_rows, interpolate, place};
use super::surf::{Channels, Pixels};
use super::window::{self, WINDOW, Window};

/// Sizes of windows that can show a face. The model's smallest is 40, and it may shrink them somewhat.
const SMALLEST: i32 = 20;

/// Buffers that are reused for each window.
pub(super) struct Refiner {
    pixels: Box<Pixels>,
    channels: Channels,
    perceptron: Perceptron,
    /// Two rows of a window that leaves the picture.
    rows: [Vec<u8>; 2],
    blended: Vec<u16>,
}

impl Default for Refiner {
    fn default() -> Self {
        Self {
            pixels: Box::new([[0; WINDOW]; WINDOW]),
            channels: Channels::default(),
            perceptron: Perceptron::default(),
            rows: Default::default(),
            blended: Vec::new(),
        }
    }
}

impl Refiner {
    /// Maximum memory in bytes for a picture with this short side.
    pub(super) fn memory(short: u64) -> u64 {
        // Rows are up to twice as long, and are doubled when they grow. The layers of a perceptron are small.
        Channels::BYTES + (WINDOW * WINDOW) as u64 + 8 * short * (2 + size_of::<u16>() as u64) + (64 << 10)
    }

    /// Passes `windows` through a stage of the model. At most `most` are merged.
    pub(super) fn pass(&mut self, stage: &Stage, picture: &Grey, windows: &mut Vec<Window>, most: usize) {
        windows.retain_mut(|window| {
            if !is_usable(window, picture) {
                return false;
            }
            self.cut(picture, window);
            self.channels.compute(&self.pixels, &stage.rows);
            let seen = self.perceptron.predict(stage, &self.channels);
            if seen.score <= stage.threshold {
                return false;
            }
            let size = window.size as f32;
            let part = |value: f32| (value * 2.0 - 1.0) * size;
            let grown = (size + part(seen.growth) + 0.5).floor();
            let moved = |at: i32, by: f32| (at as f32 + part(by) + (size - grown) * 0.5 + 0.5).floor() as i32;
            *window = Window {
                x: moved(window.x, seen.right),
                y: moved(window.y, seen.down),
                size: grown as i32,
                score: seen.score,
            };
            true
        });
        if let Some(limit) = stage.merge {
            window::merge(windows, limit, most);
        }
    }

    /// Scales the window's pixels to the model's size, as the levels of the pyramid are.
    fn cut(&mut self, picture: &Grey, window: &Window) {
        let size = window.size as usize;
        let columns: [_; WINDOW] = array::from_fn(|x| place(x, size, WINDOW, ACROSS));
        let inside = |at: i32, side: usize| at >= 0 && at as usize + size <= side;
        let whole = inside(window.x, picture.width) && inside(window.y, picture.height);
        self.blended.resize(size, 0);
        for (y, out) in self.pixels.iter_mut().enumerate() {
            let (above, weight) = place(y, size, WINDOW, DOWN);
            let [above, below] = if whole {
                let first = (window.y as usize + above) * picture.width + window.x as usize;
                [&picture.data[first..first + size], &picture.data[first + picture.width..][..size]]
            } else {
                for (row, at) in self.rows.iter_mut().zip([above, above + 1]) {
                    copy_row(picture, window, at as i32, row);
                }
                [&self.rows[0][..], &self.rows[1][..]]
            };
            blend_rows(above, below, weight, &mut self.blended);
            interpolate(&self.blended, &columns, out);
        }
    }
}

/// Whether a window is neither too small, nor larger than all the picture, nor outside it.
fn is_usable(window: &Window, picture: &Grey) -> bool {
    let most = 2 * picture.width.min(picture.height) as i32;
    let meets = |at: i32, side: usize| at < side as i32 && at + window.size > 0;
    (SMALLEST..=most).contains(&window.size)
        && meets(window.x, picture.width)
        && meets(window.y, picture.height)
}

/// Copies row `at` of a window, with zeros for what is outside the picture.
fn copy_row(picture: &Grey, window: &Window, at: i32, row: &mut Vec<u8>) {
    row.clear();
    row.resize(window.size as usize, 0);
    let (left, right) = (window.x.max(0), (window.x + window.size).min(picture.width as i32));
    let y = window.y + at;
    if (0..picture.height as i32).contains(&y) && left < right {
        let source = &picture.data[y as usize * picture.width..][left as usize..right as usize];
        row[(left - window.x) as usize..][..source.len()].copy_from_slice(source);
    }
}
