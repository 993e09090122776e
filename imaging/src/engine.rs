//! Runs the whole pipeline for one picture: decode, palette, subject, layout, card, encode.
//!
//! An engine owns the state that a thread reuses between pictures. It asks the caller's [`Monitor`] between stages
//! whether to stop. It returns the error of the first stage that fails, and keeps nothing of that picture.
//!
//! The decoded picture stays in its stored orientation; only the small copies made from it are turned upright. It is
//! freed as soon as the card's picture has been cut from it, so that it is gone before the encoder needs memory.

mod placement;

use crate::scale::Scaler;
use crate::subject::{FaceBox, Subject};
use crate::subpixel_rect::SubpixelRect;
use crate::transparency::Opaque;
use crate::{
    Card, ColorSummary, Decoder, Error, FaceFinder, FaceModelError, Layout, Monitor, Options, Outcome, Probe,
    Raster, Stage, ThreadPoolError, Timings,
};
use crate::{card, decode, palette, transparency};
use placement::Placement;

/// Short side, in pixels, of the copy on which the subject is searched. Smaller pictures are searched as they are.
pub const SHORT_SIDE: u32 = 256;

/// Maximum long side of that copy. It bounds the search in long pictures, where both the places and the pixels grow with
/// the length.
const LONG_SIDE: u32 = 4 * SHORT_SIDE;

/// Memory of the search per pixel of its copy in bytes, including the three of the copy itself. smartcrop2 holds three
/// pictures of its own.
const SEARCH_BYTES_PER_PIXEL: u64 = 48;

/// Maximum memory of the stages other than pixels: histograms, tables, small vectors.
const TABLE_BYTES: u64 = 1 << 20;

/// How much larger than the crop search's copy a picture is decoded at least. The palette counts about as many pixels of
/// such a picture as it ever counts, and the copy is an average.
const ANALYSIS_MARGIN: f64 = 1.5;

/// Pixels of the card's picture that the scaler's filter reaches beyond it, on both sides together, and one more.
const FILTER_REACH: f64 = 5.0;

/// Processes pictures. Each thread needs its own.
pub struct Engine {
    decoder: Decoder,
    scaler: Scaler,
    faces: FaceFinder,
}

