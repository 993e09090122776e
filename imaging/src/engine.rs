//! The whole way of one picture: decode, palette, crop, card, encode.
//!
//! Owns what a thread reuses from picture to picture; made once a thread and never shared. Asks the caller's
//! [`Watch`] between stages. Fails with the first stage that fails, and keeps nothing of a picture then.
//!
//! The picture stays as it was stored: it is never turned, only its small derivatives are. It goes as soon as
//! the card's picture has been cut from it, so that the encoder never stands beside it.

use crate::orientation::Area;
use crate::scale::{Region, Scaler};
use crate::{
    Card, Crop, Decoder, Error, NoPool, Options, Outcome, Probe, Raster, Stage, Swatch, Timings, Watch,
};
use crate::{card, crop, decode, encode, palette};

/// Longest side of the copy that the crop is found on. It bounds the search in long pictures, whose candidates
/// and pixels both grow with their length.
const LONG_SIDE: u32 = 4 * crop::SHORT_SIDE;

/// Bytes that the search for a crop holds for a pixel of its copy, the copy's own three included.
const CROP_BYTES: u64 = 48;

/// What the stages hold at most beside pixels: histograms, tables, small vectors.
const TABLES: u64 = 1 << 20;

const PICTURE_BYTES: u64 = card::PICTURE_WIDTH as u64 * card::PICTURE_HEIGHT as u64 * 3;
const CARD_BYTES: u64 = card::WIDTH as u64 * card::HEIGHT as u64 * 3;

/// Makes outcomes of pictures. One a thread.
pub struct Engine {
    decoder: Decoder,
    scaler: Scaler,
}

impl Engine {
    /// An engine with buffers and decoder of its own.
    pub fn new() -> Result<Self, NoPool> {
        Ok(Self { decoder: Decoder::new()?, scaler: Scaler::default() })
    }

    /// How far the picture may be scaled down while it is decoded, from 0 to 1: the card's picture must still
    /// not have to be enlarged. 1 where it has to be anyway.
    #[must_use]
    pub fn smallest_scale(probe: &Probe, options: &Options) -> f64 {
        let cut = largest_cut(probe, options);
        (f64::from(card::PICTURE_WIDTH) / cut.width).min(1.0)
    }

    /// The most bytes that [`Engine::process`] holds at once for this picture, its input not counted.
    #[must_use]
    pub fn memory(probe: &Probe, options: &Options) -> u64 {
        let smallest = Self::smallest_scale(probe, options);
        let (width, height) = decode::size(probe, smallest);
        let raster = u64::from(width) * u64::from(height) * 3;
        let small = small_size((width, height));
        let small_pixels = u64::from(small.0) * u64::from(small.1);
        let search = raster + Scaler::memory(width, small.1) + small_pixels * CROP_BYTES;
        let columns = columns_of_cut(probe, options, width);
        let rows = probe.orientation.upright_size(card::PICTURE_WIDTH, card::PICTURE_HEIGHT).1;
        let cut = raster + Scaler::memory(columns, rows) + 2 * PICTURE_BYTES;
        let encode = CARD_BYTES + encode::memory(card::WIDTH, card::HEIGHT);
        [probe.memory(smallest), search, cut, encode].into_iter().fold(0, u64::max) + TABLES
    }

    /// Decodes the picture that `probe` was made of and makes everything that `options` ask for.
    pub fn process(
        &mut self,
        bytes: &[u8],
        probe: &Probe,
        options: &Options,
        watch: &dyn Watch,
    ) -> Result<Outcome, Error> {
        let mut clock = Clock::new(watch);
        let smallest = Self::smallest_scale(probe, options);
        let raster = clock.time(Stage::Decode, || self.decoder.decode(bytes, probe, smallest, watch))?;
        let palette = clock.time(Stage::Palette, || Ok(palette::extract(&raster, options.colors())))?;
        let crop = clock.time(Stage::Crop, || self.find_crop(&raster, probe, options))?;
        let canvas = clock.time(Stage::Card, || self.compose(raster, probe, &crop, &palette))?;
        let card = clock.time(Stage::Encode, || Card::encode(&canvas, options.card))?;
        Ok(Outcome { source: probe.source(), palette, crop, card, timings: clock.timings })
    }

