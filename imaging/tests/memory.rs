//! Tests that decoding never uses more memory than the probe predicts, measured at the allocator.
//!
//! The binary has a single test, because the allocations of others would be counted too.

#[path = "support/rare.rs"]
mod rare;
mod support;
mod tiff_support;

use huemill_imaging::{Decoder, Limits, Unmonitored, probe};
use peak_alloc::PeakAlloc;
use support::{containers, hostile, pictures};
use tiff_support::{DEFLATE, LZW, PACK_BITS, PLAIN, STRIPS, Variant, ZSTANDARD, fax};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Peak memory of `work` in bytes, without the memory that was in use before.
fn peak<T>(work: impl FnOnce() -> T) -> u64 {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let result = work();
    let peak = ALLOCATOR.peak_usage() - before;
    drop(result);
    peak as u64
}

/// A TIFF in each compression, as planes and as whole pixels. The last strip is large enough for the largest window.
fn tiffs() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for (compression, planar) in
        [PLAIN, PACK_BITS, LZW, DEFLATE, ZSTANDARD].into_iter().flat_map(|kind| [(kind, false), (kind, true)])
    {
        let mut variant = Variant { compression, planar, depth: 16, ..Variant::new(300, 200, 5, 5) };
        variant.entries.push(support::containers::Entry(338, 3, vec![2]));
        let values: Vec<u16> =
            (0..300 * 200 * 5_u32).map(|index| (index.wrapping_mul(40_503) >> 4) as u16).collect();
        all.push((format!("tiff {compression}, planar {planar}"), variant.encode(&values)));
    }
    let variant = Variant { compression: ZSTANDARD, ..Variant::new(2000, 1500, 2, 3) };
    let values: Vec<u16> =
        (0..9_000_000_u32).map(|index| (index.wrapping_mul(40_503) >> 12) as u8 as u16).collect();
    all.push(("tiff, a strip of 9 MB".to_owned(), variant.encode(&values)));
    let rows: Vec<Vec<bool>> =
        (0..50).map(|y| (0..4001_u32).map(|x| (x * x + y) % 7 < 3).collect()).collect();
    for coding in [fax::Coding::Modified, fax::Coding::Group4] {
        let entries = support::containers::tiff_entries((4001, 50), &[1], 0, coding.compression());
        let bytes = support::containers::tiff_of(entries, STRIPS, &[fax::encode(&rows, coding)]);
        all.push((format!("tiff {coding:?}"), bytes));
    }
    all
}

#[test]
fn decoding_never_uses_more_memory_than_predicted() {
    let mut decoder = Decoder::new().unwrap();
    let mut wrong = Vec::new();
    let mut check = |what: &str, bytes: &[u8], tight: bool| {
        let mut header = None;
        let probing = peak(|| header = Some(probe(bytes, &Limits::default())));
        // Texts are inflated where they hold metadata.
        if probing > if what.starts_with("text") { 192 << 10 } else { 4096 } {
            wrong.push(format!("{what}: the probe used {probing} bytes"));
        }
        let Some(Ok(header)) = header else { return };
        for scale in [1.0, 0.5, 0.25, 0.0] {
            let predicted = header.memory(scale);
            let used = peak(|| decoder.decode(bytes, &header, scale, &Unmonitored));
            // The prediction must also be close to be useful, apart from 8 MB for profiles and metadata.
            if used > predicted || tight && predicted > 4 * used + (8 << 20) {
                wrong.push(format!("{what} at {scale}: {used} used, {predicted} predicted"));
            }
        }
    };
    for (width, height) in [(701, 600), (450, 603), (16, 4000), (4000, 16), (5, 3)] {
        for sample in pictures::all(51, width, height) {
            check(&format!("{} {width}x{height}", sample.name), &sample.bytes, true);
        }
        for sample in rare::all(52, width, height) {
            check(&format!("{} {width}x{height}", sample.name), &sample.bytes, false);
        }
    }
    for (name, bytes) in tiffs() {
        check(&name, &bytes, true);
    }
    let digits =
        [b"Raw profile type exif\0\0".as_slice(), &containers::deflate(&vec![b'0'; 8 << 20])].concat();
    let png = pictures::png_rgb(&pictures::photo(5, 9, 9));
    check("text of 8 MB", &rare::with_chunk(&png, *b"zTXt", &digits), false);
    for picture in hostile::pictures() {
        check(picture.name, &picture.bytes, false);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
