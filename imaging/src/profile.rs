//! Converts samples to sRGB by what the picture says about its colours. The decoders use it. Samples of 16 bits are
//! narrowed after the conversion, because dark tones of a linear profile share few values of 8 bits.
//!
//! It cannot fail: as in browsers, an unusable profile (damaged, too large, or for another colour model) is ignored. Then
//! the next source of colour counts, and without one the picture is sRGB.

use std::sync::Arc;

use moxcms::{
    ColorProfile, DataColorSpace, Layout, ParsingOptions, Transform8BitExecutor, Transform16BitExecutor,
    TransformExecutor, TransformOptions,
};

use crate::color_space::ColorSpace;
use crate::work::Meter;
use crate::{Error, raster};

/// Maximum size of a profile, in bytes. Larger ones are ignored.
pub(crate) const MAX_BYTES: u64 = 4 << 20;

/// Number of pixels converted in one step.
const STEP: usize = 1024;

/// How samples describe a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColorModel {
    Grey,
    Rgb,
    /// Ink coverage: 255 is full ink.
    Cmyk,
}

impl ColorModel {
    pub(crate) fn samples(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// Maximum memory for using a profile of this size: its parsed tables and the transform built from them.
pub(crate) fn memory(bytes: u64) -> u64 {
    if bytes == 0 || bytes > MAX_BYTES { 0 } else { bytes * 8 + TABLES_MEMORY }
}

/// The same for a picture that can also have EXIF.
pub(crate) fn tagged_memory(profile: u64, adobe_rgb: bool) -> u64 {
    memory(profile).max(if adobe_rgb { TABLES_MEMORY } else { 0 })
}

/// Memory for a conversion that is described by a few numbers, not by a profile of the picture.
pub(crate) const TABLES_MEMORY: u64 = 4 << 20;

/// Converts a picture's samples to sRGB.
pub(crate) struct ColorConversion {
    model: ColorModel,
    transform: Option<Transform>,
}

enum Transform {
    /// For samples of 8 bits.
    Narrow(Arc<Transform8BitExecutor>),
    /// For samples of 16 bits.
    Wide(Arc<Transform16BitExecutor>),
}

impl ColorConversion {
    /// Creates the conversion of 8-bit samples from `model`, by the first usable source of colour.
    pub(crate) fn new<'a>(model: ColorModel, sources: impl Iterator<Item = ColorSpace<'a>>) -> Self {
        let transform = Source::first(model, sources).and_then(|source| source.narrow(model));
        Self { model, transform: transform.map(Transform::Narrow) }
    }

    /// Creates the conversion of 16-bit samples.
    pub(crate) fn wide<'a>(model: ColorModel, sources: impl Iterator<Item = ColorSpace<'a>>) -> Self {
        let source = Source::first(model, sources);
        Self { model, transform: source.and_then(|source| source.wide(model)).map(Transform::Wide) }
    }

    /// Number of samples per pixel.
    pub(crate) fn samples(&self) -> usize {
        self.model.samples()
    }

    /// Whether the samples are not sRGB as they are.
    pub(crate) fn changes_samples(&self) -> bool {
        self.transform.is_some()
    }

    /// Converts as many pixels of 8-bit samples as both slices hold.
    pub(crate) fn convert(&self, samples: &[u8], rgb: &mut [u8]) {
        match (&self.transform, self.model) {
            (Some(Transform::Narrow(transform)), _) if transform.transform(samples, rgb).is_ok() => {}
            (_, ColorModel::Grey) => raster::from_grey(samples, rgb),
            (_, ColorModel::Rgb) => rgb.copy_from_slice(samples),
            (_, ColorModel::Cmyk) => raster::from_cmyk(samples, rgb),
        }
    }

    /// Converts as many pixels of 16-bit samples as both slices hold, and narrows them.
    pub(crate) fn convert_wide(&self, samples: &[u16], rgb: &mut [u8]) {
        let count = self.model.samples();
        let steps = samples.chunks(STEP * count).zip(rgb.chunks_mut(STEP * 3));
        if let Some(Transform::Wide(transform)) = &self.transform {
            let mut converted = [0; STEP * 3];
            for (samples, rgb) in steps {
                let converted = &mut converted[..rgb.len()];
                if transform.transform(samples, converted).is_ok() {
                    narrow(converted, rgb);
                }
            }
        } else {
            let mut narrowed = [0; STEP * 4];
            for (samples, rgb) in steps {
                let narrowed = &mut narrowed[..samples.len()];
                narrow(samples, narrowed);
                self.convert(narrowed, rgb);
            }
        }
    }

