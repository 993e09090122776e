//! The canary: a small picture whose palette and crop are known. It goes through the Workers' own path, so that
//! /ready proves what a customer's picture needs, not that a function can be called.
//!
//! A plain ground with a busy two-coloured subject far to the right, in a picture that is too wide for the
//! default aspect: its palette must begin with the ground's colour and hold both of the subject's, and its crop
//! must be of full height and hold the subject.

use std::sync::Arc;

use huemill_imaging::{Crop, Outcome, Swatch};

/// The picture's sides in pixels, 2:1.
const WIDTH: u32 = 128;
const HEIGHT: u32 = 64;

/// The subject's left upper corner and side, in pixels.
const SUBJECT: (u32, u32, u32) = (92, 20, 24);

const GROUND: [u8; 3] = [40, 90, 60];
const DARK: [u8; 3] = [200, 50, 45];
const LIGHT: [u8; 3] = [250, 220, 120];

/// The colours that the palette must hold; the first of them must lead it.
const PALETTE: [[u8; 3]; 3] = [GROUND, DARK, LIGHT];

/// How far a colour's channels may be off, each: what rounding may do.
const TOLERANCE: u8 = 2;

/// What the palette and the crop of the canary proved, each with the reason against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proof {
    /// Of the colours.
    pub(crate) palette: Result<(), String>,
    /// Of the rectangle.
    pub(crate) crop: Result<(), String>,
}

impl Proof {
    /// Nothing could be proven, for one reason.
    pub(crate) fn failed(reason: &str) -> Self {
        Self { palette: Err(reason.to_owned()), crop: Err(reason.to_owned()) }
    }
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
        false => GROUND,
    };
    (0..HEIGHT).flat_map(|y| (0..WIDTH).flat_map(move |x| pixel(x, y))).collect()
}

/// Whether the outcome is the one that is known.
pub(crate) fn judge(outcome: &Outcome) -> Proof {
    Proof { palette: judge_palette(&outcome.palette), crop: judge_crop(&outcome.crop) }
}

fn judge_palette(palette: &[Swatch]) -> Result<(), String> {
    let close = |a: [u8; 3], b: [u8; 3]| a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= TOLERANCE);
    let missing = PALETTE.iter().find(|known| !palette.iter().any(|swatch| close(swatch.rgb, **known)));
    match (missing, palette.first()) {
        (Some(known), _) => Err(format!("the canary's palette lacks {known:?}")),
        (None, Some(first)) if close(first.rgb, GROUND) => Ok(()),
        (None, first) => {
            Err(format!("the canary's palette begins with {:?}", first.map(|swatch| swatch.rgb)))
        }
    }
}

fn judge_crop(crop: &Crop) -> Result<(), String> {
    let (left, _, side) = SUBJECT;
    let whole = crop.y == 0 && crop.height == HEIGHT && crop.width == HEIGHT * 3 / 2;
    let holds = crop.x <= left && left + side <= crop.x + crop.width;
    if whole && holds { Ok(()) } else { Err(format!("the canary's crop is {crop:?}")) }
}

#[cfg(test)]
mod tests {
    use huemill_imaging::{Engine, Limits, Options, Unmonitored, probe};

    use super::*;

    fn outcome() -> Outcome {
        let (picture, options) = (picture(), Options::default());
        let probe = probe(&picture, &Limits::default()).unwrap();
        Engine::new().unwrap().process(&picture, &probe, &options, &Unmonitored).unwrap()
    }

    #[test]
    fn the_engine_knows_the_canary() {
        let outcome = outcome();
        assert_eq!(judge(&outcome), Proof { palette: Ok(()), crop: Ok(()) });
    }

    #[test]
    fn another_palette_and_another_crop_are_refused() {
        let known = outcome();
        for color in 0..3 {
            let mut outcome = known.clone();
            outcome.palette[color].rgb[1] ^= 4;
            let proof = judge(&outcome);
            assert!(proof.palette.is_err() && proof.crop.is_ok());
        }
        let mut outcome = known.clone();
        outcome.palette.swap(0, 1);
        assert!(judge(&outcome).palette.is_err());
        outcome.palette.clear();
        assert!(judge(&outcome).palette.is_err());
        for crop in [Crop { x: 0, ..known.crop }, Crop { y: 1, height: 63, ..known.crop }] {
            let proof = judge(&Outcome { crop, ..known.clone() });
            assert!(proof.palette.is_ok() && proof.crop.is_err());
        }
    }
}
