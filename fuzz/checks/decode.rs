//! What must hold for arbitrary bytes that are decoded as a picture, at three scales and with small limits. Errors are
//! fine. Decoded pictures must have the size in the header, and memory use must not exceed the prediction.

use std::cell::RefCell;

use huemill_imaging::{Decoder, Limits, Probe, Unmonitored, probe};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const LIMITS: Limits =
    Limits { max_pixels: 1_000_000, max_jpeg_pixels: 1_000_000, max_side: 16_384, max_work: 80_000_000 };

thread_local! {
    static DECODER: RefCell<Decoder> = RefCell::new(Decoder::new().expect("a thread without a rayon pool"));
}

/// Panics if something does not hold.
pub fn check(bytes: &[u8]) {
    let Ok(header) = probe(bytes, &LIMITS) else { return };
    assert!(u64::from(header.width) * u64::from(header.height) <= LIMITS.max_pixels);
    for scale in [0.0, 0.5, 1.0] {
        check_at(bytes, &header, scale);
    }
}

fn check_at(bytes: &[u8], header: &Probe, scale: f64) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let result = DECODER.with_borrow_mut(|decoder| decoder.decode(bytes, header, scale, &Unmonitored));
    let used = (ALLOCATOR.peak_usage() - before) as u64;
    let predicted = header.memory(scale);
    assert!(used <= predicted, "{used} bytes used, {predicted} predicted: {header:?} at {scale}");
    if let Ok(raster) = result {
        assert!(raster.width() <= header.width && raster.height() <= header.height);
        assert!(f64::from(raster.width()) >= f64::from(header.width) * scale);
        assert!(f64::from(raster.height()) >= f64::from(header.height) * scale);
    }
}
