//! Tests of the work that decoding takes: the probe never overstates it, its limit is a setting, and a decoding that
//! is canceled ends soon, however few bytes it reads.

use std::{cell::Cell, time::Duration};

use crate::rare;
use crate::support::{
    costly::{self, Scan},
    pictures::{self, Jpeg, Sample},
};
use huemill_imaging::{Decoder, Engine, Error, Limits, Monitor, Options, probe};
use proptest::prelude::*;

/// Receives the work, and cancels at a check.
#[derive(Default)]
struct WorkMonitor {
    cancel_at: Option<u64>,
    checks: Cell<u64>,
    work: Cell<Option<u64>>,
}

impl Monitor for WorkMonitor {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn canceled(&self) -> bool {
        self.checks.set(self.checks.get() + 1);
        self.cancel_at.is_some_and(|check| self.checks.get() >= check)
    }

    fn decoded(&self, work: u64) {
        self.work.set(Some(work));
    }
}

/// Decodes at a scale. Returns the work by the header and the work that was counted.
fn decode(bytes: &[u8], scale: f64) -> (u64, u64) {
    let header = probe(bytes, &Limits::default()).unwrap();
    let monitor = WorkMonitor::default();
    let result = Decoder::new().unwrap().decode(bytes, &header, scale, &monitor);
    assert!(result.is_ok(), "{result:?}");
    (header.work, monitor.work.get().unwrap())
}