/// Why a thread has no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Its decoder cannot be created.
    #[error(transparent)]
    Threads(#[from] ThreadPoolError),
    /// The face model that the program contains cannot be read.
    #[error(transparent)]
    Faces(#[from] FaceModelError),
}

impl Engine {
    /// Creates an engine for the current thread. See [`Decoder::new`].
    pub fn new() -> Result<Self, EngineError> {
        Ok(Self { decoder: Decoder::new()?, scaler: Scaler::default(), faces: FaceFinder::new()? })
    }

    /// Smallest scale, from 0 to 1, at which the picture may be decoded without enlarging the card's picture, and without
    /// harm to palette and crop. 1 if the card's picture must be enlarged anyway.
    #[must_use]
    pub fn smallest_scale(probe: &Probe, options: &Options) -> f64 {
        let source = probe.source();
        let analysis = small_scale((source.width, source.height)) * ANALYSIS_MARGIN;
        let card = Layout::of(options).map_or(0.0, |layout| {
            f64::from(layout.picture.width) / placement::largest_cut(probe, options, &layout).width
        });
        analysis.max(card).min(1.0)
    }

    /// Maximum memory, in bytes, that [`Engine::process`] holds at once for this picture, without the input.
    #[must_use]
    pub fn memory(probe: &Probe, options: &Options) -> u64 {
        let smallest = Self::smallest_scale(probe, options);
        let (width, height) = decode::size(probe, smallest);
        let seen = if probe.alpha { transparency::MEMORY } else { 0 };
        let raster = u64::from(width) * u64::from(height) * 3 + seen;
        let small = small_size((width, height));
        let small_pixels = u64::from(small.0) * u64::from(small.1);
        // The copy is made, then faces are searched on it, then the rest.
        let steps = [
            Scaler::memory((width, height), small) + small_pixels * 3,
            FaceFinder::memory(small.0, small.1) + small_pixels * 3,
            small_pixels * SEARCH_BYTES_PER_PIXEL,
        ];
        let search = raster + steps.into_iter().fold(0, u64::max);
        let (cut, encode) = Layout::of(options).map_or((0, 0), |layout| {
            let picture = layout.picture;
            let used = max_cut_size(probe, options, &layout, (width, height));
            let size = probe.orientation.upright_size(picture.width, picture.height);
            let picture_bytes = u64::from(picture.width) * u64::from(picture.height) * 3;
            let canvas = layout.pixels() * 3;
            let cut = raster + Scaler::memory(used, size) + 2 * picture_bytes;
            (cut, canvas + picture_bytes.max(card::encoding_memory(layout.pixels())))
        });
        [probe.memory(smallest) + seen, search, cut, encode].into_iter().fold(0, u64::max) + TABLE_BYTES
    }

    /// Processes the picture that `probe` describes.
    pub fn process(
        &mut self,
        bytes: &[u8],
        probe: &Probe,
        options: &Options,
        monitor: &dyn Monitor,
    ) -> Result<Outcome, Error> {
        self.process_with_copy(bytes, probe, options, monitor, drop)
    }

    /// As [`Engine::process`]. `take_copy` gets the upright, reduced copy on which the subject was searched: its short side
    /// has [`SHORT_SIDE`] pixels, or those of the picture if it has fewer.
    pub fn process_with_copy(
        &mut self,
        bytes: &[u8],
        probe: &Probe,
        options: &Options,
        monitor: &dyn Monitor,
        take_copy: impl FnOnce(Raster),
    ) -> Result<Outcome, Error> {
        let mut timer = StageTimer::new(monitor);
        let smallest = Self::smallest_scale(probe, options);
        let Opaque { raster, seen, visible } = timer.run(Stage::Decode, || {
            self.decoder.decode(bytes, probe, smallest, monitor).map(transparency::resolve)
        })?;
        let small = timer.run(Stage::Subject, || {
            let small = self.scaler.draft(&raster, small_size((raster.width(), raster.height())))?;
            Ok(probe.orientation.apply(small))
        })?;
        let (palette, summary) = timer.run(Stage::Palette, || {
            let [whole, copy] = seen.as_ref().map_or([&raster, &small], |seen| [seen; 2]);
            let palette = palette::extract(whole, copy, options.palette, options.colors());
            let summary = ColorSummary::of(&palette, whole, &small);
            Ok((palette, summary))
        })?;
        let placed = self.place(&small, visible, probe, options, &mut timer)?;
        take_copy(small);
        let mut outcome = Outcome {
            source: probe.source(),
            palette,
            summary,
            crop: placed.crop,
            subject: placed.subject,
            faces: placed.faces,
            card: None,
            card_crop: None,
            timings: Timings::default(),
        };
        if let Some(place) = placed.card {
            self.draw_card(raster, probe, place, options, &mut outcome, &mut timer)?;
        }
        outcome.timings = timer.timings;
        Ok(outcome)
    }

    /// Finds the subject on the upright copy, and places crop and card by it.
    fn place(
        &mut self,
        small: &Raster,
        visible: Option<SubpixelRect>,
        probe: &Probe,
        options: &Options,
        timer: &mut StageTimer<'_>,
    ) -> Result<Placement, Error> {
        let source = probe.source();
        let size = (source.width, source.height);
        let subject = timer.run(Stage::Subject, || {
            let decides = placement::faces_decide(size, options);
            let faces = if decides { self.faces.find(small) } else { Vec::new() };
            let boxes = faces.iter().map(|face| FaceBox::new(face, small)).collect();
            let visible = visible.map(|part| part.to_stored(probe.orientation.inverse(), 1.0, 1.0));
            Ok(Subject::find(small, boxes).within(visible))
        })?;
        timer.run(Stage::Layout, || Ok(Placement::of(small, &subject, size, options)))
    }

    /// Draws the card of this layout, which shows this part of the picture.
    fn draw_card(
        &mut self,
        raster: Raster,
        probe: &Probe,
        (layout, window): (Layout, SubpixelRect),
        options: &Options,
        outcome: &mut Outcome,
        timer: &mut StageTimer<'_>,
    ) -> Result<(), Error> {
        outcome.card_crop = Some(window.rounded((outcome.source.width, outcome.source.height)));
        let palette = &outcome.palette;
        let canvas = timer.run(Stage::Card, || {
            let picture = self.cut(raster, probe, window, &layout)?;
            card::compose(&layout, card::ground(options.theme, palette), picture, palette)
        })?;
        outcome.card = Some(timer.run(Stage::Encode, || Card::encode(&canvas, options.card))?);
        Ok(())
    }

    /// Cuts the card's picture. Takes the raster by value, so that it is freed before the canvas is allocated.
    fn cut(
        &mut self,
        raster: Raster,
        probe: &Probe,
        window: SubpixelRect,
        layout: &Layout,
    ) -> Result<Raster, Error> {
        let orientation = probe.orientation;
        // Swapping width and height is its own inverse, so `upright_size` also converts upright to stored sizes.
        let size = orientation.upright_size(layout.picture.width, layout.picture.height);
        let picture = self.scaler.resize(&raster, stored_rect(window, probe, &raster), size)?;
        drop(raster);
        Ok(orientation.apply(picture))
    }
}

/// Maximum number of columns and rows of a raster of this size that the card's picture needs, including the reach of the
/// filter.
fn max_cut_size(
    probe: &Probe,
    options: &Options,
    layout: &Layout,
    (width, height): (u32, u32),
) -> (u32, u32) {
    let cut = placement::largest_cut(probe, options, layout);
    let turn = |(across, down)| if probe.orientation.transposes() { (down, across) } else { (across, down) };
    let (across, down) = turn((cut.width, cut.height));
    let (wide, high) = turn((f64::from(layout.picture.width), f64::from(layout.picture.height)));
    let max = |cut: f64, pixels: f64, side: u32, stored: u32| {
        let cut = cut * f64::from(side) / f64::from(stored);
        ((cut + cut / pixels * FILTER_REACH) as u32).saturating_add(8).min(side)
    };
    (max(across, wide, width, probe.width), max(down, high, height, probe.height))
}

/// Maps a part of the upright picture to the raster, which is the stored picture or a reduced copy of it.
fn stored_rect(window: SubpixelRect, probe: &Probe, raster: &Raster) -> SubpixelRect {
    let (width, height) = (f64::from(probe.width), f64::from(probe.height));
    let stored = window.to_stored(probe.orientation, width, height);
    let (across, down) = (f64::from(raster.width()) / width, f64::from(raster.height()) / height);
    SubpixelRect {
        left: stored.left * across,
        top: stored.top * down,
        width: stored.width * across,
        height: stored.height * down,
    }
}

/// Size of the copy on which the subject is searched. Its sides are at most [`SHORT_SIDE`] and [`LONG_SIDE`], and it
/// is never enlarged.
fn small_size((width, height): (u32, u32)) -> (u32, u32) {
    let scale = small_scale((width, height));
    let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    (side(width), side(height))
}

/// The copy's scale, from 0 to 1.
fn small_scale((width, height): (u32, u32)) -> f64 {
    let (short, long) = (f64::from(width.min(height)), f64::from(width.max(height)));
    (f64::from(SHORT_SIDE) / short).min(f64::from(LONG_SIDE) / long).min(1.0)
}

/// Checks for a cancellation before each stage, and measures the stage.
struct StageTimer<'a> {
    monitor: &'a dyn Monitor,
    timings: Timings,
}

impl<'a> StageTimer<'a> {
    fn new(monitor: &'a dyn Monitor) -> Self {
        Self { monitor, timings: Timings::default() }
    }

    fn run<T>(&mut self, stage: Stage, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        if self.monitor.canceled() {
            return Err(Error::Canceled);
        }
        let start = self.monitor.now();
        let result = work();
        self.timings.add(stage, self.monitor.now().saturating_sub(start));
        result
    }
}
