//! Decoding and comparing, as the tests of colours do it.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use huemill_imaging::{Decoder, Limits, Raster, Unmonitored, probe};

pub fn decode(bytes: &[u8]) -> Raster {
    decode_at(bytes, 1.0)
}

pub fn decode_at(bytes: &[u8], smallest_scale: f64) -> Raster {
    let probe = probe(bytes, &Limits::default()).unwrap();
    Decoder::new().unwrap().decode(bytes, &probe, smallest_scale, &Unmonitored).unwrap()
}

/// No sample differs by more than `most`.
#[track_caller]
pub fn assert_near(raster: &Raster, expected: &[u8], most: u8, what: &str) {
    assert_eq!(raster.data().len(), expected.len(), "{what}");
    let difference = raster.data().iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(difference <= most, "{what}: differs by {difference}");
}

/// A colour of some opacity over white.
pub fn over_white(colour: u8, alpha: u8) -> u8 {
    let alpha = f64::from(alpha) / 255.0;
    (f64::from(colour) * alpha + 255.0 * (1.0 - alpha)).round() as u8
}
