//! The canary: a small picture whose palette and crop are known. Health sends it through the Workers on the same
//! path as a client's picture, so that /ready proves that real pictures can be processed.
//!
//! The crates color-thief and smartcrop2 process it: the checks bear their names, and clients of the service before this
//! one watch them.
//!
//! It shows a plain background with a busy two-coloured subject far to the right, and is too wide for the default
//! aspect ratio. Its palette must begin with the background colour and contain both of the subject's; its crop must
//! have full height and contain the subject.

use std::sync::Arc;

use huemill_imaging::{Crop, CropMethod, Options, Outcome, PaletteMethod, Swatch};

/// The picture's sides in pixels, at 2:1.
const WIDTH: u32 = 128;
const HEIGHT: u32 = 64;

/// The subject's left edge, top edge and side, in pixels.
const SUBJECT: (u32, u32, u32) = (92, 20, 24);

const BACKGROUND: [u8; 3] = [40, 90, 60];
const DARK: [u8; 3] = [200, 50, 45];
const LIGHT: [u8; 3] = [250, 220, 120];

/// The colours that the palette must contain; it must begin with the first one.
const PALETTE: [[u8; 3]; 3] = [BACKGROUND, DARK, LIGHT];

/// How far each channel of a colour may be off through rounding.
const TOLERANCE: u8 = 2;

/// Whether the canary's palette and crop are right; each error says what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CanaryResult {
    pub(crate) palette: Result<(), String>,
    pub(crate) crop: Result<(), String>,
}

impl CanaryResult {
    /// Both checks failed for one reason.
    pub(crate) fn failed(reason: &str) -> Self {
        Self { palette: Err(reason.to_owned()), crop: Err(reason.to_owned()) }
    }
}

/// How the canary is processed.
pub(crate) fn options() -> Options {
    Options::default().with_palette(PaletteMethod::Classic).with_crop(CropMethod::Classic)
}

/// The picture as PNG.
pub(crate) fn picture() -> Arc<[u8]> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, WIDTH, HEIGHT);
    encoder.set_color(png::ColorType::Rgb);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels()));
    written.expect("a PNG of constant size is written to memory");
    bytes.into()
}

fn pixels() -> Vec<u8> {
    let (left, top, side) = SUBJECT;
    let within = |at: u32, from: u32| (from..from + side).contains(&at);
    let pixel = |x: u32, y: u32| match within(x, left) && within(y, top) {
        true if (x / 6 + y / 6).is_multiple_of(2) => DARK,
        true => LIGHT,
        false => BACKGROUND,
    };
    (0..HEIGHT).flat_map(|y| (0..WIDTH).flat_map(move |x| pixel(x, y))).collect()
}

/// Compares the outcome with the known one.
pub(crate) fn check(outcome: &Outcome) -> CanaryResult {
    CanaryResult { palette: check_palette(&outcome.palette), crop: check_crop(&outcome.crop) }
}

fn check_palette(palette: &[Swatch]) -> Result<(), String> {
    let close = |a: [u8; 3], b: [u8; 3]| a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= TOLERANCE);
    let missing = PALETTE.iter().find(|known| !palette.iter().any(|swatch| close(swatch.rgb, **known)));
    match (missing, palette.first()) {
        (Some(known), _) => Err(format!("the canary's palette lacks {known:?}")),
        (None, Some(first)) if close(first.rgb, BACKGROUND) => Ok(()),
        (None, first) => {
            Err(format!("the canary's palette begins with {:?}", first.map(|swatch| swatch.rgb)))
        }
    }
}

fn check_crop(crop: &Crop) -> Result<(), String> {
    let (left, _, side) = SUBJECT;
    let whole = crop.y == 0 && crop.height == HEIGHT && crop.width == HEIGHT * 3 / 2;
    let holds = crop.x <= left && left + side <= crop.x + crop.width;
    if whole && holds { Ok(()) } else { Err(format!("the canary's crop is {crop:?}")) }
}

#[cfg(test)]
mod tests {
    use huemill_imaging::{Engine, Limits, Unmonitored, probe};

    use super::*;

    fn outcome() -> Outcome {
        let (picture, options) = (picture(), options());
        let probe = probe(&picture, &Limits::default()).unwrap();
        Engine::new().unwrap().process(&picture, &probe, &options, &Unmonitored).unwrap()
    }

    #[test]
    fn the_engine_gets_the_canary_right() {
        let outcome = outcome();
        assert_eq!(check(&outcome), CanaryResult { palette: Ok(()), crop: Ok(()) });
    }

    #[test]
    fn a_wrong_palette_and_a_wrong_crop_are_refused() {
        let known = outcome();
        for color in 0..3 {
            let mut outcome = known.clone();
            outcome.palette[color].rgb[1] ^= 4;
            let result = check(&outcome);
            assert!(result.palette.is_err() && result.crop.is_ok());
        }
        let mut outcome = known.clone();
        outcome.palette.swap(0, 1);
        assert!(check(&outcome).palette.is_err());
        outcome.palette.clear();
        assert!(check(&outcome).palette.is_err());
        for crop in [Crop { x: 0, ..known.crop }, Crop { y: 1, height: 63, ..known.crop }] {
            let result = check(&Outcome { crop, ..known.clone() });
            assert!(result.palette.is_ok() && result.crop.is_err());
        }
    }
}
