//! Tests that decoding never uses more memory than the probe predicts, measured at the allocator.
//!
//! The binary has a single test, because the allocations of others would be counted too.

#[path = "support/rare.rs"]
mod rare;
mod support;

use huemill_imaging::{Decoder, Limits, Unmonitored, probe};
use peak_alloc::PeakAlloc;
use support::{containers, hostile, pictures};

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
    let digits =
        [b"Raw profile type exif\0\0".as_slice(), &containers::deflate(&vec![b'0'; 8 << 20])].concat();
    let png = pictures::png_rgb(&pictures::photo(5, 9, 9));
    check("text of 8 MB", &rare::with_chunk(&png, *b"zTXt", &digits), false);
    for picture in hostile::pictures() {
        check(picture.name, &picture.bytes, false);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
