//! Tests of the pixel engine through its public interface, in one program so that it is linked once. The tests that
//! measure memory are programs of their own, because the allocator that counts is one per program. The tests of colours
//! share helpers that decode pictures and compare pixels.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // clippy exempts tests, but not their helpers

mod animated_png;
#[path = "../../benches/support/pictures.rs"]
#[allow(dead_code, reason = "the benchmark uses the rest")]
mod bench_pictures;
mod bmp;
mod card;
mod color_names;
mod color_sources;
mod common;
mod costly_chunks;
mod crop;
mod crop_golden;
mod engine;
mod exif_colors;
mod exports;
mod faces;
mod formats;
mod gif;
mod hostile_images;
mod jpeg;
mod jpeg_segments;
mod jpeg_variants;
mod libjpeg;
mod logos;
mod metadata;
mod monitor;
mod orientation;
mod palette;
mod palette_golden;
mod placeholders;
mod png;
mod portrait;
mod profiles;
#[path = "../support/rare.rs"]
mod rare;
mod schemes;
#[path = "../../../store/tests/support/servers.rs"]
mod servers;
#[path = "../support/mod.rs"]
mod support;
mod tiff;
#[path = "../tiff_support/mod.rs"]
mod tiff_support;
mod webp;
mod work;

use huemill_imaging::{Decoder, Limits, Raster, Unmonitored, probe};

fn decode(bytes: &[u8]) -> Raster {
    decode_at(bytes, 1.0)
}

fn decode_at(bytes: &[u8], smallest_scale: f64) -> Raster {
    let probe = probe(bytes, &Limits::default()).unwrap();
    Decoder::new().unwrap().decode(bytes, &probe, smallest_scale, &Unmonitored).unwrap().over([255; 3])
}

/// Checks that no sample differs by more than `max`.
#[track_caller]
fn assert_near(raster: &Raster, expected: &[u8], max: u8, what: &str) {
    assert_eq!(raster.data().len(), expected.len(), "{what}");
    let difference = raster.data().iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(difference <= max, "{what}: differs by {difference}");
}

/// Blends a colour with opacity `alpha` over white.
fn over_white(colour: u8, alpha: u8) -> u8 {
    let alpha = f64::from(alpha) / 255.0;
    (f64::from(colour) * alpha + 255.0 * (1.0 - alpha)).round() as u8
}