    fn find_crop(&mut self, raster: &Raster, probe: &Probe, options: &Options) -> Result<Crop, Error> {
        let small = self.scaler.draft(raster, small_size((raster.width(), raster.height())))?;
        let small = probe.orientation.apply(small);
        let source = probe.source();
        Ok(crop::best(&small, (source.width, source.height), options.aspect))
    }

    /// Takes the raster, so that it is gone before the canvas is there.
    fn compose(
        &mut self,
        raster: Raster,
        probe: &Probe,
        crop: &Crop,
        palette: &[Swatch],
    ) -> Result<Raster, Error> {
        let orientation = probe.orientation;
        // Changing places is its own inverse: the stored size of an upright picture is its upright size.
        let size = orientation.upright_size(card::PICTURE_WIDTH, card::PICTURE_HEIGHT);
        let cut = stored_region(crop, probe, &raster).cover(size.0, size.1);
        let picture = self.scaler.fine(&raster, cut, size)?;
        drop(raster);
        card::compose(&orientation.apply(picture), palette)
    }
}

/// What the card's picture is cut from, as large as it will be and in upright pixels; where it will lie is not
/// known before the crop is. smartcrop always keeps the largest rectangle of the aspect.
fn largest_cut(probe: &Probe, options: &Options) -> Region {
    let source = probe.source();
    let whole =
        Region { left: 0.0, top: 0.0, width: f64::from(source.width), height: f64::from(source.height) };
    let crop = whole.cover(options.aspect.width(), options.aspect.height());
    crop.cover(card::PICTURE_WIDTH, card::PICTURE_HEIGHT)
}

/// The most columns of a raster of `width` that the card's picture is made of, the scaling's reach included.
fn columns_of_cut(probe: &Probe, options: &Options, width: u32) -> u32 {
    let cut = largest_cut(probe, options);
    let stored = if probe.orientation.transposes() { cut.height } else { cut.width };
    let columns = stored * f64::from(width) / f64::from(probe.width);
    ((columns * 1.02) as u32).saturating_add(8).min(width)
}

/// Where the crop lies in the raster, which is the stored picture or a reduced copy of it.
fn stored_region(crop: &Crop, probe: &Probe, raster: &Raster) -> Region {
    let (width, height) = (probe.width, probe.height);
    let upright = Area { x: crop.x, y: crop.y, width: crop.width, height: crop.height };
    let stored = probe.orientation.to_stored(upright, width, height);
    let across = f64::from(raster.width()) / f64::from(width);
    let down = f64::from(raster.height()) / f64::from(height);
    Region {
        left: f64::from(stored.x) * across,
        top: f64::from(stored.y) * down,
        width: f64::from(stored.width) * across,
        height: f64::from(stored.height) * down,
    }
}

/// The size of the copy that a crop is found on: never enlarged, its sides [`crop::SHORT_SIDE`] and
/// [`LONG_SIDE`] at most.
fn small_size((width, height): (u32, u32)) -> (u32, u32) {
    let (short, long) = (f64::from(width.min(height)), f64::from(width.max(height)));
    let scale = (f64::from(crop::SHORT_SIDE) / short).min(f64::from(LONG_SIDE) / long).min(1.0);
    let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    (side(width), side(height))
}

/// Asks the watch before each stage and times it.
struct Clock<'a> {
    watch: &'a dyn Watch,
    timings: Timings,
}

impl<'a> Clock<'a> {
    fn new(watch: &'a dyn Watch) -> Self {
        Self { watch, timings: Timings::default() }
    }

    fn time<T>(&mut self, stage: Stage, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        if self.watch.canceled() {
            return Err(Error::Canceled);
        }
        let start = self.watch.now();
        let result = work();
        self.timings.add(stage, self.watch.now().saturating_sub(start));
        result
    }
}
