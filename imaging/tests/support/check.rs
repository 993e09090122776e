//! Decodes pictures and compares pixels, for the tests of colours.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use huemill_imaging::{Decoder, Limits, Raster, Unmonitored, probe};

pub fn decode(bytes: &[u8]) -> Raster {
    decode_at(bytes, 1.0)
}

pub fn decode_at(bytes: &[u8], smallest_scale: f64) -> Raster {
    let probe = probe(bytes, &Limits::default()).unwrap();
    Decoder::new().unwrap().decode(bytes, &probe, smallest_scale, &Unmonitored).unwrap()
}

/// Checks that no sample differs by more than `max`.
#[track_caller]
pub fn assert_near(raster: &Raster, expected: &[u8], max: u8, what: &str) {
    assert_eq!(raster.data().len(), expected.len(), "{what}");
    let difference = raster.data().iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(difference <= max, "{what}: differs by {difference}");
}

/// Blends a colour with opacity `alpha` over white.
pub fn over_white(colour: u8, alpha: u8) -> u8 {
    let alpha = f64::from(alpha) / 255.0;
    (f64::from(colour) * alpha + 255.0 * (1.0 - alpha)).round() as u8
}
