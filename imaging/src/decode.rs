//! Decodes pictures to pixels, within the limits that the probe checked. The engine calls it on a worker thread.
//! Each decoder must produce the size that the probe found, and decodes the first frame only. It counts its work on a
//! [`Meter`], which stops it when it is canceled or has done too much. A picture that cannot be decoded completely is
//! [`Error::Damaged`].

mod bmp;
mod canvas;
mod decoder_error;
mod gif;
mod image_crate;
mod jpeg;
mod png;
mod prefix_codes;
mod reader;
mod tiff;
mod vp8_partitions;
mod webp;

use std::marker::PhantomData;

use canvas::Canvas;

use crate::{Error, Monitor, Probe, Raster, probe::FormatHeader, work::Meter};

/// Decodes pictures, one after another, on the thread that created it.
///
/// It makes that thread the only one of a rayon pool. Without a pool of one thread, jpeg-decoder starts threads of
/// its own.
#[derive(Debug)]
pub struct Decoder {
    _pool: Option<rayon::ThreadPool>,
    /// The pool is bound to its thread, so the decoder must not be sent to another.
    _not_send: PhantomData<*const ()>,
}

/// The thread already belongs to a rayon pool with other threads, or its pool could not be created.
#[derive(Debug, thiserror::Error)]
#[error("the decoder needs a rayon pool of one thread, and its thread cannot have one")]
pub struct ThreadPoolError(#[source] Option<rayon::ThreadPoolBuildError>);

impl Decoder {
    /// Creates a decoder for the current thread.
    ///
    /// Create it once per thread: rayon leaks a few kilobytes when the thread ends. All decoders of a thread share
    /// one pool.
    pub fn new() -> Result<Self, ThreadPoolError> {
        let pool = if rayon::current_thread_index().is_none() {
            let builder = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
            Some(builder.build().map_err(|error| ThreadPoolError(Some(error)))?)
        } else if rayon::current_num_threads() == 1 {
            None
        } else {
            return Err(ThreadPoolError(None));
        };
        Ok(Self { _pool: pool, _not_send: PhantomData })
    }

    /// Decodes the picture that `probe` describes. The result is as stored (EXIF orientation is not applied), sRGB
    /// with the opacity of transparent pixels.
    ///
    /// A JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, rounded up, but never below `smallest_scale` in either
    /// dimension.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the picture cannot be decoded completely, [`Error::Unsupported`] for variants of a
    /// format that are not decoded, [`Error::TooMuchWork`] for more work than the probe's limits allow,
    /// [`Error::Canceled`] when the monitor reports a cancellation.
    pub fn decode(
        &mut self,
        bytes: &[u8],
        probe: &Probe,
        smallest_scale: f64,
        monitor: &dyn Monitor,
    ) -> Result<Raster, Error> {
        let meter = Meter::new(monitor, probe.max_work);
        let decoded = match &probe.header {
            FormatHeader::Jpeg(header) => jpeg::decode(bytes, header, smallest_scale, &meter)
                .map(|(width, height, data)| Canvas::of(width, height, data)),
            FormatHeader::Png(header) => png::decode(bytes, header, &meter),
            FormatHeader::WebP(header) => webp::decode(bytes, header, &meter),
            FormatHeader::Gif(header) => gif::decode(bytes, header, &meter),
            FormatHeader::Bmp(header) => bmp::decode(bytes, header, &meter),
            FormatHeader::Tiff(header) => tiff::decode(bytes, header, &meter),
        };
        monitor.decoded(meter.done());
        // To a decoder, a read that was refused looks like a truncated file.
        meter.ask();
        meter.result()?;
        decoded?.into_raster().ok_or_else(|| Error::damaged("fewer pixels than the header announces"))
    }
}

/// Width and height of the raster that [`Decoder::decode`] returns.
pub(crate) fn size(probe: &Probe, smallest_scale: f64) -> (u32, u32) {
    match &probe.header {
        FormatHeader::Jpeg(header) => jpeg::size(header, smallest_scale),
        _ => (probe.width, probe.height),
    }
}

/// Memory that every decoding may take, whatever the size of the picture: tables, buffers, the colour conversion.
const FIXED_MEMORY: u64 = 512 << 10;

impl Probe {
    /// Maximum memory, in bytes, that [`Decoder::decode`] with the same `smallest_scale` holds at once. It includes
    /// the result and excludes the input.
    #[must_use]
    pub fn memory(&self, smallest_scale: f64) -> u64 {
        let decoder = match &self.header {
            FormatHeader::Jpeg(header) => jpeg::memory(header, smallest_scale),
            FormatHeader::Png(header) => png::memory(header),
            FormatHeader::Gif(header) => gif::memory(header),
            FormatHeader::Tiff(header) => tiff::memory(header),
            FormatHeader::WebP(header) => webp::memory(header),
            FormatHeader::Bmp(header) => bmp::memory(header),
        };
        let opacity = if self.alpha { u64::from(self.width) * u64::from(self.height) } else { 0 };
        decoder + opacity + FIXED_MEMORY
    }
}
