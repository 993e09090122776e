//! Runs the whole pipeline for one picture: decode, palette, subject, layout, card, encode.
//!
//! An engine owns the state that a thread reuses between pictures. It asks the caller's [`Monitor`] between stages
//! whether to stop. It returns the error of the first stage that fails, and keeps nothing of that picture.
//!
//! The decoded picture stays in its stored orientation; only the small copies made from it are turned upright. It is
//! freed as soon as the card's picture has been cut from it, so that it is gone before the encoder needs memory.

use crate::layout::{Layout, classic_crop};
use crate::scale::{Scaler, SubpixelRect};
use crate::subject::{Span, Subject};
use crate::transparency::Opaque;
use crate::{
    Card, ColorSummary, Crop, CropMethod, Decoder, Error, Monitor, Options, Outcome, Probe, Raster, Rect,
    Stage, Swatch, ThreadPoolError, Timings,
};
use crate::{card, decode, palette, transparency};

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

const PICTURE_BYTES: u64 = card::PICTURE_WIDTH as u64 * card::PICTURE_HEIGHT as u64 * 3;
const CARD_BYTES: u64 = card::WIDTH as u64 * card::HEIGHT as u64 * 3;

/// Processes pictures. Each thread needs its own.
pub struct Engine {
    decoder: Decoder,
    scaler: Scaler,
}

impl Engine {
    /// Creates an engine for the current thread. See [`Decoder::new`].
    pub fn new() -> Result<Self, ThreadPoolError> {
        Ok(Self { decoder: Decoder::new()?, scaler: Scaler::default() })
    }

    /// Smallest scale, from 0 to 1, at which the picture may be decoded without enlarging the card's picture. 1 if it
    /// must be enlarged anyway.
    #[must_use]
    pub fn smallest_scale(probe: &Probe, options: &Options) -> f64 {
        let cut = largest_cut(probe, options);
        (f64::from(card::PICTURE_WIDTH) / cut.width).min(1.0)
    }

    /// Maximum memory, in bytes, that [`Engine::process`] holds at once for this picture, without the input.
    #[must_use]
    pub fn memory(probe: &Probe, options: &Options) -> u64 {
        let smallest = Self::smallest_scale(probe, options);
        let (width, height) = decode::size(probe, smallest);
        let raster = u64::from(width) * u64::from(height) * 3;
        let small = small_size((width, height));
        let small_pixels = u64::from(small.0) * u64::from(small.1);
        let search = raster + Scaler::memory(width, small.1) + small_pixels * SEARCH_BYTES_PER_PIXEL;
        let columns = max_cut_columns(probe, options, width);
        let rows = probe.orientation.upright_size(card::PICTURE_WIDTH, card::PICTURE_HEIGHT).1;
        let cut = raster + Scaler::memory(columns, rows) + 2 * PICTURE_BYTES;
        let encode = CARD_BYTES + card::ENCODING_MEMORY;
        [probe.memory(smallest), search, cut, encode].into_iter().fold(0, u64::max) + TABLE_BYTES
    }

