//! Tests that a search for faces never uses more memory than predicted, measured at the allocator.
//!
//! The binary has a single test, because the allocations of others would be counted too.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // clippy exempts tests, but not their helpers

#[path = "imaging/common.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod common;
#[path = "imaging/portrait.rs"]
mod portrait;

use huemill_imaging::{FaceFinder, Raster};
use peak_alloc::PeakAlloc;
use portrait::{MONK_TONES, Portrait, draw};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// A picture full of faces, one of noise in the colour of skin, and one that is turned without success.
fn pictures(width: u32, height: u32) -> Vec<Raster> {
    let one = Portrait { x: 32.0, y: 32.0, radius: 26.0, tone: MONK_TONES[4], light: [1.0; 3], seed: 1 };
    let one = draw(64, 64, one);
    vec![
        common::raster(width, height, |x, y| one.pixel(x % 64, y % 64)),
        common::raster(width, height, |x, y| common::grainy([170, 130, 100], 60, x, y, 3)),
        common::raster(width, height, |x, y| common::grainy([200, 160, 120], 40, x / 9, y / 9, 4)),
    ]
}

#[test]
fn a_search_never_uses_more_memory_than_predicted() {
    let finder = FaceFinder::new().unwrap();
    for (width, height) in
        [(40, 40), (384, 256), (256, 384), (256, 1024), (1024, 256), (41, 2000), (301, 299)]
    {
        let predicted = FaceFinder::memory(width, height);
        for (index, picture) in pictures(width, height).iter().enumerate() {
            let before = ALLOCATOR.current_usage();
            ALLOCATOR.reset_peak_usage();
            let faces = finder.find(picture);
            let used = (ALLOCATOR.peak_usage() - before) as u64;
            assert!(used <= predicted, "{width}x{height}, {index}: {used} used, {predicted} predicted");
            // The prediction must also be close to be useful, apart from what does not depend on the size.
            let constant = FaceFinder::memory(1, 1);
            assert!(predicted <= 4 * used + constant, "{width}x{height}, {index}: {used} used, {predicted}");
            drop(faces);
            assert!(ALLOCATOR.current_usage() <= before, "the finder keeps memory");
        }
    }
}
