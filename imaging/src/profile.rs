//! Converts samples to sRGB by the picture's ICC profile. The decoders use it. It cannot fail: as in browsers, an
//! unusable profile (damaged, too large, or for another colour model) is ignored and the picture counts as sRGB.

use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, Layout, ParsingOptions, TransformExecutor, TransformOptions};

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
    if bytes == 0 || bytes > MAX_BYTES { 0 } else { bytes * 8 + (4 << 20) }
}

/// Converts a picture's samples to sRGB.
pub(crate) struct ColorConversion {
    model: ColorModel,
    transform: Option<Arc<dyn TransformExecutor<u8> + Send + Sync>>,
}

impl ColorConversion {
    /// Creates the conversion from `model`, by the profile where there is a usable one.
    pub(crate) fn new(model: ColorModel, profile: Option<&[u8]>) -> Self {
        let profile = profile.filter(|profile| profile.len() as u64 <= MAX_BYTES);
        Self { model, transform: profile.and_then(|profile| transform(model, profile)) }
    }

    /// Number of samples per pixel.
    pub(crate) fn samples(&self) -> usize {
        self.model.samples()
    }

    /// Converts as many pixels as both slices hold.
    pub(crate) fn convert(&self, samples: &[u8], rgb: &mut [u8]) {
        match (&self.transform, self.model) {
            (Some(transform), _) if transform.transform(samples, rgb).is_ok() => {}
            (_, ColorModel::Grey) => raster::from_grey(samples, rgb),
            (_, ColorModel::Rgb) => rgb.copy_from_slice(samples),
            (_, ColorModel::Cmyk) => raster::from_cmyk(samples, rgb),
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

/// Creates the transform of a profile, or `None` where the profile is unusable or changes nothing.
fn transform(model: ColorModel, profile: &[u8]) -> Option<Arc<dyn TransformExecutor<u8> + Send + Sync>> {
    let options = ParsingOptions { max_profile_size: MAX_BYTES as usize + 1, ..ParsingOptions::default() };
    let profile = ColorProfile::new_from_slice_with_options(profile, options).ok()?;
    let layout = match (model, profile.color_space) {
        (ColorModel::Grey, DataColorSpace::Gray) => Layout::Gray,
        (ColorModel::Rgb, DataColorSpace::Rgb) => Layout::Rgb,
        (ColorModel::Cmyk, DataColorSpace::Cmyk) => Layout::Rgba,
        _ => return None,
    };
    let srgb = ColorProfile::new_srgb();
    let transform =
        profile.create_transform_8bit(layout, &srgb, Layout::Rgb, TransformOptions::default()).ok()?;
    (model == ColorModel::Cmyk || changes(transform.as_ref(), model)).then_some(transform)
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
