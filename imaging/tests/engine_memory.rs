//! Tests that the engine never uses more memory than it predicts, measured at the allocator.
//!
//! The binary has a single test, because the allocations of others would be counted too.

#![allow(clippy::unwrap_used)] // clippy exempts tests, but not their helpers

#[allow(dead_code, reason = "shared with the benchmark")]
#[path = "../benches/support/pictures.rs"]
mod pictures;

use huemill_imaging::{CardFormat, CardKind, Engine, Limits, Options, Theme, Unmonitored, probe};
use image::{ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
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

/// A picture that is half seen, and half a soft edge.
fn with_opacity(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let photo = pictures::photo(width, height, 9);
    let picture = RgbaImage::from_fn(width, height, |x, y| {
        let [r, g, b] = photo.get_pixel(x, y).0;
        Rgba([r, g, b, (x * 510 / width).min(255) as u8])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
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
        ("a PNG with opacity", with_opacity(2048, 1536, ImageFormat::Png)),
        ("a WebP with opacity", with_opacity(1024, 768, ImageFormat::WebP)),
        ("a WebP", pictures::webp(&pictures::photo(1024, 768, 6))),
        ("a JPEG of 12 MP", pictures::jpeg(4000, 3000, 7)),
        ("a JPEG of 24 MP", pictures::jpeg(6000, 4000, 8)),
    ]
}

/// Every kind of card in the format that needs most memory for it, and every format for one kind.
fn options_of_all_kinds() -> Vec<Options> {
    let of = |aspect: &str, format, kind, width| {
        let options = Options::default().with_aspect(aspect.parse().unwrap()).with_card(format);
        options.with_card_kind(kind).with_theme(Theme::Auto).with_card_width(width).unwrap()
    };
    let (png, webp, jpeg) = (CardFormat::Png, CardFormat::WebP, CardFormat::Jpeg { quality: 100 });
    vec![
        of("3:2", png, CardKind::Palette, 1080),
        of("3:2", webp, CardKind::Palette, 1080),
        of("3:2", jpeg, CardKind::Palette, 1080),
        of("1:1", webp, CardKind::Palette, 1080),
        of("100:1", jpeg, CardKind::Palette, 1080),
        of("1:100", png, CardKind::Palette, 1080),
        of("3:2", png, CardKind::Og, 1080),
        of("1:1", webp, CardKind::Square, 1080),
        of("4:5", jpeg, CardKind::Portrait, 1080),
        of("3:2", png, CardKind::Story, 1080),
        of("9:16", webp, CardKind::Story, 1080),
        of("9:16", jpeg, CardKind::Story, 1080),
        of("3:2", png, CardKind::Crop, 16),
        of("3:2", jpeg, CardKind::Crop, 300),
        of("1:1", webp, CardKind::Crop, 2048),
        of("1:1", png, CardKind::Crop, 2048),
        of("1:100", jpeg, CardKind::Crop, 2048),
        of("100:1", png, CardKind::Crop, 16),
        of("3:2", png, CardKind::None, 1080),
    ]
}

#[test]
fn an_engine_never_uses_more_memory_than_predicted() {
    let mut engine = Engine::new().unwrap();
    let mut wrong = Vec::new();
    for (name, bytes) in pictures_of_all_kinds() {
        let probe = probe(&bytes, &Limits::default()).unwrap();
        for options in options_of_all_kinds() {
            let what = format!("{name} {} {} {:?}", options.aspect, options.card_kind.name(), options.card);
            let predicted = Engine::memory(&probe, &options);
            let before = ALLOCATOR.current_usage();
            ALLOCATOR.reset_peak_usage();
            let outcome = engine.process(&bytes, &probe, &options, &Unmonitored).unwrap();
            let used = (ALLOCATOR.peak_usage() - before) as u64;
            println!("{what}: {} KiB used, {} predicted", used / 1024, predicted / 1024);
            if used > predicted {
                wrong.push(format!("{what}: used {used} bytes, predicted were {predicted}"));
            }
            drop(outcome);
            let kept = ALLOCATOR.current_usage().saturating_sub(before);
            assert!(kept < 1 << 20, "{what} leaked {kept} bytes");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