#[track_caller]
fn assert_not_overstated(name: &str, bytes: &[u8]) {
    for scale in [1.0, 0.5, 0.0] {
        let (header, counted) = decode(bytes, scale);
        assert!(header <= counted, "{name} at {scale}: {header} by the header, {counted} counted");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_work_by_the_header_is_never_above_the_work_that_is_counted(
        seed in 0_u64..1000, width in 1_u32..90, height in 1_u32..90,
    ) {
        for Sample { name, bytes } in pictures::all(seed, width, height) {
            assert_not_overstated(name, &bytes);
        }
    }

    #[test]
    fn neither_is_it_for_any_scans(
        width in 1_u16..300, height in 1_u16..300, colour: bool, refinements in 0_usize..90, kind in 0_usize..3,
    ) {
        let (components, kind) = (if colour { 3 } else { 1 }, [Scan::Runs, Scan::Blocks, Scan::Dc][kind]);
        let bytes = costly::jpeg_scans((width, height), components, refinements, kind);
        assert_not_overstated("scans", &bytes);
    }
}

#[test]
fn neither_is_it_for_rarer_kinds() {
    for (width, height) in [(1, 1), (39, 22), (64, 3)] {
        for Sample { name, bytes } in rare::all(7, width, height) {
            assert_not_overstated(name, &bytes);
        }
    }
}

#[test]
fn the_work_of_a_jpeg_is_the_blocks_that_its_scans_cover() {
    // Two by two units of 16 x 16 pixels, of four and two blocks; the second component has 17 / 2 columns.
    let picture = pictures::photo(1, 17, 32);
    let baseline = Jpeg::default().rgb(&picture);
    assert_eq!(probe(&baseline, &Limits::default()).unwrap().work, 2 * 24);
    // A DC scan of 3 x 25 blocks, three AC scans of 25 blocks, 10 refinements, and the pixels.
    let scans = costly::jpeg_scans((40, 40), 3, 10, Scan::Runs);
    assert_eq!(probe(&scans, &Limits::default()).unwrap().work, 75 + 75 + 250 + 75);
}

#[test]
fn work_above_the_limit_is_refused_by_the_header() {
    let bytes = costly::jpeg_scans((640, 480), 1, 20, Scan::Runs);
    let work = probe(&bytes, &Limits::default()).unwrap().work;
    let limits = |max_work| Limits { max_work, ..Limits::default() };
    assert!(probe(&bytes, &limits(work)).is_ok());
    let limit = work - 1;
    assert_eq!(probe(&bytes, &limits(limit)).err(), Some(Error::TooMuchWork { work, limit }));
}

#[test]
fn the_largest_legitimate_progressive_pictures_are_within_the_limits() {
    // 250 megapixels without subsampling, in the scans of libjpeg and in those of mozjpeg: one visit to turn blocks
    // into pixels, and 14 or 16 visits to a third of them.
    let limits = Limits::default();
    let component = 15_812 * 15_808 / 64;
    for visits in [14, 16] {
        assert!(component * (3 + visits) <= limits.max_work, "{visits} visits");
    }
    // Twelve scans, each of all blocks, 4:2:0.
    assert!(component * 3 / 2 * 13 <= limits.max_work);
    let bytes = costly::jpeg_scans((15_800, 15_800), 1, 12, Scan::Runs);
    assert!(probe(&bytes, &limits).is_ok());
}

#[test]
fn fifty_scan_bombs_are_refused_without_a_check_of_the_monitor() {
    let bytes = costly::jpeg_scans((8192, 6100), 1, 98, Scan::Runs);
    for _ in 0..50 {
        assert!(matches!(probe(&bytes, &Limits::default()), Err(Error::TooMuchWork { .. })));
    }
}

/// Pictures that take long for their size, each with the least number of checks in a whole decoding.
fn slow_pictures() -> Vec<(&'static str, Vec<u8>, u64)> {
    let large = pictures::photo(5, 1400, 1000);
    let tiff = costly::tiff_shared((8, 20), 8, &costly::zlib_empty_blocks(3000, true, 8));
    vec![
        ("jpeg, runs", costly::jpeg_scans((1600, 1600), 1, 90, Scan::Runs), 90),
        ("jpeg, a bit a block", costly::jpeg_scans((1600, 1600), 3, 90, Scan::Blocks), 90),
        ("jpeg, a large scan", costly::jpeg_scans((8192, 8192), 1, 2, Scan::Runs), 30),
        ("png", costly::png_deep((3000, 2000), false), 8),
        ("png interlaced", costly::png_deep((3000, 2000), true), 8),
        ("png, empty blocks", costly::png_empty_blocks(80_000, true), 10),
        ("png, empty chunks", costly::png_empty_chunks((64, 64), 500_000), 10),
        ("gif", costly::gif_expanding((8000, 6000)), 5),
        ("gif, clears", costly::gif_clears(450_000, 8, 255), 10),
        ("bmp", pictures::bmp(&large), 20),
        ("bmp, moves", costly::bmp_moves(1_000_000), 20),
        ("tiff", pictures::tiff(&large), 2),
        ("tiff, shared strips", tiff, 10),
    ]
}

#[test]
fn a_decoding_asks_often_and_ends_at_the_first_check_that_cancels_it() {
    let limits = Limits { max_pixels: 100_000_000, ..Limits::default() };
    let mut decoder = Decoder::new().unwrap();
    for (name, bytes, least) in slow_pictures() {
        let header = probe(&bytes, &limits).unwrap_or_else(|error| panic!("{name}: {error}"));
        let whole = WorkMonitor::default();
        let result = decoder.decode(&bytes, &header, 0.1, &whole);
        assert!(result.is_ok(), "{name}: {result:?}");
        let checks = whole.checks.get();
        assert!(checks >= least, "{name}: only {checks} checks");
        for at in [1, checks / 3 + 1, checks / 2 + 1, checks] {
            let monitor = WorkMonitor { cancel_at: Some(at), ..WorkMonitor::default() };
            let result = decoder.decode(&bytes, &header, 0.1, &monitor);
            assert_eq!(result.err(), Some(Error::Canceled), "{name} at check {at}");
            assert!(monitor.checks.get() <= at + 2, "{name}: {} checks after {at}", monitor.checks.get());
            assert!(monitor.work.get() <= whole.work.get(), "{name}");
        }
    }
}

#[test]
fn scans_after_a_cancellation_are_not_decoded() {
    let bytes = costly::jpeg_scans((1600, 1600), 1, 90, Scan::Runs);
    let header = probe(&bytes, &Limits::default()).unwrap();
    let monitor = WorkMonitor { cancel_at: Some(20), ..WorkMonitor::default() };
    let result = Engine::new().unwrap().process(&bytes, &header, &Options::default(), &monitor);
    assert_eq!(result.err(), Some(Error::Canceled));
    assert!(monitor.work.get().unwrap() < header.work / 4, "{:?} of {}", monitor.work.get(), header.work);
}