    /// Processes the picture that `probe` describes.
    pub fn process(
        &mut self,
        bytes: &[u8],
        probe: &Probe,
        options: &Options,
        monitor: &dyn Monitor,
    ) -> Result<Outcome, Error> {
        let mut timer = StageTimer::new(monitor);
        let smallest = Self::smallest_scale(probe, options);
        let Opaque { raster, seen } = timer.run(Stage::Decode, || {
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
        let subject = timer.run(Stage::Subject, || Ok(Subject::find(&small, Vec::new())))?;
        let source = probe.source();
        let placed = timer
            .run(Stage::Layout, || Ok(place(&small, &subject, (source.width, source.height), options)))?;
        drop(small);
        let canvas = timer.run(Stage::Card, || self.compose(raster, probe, placed.card, &palette))?;
        let card = timer.run(Stage::Encode, || Card::encode(&canvas, options.card))?;
        Ok(Outcome {
            source,
            palette,
            summary,
            crop: placed.crop,
            card_crop: placed.card,
            subject: pixels(subject.bounds(), (source.width, source.height)),
            faces: Vec::new(),
            card,
            timings: timer.timings,
        })
    }

    /// Takes the raster by value, so that it is freed before the canvas is allocated.
    fn compose(
        &mut self,
        raster: Raster,
        probe: &Probe,
        window: Rect,
        palette: &[Swatch],
    ) -> Result<Raster, Error> {
        let orientation = probe.orientation;
        // Swapping width and height is its own inverse, so `upright_size` also converts upright to stored sizes.
        let size = orientation.upright_size(card::PICTURE_WIDTH, card::PICTURE_HEIGHT);
        let cut = stored_rect(window, probe, &raster).centered_fit(size.0, size.1);
        let picture = self.scaler.resize(&raster, cut, size)?;
        drop(raster);
        card::compose(&orientation.apply(picture), palette)
    }
}

/// Where the windows of a picture lie.
struct Placed {
    crop: Crop,
    card: Rect,
}

/// Places the crop and the card's picture in a picture of `source` (width, height).
fn place(small: &Raster, subject: &Subject, source: (u32, u32), options: &Options) -> Placed {
    let layout = Layout::new(subject, source, options.focus);
    let (crop, card) = if is_classic(options) {
        let crop = classic_crop(small, source, options.aspect);
        (crop, SubpixelRect::from(crop.rect()).centered_fit(card::PICTURE_WIDTH, card::PICTURE_HEIGHT))
    } else {
        (layout.crop(options.aspect), layout.window(card::PICTURE_WIDTH, card::PICTURE_HEIGHT).rect)
    };
    Placed { crop, card: card.rounded(source) }
}

/// Whether smartcrop2 places the crop, and the card shows the middle of it. A focus decides before any method.
fn is_classic(options: &Options) -> bool {
    options.crop == CropMethod::Classic && options.focus.is_none()
}

/// A part of a picture in its pixels, at least one of them.
fn pixels([across, down]: [Span; 2], (width, height): (u32, u32)) -> Rect {
    let side = |span: Span, side: u32| {
        let start = ((span.start * f64::from(side)).floor() as u32).min(side - 1);
        let end = ((span.end * f64::from(side)).ceil() as u32).clamp(start + 1, side);
        (start, end - start)
    };
    let ((x, width), (y, height)) = (side(across, width), side(down, height));
    Rect { x, y, width, height }
}

/// The rectangle that the card's picture is cut from, in upright pixels. Its size is final, because a window is always
/// the largest of its aspect ratio. Its position depends on the subject, which is not known yet.
fn largest_cut(probe: &Probe, options: &Options) -> SubpixelRect {
    let source = probe.source();
    let whole = SubpixelRect::whole(source.width, source.height);
    let outer = if is_classic(options) {
        whole.centered_fit(options.aspect.width(), options.aspect.height())
    } else {
        whole
    };
    outer.centered_fit(card::PICTURE_WIDTH, card::PICTURE_HEIGHT)
}

/// Maximum number of columns of a raster of `width` that the card's picture needs, including the reach of the filter.
fn max_cut_columns(probe: &Probe, options: &Options, width: u32) -> u32 {
    let cut = largest_cut(probe, options);
    let stored = if probe.orientation.transposes() { cut.height } else { cut.width };
    let columns = stored * f64::from(width) / f64::from(probe.width);
    ((columns * 1.02) as u32).saturating_add(8).min(width)
}

/// Maps a window to the raster, which is the stored picture or a reduced copy of it.
fn stored_rect(upright: Rect, probe: &Probe, raster: &Raster) -> SubpixelRect {
    let (width, height) = (probe.width, probe.height);
    let stored = probe.orientation.to_stored(upright, width, height);
    let across = f64::from(raster.width()) / f64::from(width);
    let down = f64::from(raster.height()) / f64::from(height);
    SubpixelRect {
        left: f64::from(stored.x) * across,
        top: f64::from(stored.y) * down,
        width: f64::from(stored.width) * across,
        height: f64::from(stored.height) * down,
    }
}

/// Size of the copy on which the subject is searched. Its sides are at most [`SHORT_SIDE`] and [`LONG_SIDE`], and it
/// is never enlarged.
fn small_size((width, height): (u32, u32)) -> (u32, u32) {
    let (short, long) = (f64::from(width.min(height)), f64::from(width.max(height)));
    let scale = (f64::from(SHORT_SIDE) / short).min(f64::from(LONG_SIDE) / long).min(1.0);
    let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    (side(width), side(height))
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
