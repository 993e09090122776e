//! ICC profiles: samples of a profile's space to sRGB. A profile that cannot be used (garbage, too large, of
//! another kind than the picture) is ignored and its picture taken for sRGB, as browsers do.

use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, Layout, ParsingOptions, TransformExecutor, TransformOptions};

use crate::decode::pixels;

/// Bytes of the largest profile that is looked at.
pub(crate) const MAX_BYTES: u64 = 4 << 20;

/// Pixels converted at a time.
const STEP: usize = 1024;

/// What a picture's samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Space {
    Grey,
    Rgb,
    /// Ink amounts: 255 is full ink.
    Cmyk,
}

impl Space {
    pub(crate) fn samples(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// The way from a picture's samples to sRGB.
pub(crate) struct Conversion {
    space: Space,
    transform: Option<Arc<dyn TransformExecutor<u8> + Send + Sync>>,
}

impl Conversion {
    /// The conversion of samples of a space that a profile may describe.
    pub(crate) fn new(space: Space, profile: Option<&[u8]>) -> Self {
        let profile = profile.filter(|profile| profile.len() as u64 <= MAX_BYTES);
        Self { space, transform: profile.and_then(|profile| transform(space, profile)) }
    }

    /// Samples a pixel.
    pub(crate) fn samples(&self) -> usize {
        self.space.samples()
    }

    /// Samples to RGB, pixel by pixel: as many as fit both slices.
    pub(crate) fn convert(&self, samples: &[u8], rgb: &mut [u8]) {
        match (&self.transform, self.space) {
            (Some(transform), _) if transform.transform(samples, rgb).is_ok() => {}
            (_, Space::Grey) => pixels::from_grey(samples, rgb),
            (_, Space::Rgb) => rgb.copy_from_slice(samples),
            (_, Space::Cmyk) => pixels::from_cmyk(samples, rgb),
        }
    }

    /// A whole picture's samples to RGB in the same memory, grown where grey becomes colour.
    pub(crate) fn convert_all(&self, mut data: Vec<u8>) -> Vec<u8> {
        let samples = self.space.samples();
        let pixels = data.len() / samples;
        if self.space == Space::Rgb && self.transform.is_none() {
            return data;
        }
        if samples < 3 {
            data.reserve_exact(pixels * 3 - data.len());
            data.resize(pixels * 3, 0);
        }
        let mut step = [0; STEP * 4];
        let steps = pixels.div_ceil(STEP);
        let mut one = |index: usize| {
            let start = index * STEP;
            let length = STEP.min(pixels - start);
            let input = &mut step[..length * samples];
            input.copy_from_slice(&data[start * samples..][..length * samples]);
            self.convert(input, &mut data[start * 3..][..length * 3]);
        };
        // What grows is converted from its end, so that nothing is written over before it is read.
        if samples < 3 {
            (0..steps).rev().for_each(&mut one);
        } else {
            (0..steps).for_each(&mut one);
        }
        data.truncate(pixels * 3);
        data.shrink_to_fit();
        data
    }
}

/// The transform of a profile, unless it is unusable or changes nothing.
fn transform(space: Space, profile: &[u8]) -> Option<Arc<dyn TransformExecutor<u8> + Send + Sync>> {
    let options = ParsingOptions { max_profile_size: MAX_BYTES as usize + 1, ..ParsingOptions::default() };
    let profile = ColorProfile::new_from_slice_with_options(profile, options).ok()?;
    let layout = match (space, profile.color_space) {
        (Space::Grey, DataColorSpace::Gray) => Layout::Gray,
        (Space::Rgb, DataColorSpace::Rgb) => Layout::Rgb,
        (Space::Cmyk, DataColorSpace::Cmyk) => Layout::Rgba,
        _ => return None,
    };
    let srgb = ColorProfile::new_srgb();
    let transform =
        profile.create_transform_8bit(layout, &srgb, Layout::Rgb, TransformOptions::default()).ok()?;
    (space == Space::Cmyk || changes(transform.as_ref(), space)).then_some(transform)
}

/// Whether a transform moves any of a grid of colours by more than a rounding.
fn changes(transform: &dyn TransformExecutor<u8>, space: Space) -> bool {
    let grid: Vec<u8> = match space {
        Space::Grey => (0..=255).collect(),
        _ => (0..6 * 6 * 6).flat_map(|n: u8| [n % 6 * 51, n / 6 % 6 * 51, n / 36 * 51]).collect(),
    };
    let mut after = vec![0; grid.len() / space.samples() * 3];
    let mut before = after.clone();
    if transform.transform(&grid, &mut after).is_err() {
        return false;
    }
    Conversion { space, transform: None }.convert(&grid, &mut before);
    before.iter().zip(&after).any(|(before, after)| before.abs_diff(*after) > 1)
}
