//! Tests that the engine never uses more memory than it predicts, measured at the allocator.
//!
//! The binary has a single test, because the allocations of others would be counted too.

#![allow(clippy::unwrap_used)] // clippy exempts tests, but not their helpers

#[allow(dead_code, reason = "shared with the benchmark")]
#[path = "../benches/support/pictures.rs"]
mod pictures;

use huemill_imaging::{CardFormat, Engine, Limits, Options, Unmonitored, probe};
use image::{Rgb, RgbImage};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Noise, which no encoder can compress.
fn noise(width: u32, height: u32) -> RgbImage {
    let mut state = 1u32;
    RgbImage::from_fn(width, height, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [a, b, c, _] = state.to_be_bytes();
        Rgb([a, b, c])
    })
}

fn pictures_of_all_kinds() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a pixel", pictures::png(&noise(1, 1))),
        ("a vertical line", pictures::png(&noise(1, 10_000))),
        ("a band", pictures::png(&noise(16_384, 257))),
        ("noise", pictures::png(&noise(1400, 900))),
        ("a small JPEG", pictures::jpeg(640, 427, 1)),
        ("a JPEG of 2 MP", pictures::jpeg(1920, 1080, 2)),
        ("a progressive JPEG", pictures::progressive_jpeg(2400, 1600, 3)),
        ("a rotated JPEG", pictures::oriented_jpeg(&pictures::photo(2400, 1600, 4), 6)),
        ("a PNG of 3 MP", pictures::png(&pictures::photo(2048, 1536, 5))),
        ("a WebP", pictures::webp(&pictures::photo(1024, 768, 6))),
        ("a JPEG of 12 MP", pictures::jpeg(4000, 3000, 7)),
        ("a JPEG of 24 MP", pictures::jpeg(6000, 4000, 8)),
    ]
}

#[test]
fn an_engine_never_uses_more_memory_than_predicted() {
    let mut engine = Engine::new().unwrap();
    for (name, bytes) in pictures_of_all_kinds() {
        let probe = probe(&bytes, &Limits::default()).unwrap();
        for (aspect, card) in [
            ("3:2", CardFormat::Png),
            ("1:1", CardFormat::WebP),
            ("100:1", CardFormat::Jpeg { quality: 100 }),
            ("1:100", CardFormat::Png),
            ("3:2", CardFormat::WebP),
            ("3:2", CardFormat::Jpeg { quality: 100 }),
        ] {
            let options = Options::default().with_aspect(aspect.parse().unwrap()).with_card(card);
            let predicted = Engine::memory(&probe, &options);
            let before = ALLOCATOR.current_usage();
            ALLOCATOR.reset_peak_usage();
            let outcome = engine.process(&bytes, &probe, &options, &Unmonitored).unwrap();
            let used = (ALLOCATOR.peak_usage() - before) as u64;
            println!("{name} {aspect}: {} KiB used, {} predicted", used / 1024, predicted / 1024);
            assert!(used <= predicted, "{name} {aspect} used {used} bytes, predicted were {predicted}");
            drop(outcome);
            let kept = ALLOCATOR.current_usage().saturating_sub(before);
            assert!(kept < 1 << 20, "{name} leaked {kept} bytes");
        }
    }
}
