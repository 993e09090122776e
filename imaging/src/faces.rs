//! Finds faces that look at the camera, with `SeetaFace`'s frontal model (Wu et al. 2016).
//!
//! The search is a funnel. Cheap tests of colour and contrast rule out most windows (`gate`). Boosted cascades look at
//! the rest on several scales (`pyramid`, `cascade`), and perceptrons judge what these propose (`refine`). The model is
//! built into the program and parsed once for all threads. Only the parser can fail. A hostile picture can cost time,
//! but the number of windows that reach the perceptrons is limited.

mod cascade;
mod face;
mod gate;
mod model;
mod perceptron;
mod pyramid;
mod refine;
mod surf;
mod turn;
mod window;

use std::sync::OnceLock;

use gate::Gate;
use model::{Model, NEARLY_EQUAL, SAME_FACE};
use pyramid::{Grey, Grid, Level};
use refine::Refiner;
use turn::Turn;
use window::{WINDOW, Window};

use crate::Raster;
pub use face::{Face, Top};
pub use model::FaceModelError;

/// Minimum score of a face: the sum of the scores of all windows that show it.
const MIN_SCORE: f32 = 2.0;
/// Size of each level of the pyramid to the one before.
const REDUCTION: f32 = 0.8;
/// Maximum number of windows that a view may propose, and that any stage merges: this many, and one for so many pixels.
/// Photographs have up to 400; a picture full of the smallest faces needs one for each 300 pixels or so.
const MAX_WINDOWS: usize = 500;
const PIXELS_PER_WINDOW: usize = 128;

/// Minimum share of skin in a picture that is searched for faces on their side.
const TURNED_SKIN: f32 = 0.5;

/// Finds faces. It holds no memory but the model, which all finders share.
#[derive(Debug, Clone, Copy)]
pub struct FaceFinder {
    model: &'static Model,
}

impl FaceFinder {
    /// Creates a finder.
    pub fn new() -> Result<Self, FaceModelError> {
        static MODEL: OnceLock<Result<Model, FaceModelError>> = OnceLock::new();
        let parsed =
            MODEL.get_or_init(|| Model::parse(include_bytes!(concat!(env!("OUT_DIR"), "/faces.bin"))));
        Ok(Self { model: parsed.as_ref().map_err(Clone::clone)? })
    }

    /// Maximum memory in bytes that [`FaceFinder::find`] holds at once for a picture of this size, without the picture.
    #[must_use]
    pub fn memory(width: u32, height: u32) -> u64 {
        let (width, height) = (u64::from(width), u64::from(height));
        let pixels = width * height;
        // Besides the levels: brightness, the turned picture, and the windows of the largest level.
        pixels * 4 + Level::memory(width, height) + Gate::memory(width, height) + Grid::memory(width, height)
            + Refiner::memory(width.min(height))
            // Proposals, of which there are up to twice as many before they are cut, and a copy to sort them.
            + (most_windows(pixels as usize) * 16 * size_of::<Window>()) as u64
    }

    /// Finds faces of about 40 pixels and more, the best first. If there is none and the picture has much skin, it looks
    /// for faces that lie on their side.
    #[must_use]
    pub fn find(&self, small: &Raster) -> Vec<Face> {
        let (width, height) = (small.width() as usize, small.height() as usize);
        if width.min(height) < WINDOW {
            return Vec::new();
        }
        let mut search = Search::new(self.model);
        let upright = search.run(small.pixels(), width, height);
        let mut faces: Vec<_> = upright.into_iter().map(|window| (window, Top::Up)).collect();
        if faces.is_empty() && search.gate.skin_share() >= TURNED_SKIN {
            for turn in [Turn::Left, Turn::Right] {
                let found = search.run(&turn.pixels(small), height, width);
                faces.extend(found.into_iter().map(|window| (turn.undo(window, small), turn.top())));
            }
            drop_worse(&mut faces);
        }
        faces.iter().map(|(window, top)| clamp(window, *top, small)).collect()
    }
}

/// The buffers of a search.
struct Search {
    model: &'static Model,
    picture: Grey,
    gate: Gate,
    grid: Grid,
    level: Level,
    refiner: Refiner,
}

impl Search {
    fn new(model: &'static Model) -> Self {
        Self {
            model,
            picture: Grey::default(),
            gate: Gate::default(),
            grid: Grid::default(),
            level: Level::default(),
            refiner: Refiner::default(),
        }
    }

    /// The windows that show a face, the best first.
    fn run(&mut self, pixels: &[[u8; 3]], width: usize, height: usize) -> Vec<Window> {
        self.picture.width = width;
        self.picture.height = height;
        self.picture.data.clear();
        self.picture.data.extend(pixels.iter().map(|pixel| brightness(*pixel)));
        self.gate.compute(pixels, &self.picture.data, width);
        let most = most_windows(width * height);
        let mut windows = self.propose(most);
        for stage in &self.model.stages {
            self.refiner.pass(stage, &self.picture, &mut windows, most);
        }
        windows.retain(|window| window.score >= MIN_SCORE);
        windows
    }

    /// The windows that the views accept.
    fn propose(&mut self, most: usize) -> Vec<Window> {
        let (width, height) = (self.picture.width as f32, self.picture.height as f32);
        let smallest = WINDOW as f32 / width.min(height);
        let mut proposals = vec![Vec::new(); self.model.views.len()];
        let mut scale = 1.0;
        while scale >= smallest {
            // Rounding must not make the last level smaller than a window.
            let side = |side: f32| ((side * scale) as usize).max(WINDOW);
            let size = (side(width), side(height));
            let at = |at: usize| at as f32 / scale;
            self.grid.reset(size, |x, y| self.gate.admits(at(x), at(y), at(WINDOW)));
            if self.grid.windows().next().is_some() {
                self.level.compute(&self.picture, size, &self.grid);
                for (view, proposals) in self.model.views.iter().zip(&mut proposals) {
                    cascade::propose(view, &self.level, &self.grid, scale, most, proposals);
                }
            }
            scale *= REDUCTION;
        }
        for proposals in &mut proposals {
            window::merge(proposals, NEARLY_EQUAL, most);
        }
        proposals.concat()
    }
}

/// Maximum number of windows in a picture of so many pixels. It bounds the time that a hostile picture takes.
fn most_windows(pixels: usize) -> usize {
    MAX_WINDOWS + pixels / PIXELS_PER_WINDOW
}

/// Brightness by ITU-R BT.709.
fn brightness([r, g, b]: [u8; 3]) -> u8 {
    ((u32::from(r) * 13_933 + u32::from(g) * 46_871 + u32::from(b) * 4_732) >> 16) as u8
}

/// Of windows that show the same face, keeps the one with the best score. They come from pictures turned both ways.
fn drop_worse(faces: &mut Vec<(Window, Top)>) {
    faces.sort_by(|a, b| b.0.score.total_cmp(&a.0.score));
    let mut kept: Vec<(Window, Top)> = Vec::new();
    for face in faces.drain(..) {
        if kept.iter().all(|(other, _)| other.overlap(&face.0) <= SAME_FACE) {
            kept.push(face);
        }
    }
    *faces = kept;
}

/// Cuts a window at the edges of the picture.
fn clamp(window: &Window, top: Top, picture: &Raster) -> Face {
    let side = |at: i32, side: u32| {
        let clamped = |at: i32| at.clamp(0, side as i32) as f32;
        (clamped(at), clamped(at + window.size) - clamped(at))
    };
    let ((x, width), (y, height)) = (side(window.x, picture.width()), side(window.y, picture.height()));
    Face { x, y, width, height, score: window.score, top }
}
