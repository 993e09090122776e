//! What decoding holds at its peak is at most what the header said beforehand; measured on the allocator, so
//! this is the only test of its process.

mod support;

use huemill_imaging::{Decoder, Limits, Unmonitored, probe};
use peak_alloc::PeakAlloc;
use support::{hostile, pictures};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Bytes that a piece of work holds at its peak, beyond what was held before it.
fn peak<T>(work: impl FnOnce() -> T) -> u64 {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let result = work();
    let peak = ALLOCATOR.peak_usage() - before;
    drop(result);
    peak as u64
}

#[test]
fn decoding_holds_no_more_than_the_header_foretells() {
    let mut decoder = Decoder::new().unwrap();
    let mut wrong = Vec::new();
    let mut check = |what: &str, bytes: &[u8], tight: bool| {
        let mut header = None;
        let probing = peak(|| header = Some(probe(bytes, &Limits::default())));
        if probing > 4096 {
            wrong.push(format!("{what}: the probe held {probing}"));
        }
        let Some(Ok(header)) = header else { return };
        for scale in [1.0, 0.5, 0.25, 0.0] {
            let most = header.memory(scale);
            let held = peak(|| decoder.decode(bytes, &header, scale, &Unmonitored));
            // A bound is of use only where it is near: 8 MB aside for profiles and metadata.
            if held > most || tight && most > 4 * held + (8 << 20) {
                wrong.push(format!("{what} at {scale}: {held} held, {most} foretold"));
            }
        }
    };
    for (width, height) in [(701, 600), (450, 603), (16, 4000), (4000, 16), (5, 3)] {
        for sample in pictures::all(51, width, height) {
            check(&format!("{} {width}x{height}", sample.name), &sample.bytes, true);
        }
    }
    for picture in hostile::pictures() {
        check(picture.name, &picture.bytes, false);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