    /// Converts a whole picture in its own buffer, which grows where grey becomes RGB. Only a cancellation is an error.
    pub(crate) fn convert_all(&self, mut data: Vec<u8>, meter: &Meter<'_>) -> Result<Vec<u8>, Error> {
        let samples = self.model.samples();
        let pixels = data.len() / samples;
        if self.model == ColorModel::Rgb && self.transform.is_none() {
            return Ok(data);
        }
        if samples < 3 {
            data.reserve_exact(pixels * 3 - data.len());
            data.resize(pixels * 3, 0);
        }
        let mut step = [0; STEP * 4];
        let steps = pixels.div_ceil(STEP);
        // A transform takes up to 40 ns per pixel.
        let pace = STEP as u64;
        let mut convert_step = |index: usize| {
            if !meter.pace(pace) {
                return meter.result();
            }
            let start = index * STEP;
            let length = STEP.min(pixels - start);
            let input = &mut step[..length * samples];
            input.copy_from_slice(&data[start * samples..][..length * samples]);
            self.convert(input, &mut data[start * 3..][..length * 3]);
            Ok(())
        };
        // A buffer that grows is converted from its end, so that no sample is overwritten before it is read.
        if samples < 3 {
            (0..steps).rev().try_for_each(&mut convert_step)?;
        } else {
            (0..steps).try_for_each(&mut convert_step)?;
        }
        data.truncate(pixels * 3);
        data.shrink_to_fit();
        Ok(data)
    }
}

/// The profile of a picture's samples, and how they are laid out for it.
struct Source {
    profile: ColorProfile,
    layout: Layout,
}

impl Source {
    /// The first usable source of colour. `None` where the samples are sRGB as they are.
    fn first<'a>(model: ColorModel, sources: impl Iterator<Item = ColorSpace<'a>>) -> Option<Self> {
        for source in sources {
            if source.is_srgb() {
                return None;
            }
            let usable = match source {
                ColorSpace::Icc(bytes) => Self::of_icc(model, bytes),
                _ => Self::of_rgb(model, source.rgb_profile()),
            };
            if usable.is_some() {
                return usable;
            }
        }
        None
    }

    fn of_icc(model: ColorModel, bytes: &[u8]) -> Option<Self> {
        if bytes.len() as u64 > MAX_BYTES {
            return None;
        }
        let options =
            ParsingOptions { max_profile_size: MAX_BYTES as usize + 1, ..ParsingOptions::default() };
        let profile = ColorProfile::new_from_slice_with_options(bytes, options).ok()?;
        let layout = match (model, profile.color_space) {
            (ColorModel::Grey, DataColorSpace::Gray) => Layout::Gray,
            (ColorModel::Rgb, DataColorSpace::Rgb) => Layout::Rgb,
            (ColorModel::Cmyk, DataColorSpace::Cmyk) => Layout::Rgba,
            _ => return None,
        };
        let source = Self { profile, layout };
        // A profile can be read and still have no conversion.
        source.create_narrow().is_some().then_some(source)
    }

    /// Grey samples have the curve of the first channel. CMYK has no such sources.
    fn of_rgb(model: ColorModel, profile: Option<ColorProfile>) -> Option<Self> {
        let profile = profile?;
        match model {
            ColorModel::Rgb => Some(Self { profile, layout: Layout::Rgb }),
            ColorModel::Grey => {
                let mut grey = ColorProfile::new_gray_with_gamma(1.0);
                grey.gray_trc = profile.red_trc;
                Some(Self { profile: grey, layout: Layout::Gray })
            }
            ColorModel::Cmyk => None,
        }
    }

    fn create_narrow(&self) -> Option<Arc<Transform8BitExecutor>> {
        let (srgb, options) = (ColorProfile::new_srgb(), TransformOptions::default());
        self.profile.create_transform_8bit(self.layout, &srgb, Layout::Rgb, options).ok()
    }

    /// The transform of 8-bit samples, or `None` where it changes nothing.
    fn narrow(&self, model: ColorModel) -> Option<Arc<Transform8BitExecutor>> {
        let transform = self.create_narrow()?;
        (model == ColorModel::Cmyk || changes(transform.as_ref(), model)).then_some(transform)
    }

    /// The transform of 16-bit samples, or `None` where it changes nothing in 8 bits.
    fn wide(&self, model: ColorModel) -> Option<Arc<Transform16BitExecutor>> {
        self.narrow(model)?;
        // Fixed-point numbers of 13 bits would be too coarse for dark tones.
        let options = TransformOptions { prefer_fixed_point: false, ..TransformOptions::default() };
        let srgb = ColorProfile::new_srgb();
        self.profile.create_transform_16bit(self.layout, &srgb, Layout::Rgb, options).ok()
    }
}

fn narrow(samples: &[u16], narrowed: &mut [u8]) {
    samples.iter().zip(narrowed).for_each(|(sample, place)| *place = raster::narrow(*sample));
}

/// Whether a transform moves any colour of a coarse grid by more than a rounding error.
fn changes(transform: &dyn TransformExecutor<u8>, model: ColorModel) -> bool {
    let grid: Vec<u8> = match model {
        ColorModel::Grey => (0..=255).collect(),
        _ => (0..6 * 6 * 6).flat_map(|n: u8| [n % 6 * 51, n / 6 % 6 * 51, n / 36 * 51]).collect(),
    };
    let mut after = vec![0; grid.len() / model.samples() * 3];
    let mut before = after.clone();
    if transform.transform(&grid, &mut after).is_err() {
        return false;
    }
    ColorConversion { model, transform: None }.convert(&grid, &mut before);
    before.iter().zip(&after).any(|(before, after)| before.abs_diff(*after) > 1)
}
