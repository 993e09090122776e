//! Bytes to pixels, under the limits that the probe was judged by. Asked by the engine, on a slot's thread.
//! Every decoder is held to the probe's sides, reads through the watch, and stops behind the first frame; what
//! it cannot read whole is [`Error::Damaged`].

mod codes;
mod gif;
mod jpeg;
mod others;
mod partitions;
pub(crate) mod pixels;
mod png;
mod reader;
mod stream;
mod tiff;

use std::marker::PhantomData;

use crate::{Error, Probe, Raster, Watch, probe::Header, profile};

/// Decodes pictures, one after the other, on the thread that made it.
///
/// It makes that thread the only one of a rayon pool: without it jpeg-decoder starts threads of its own.
#[derive(Debug)]
pub struct Decoder {
    _pool: Option<rayon::ThreadPool>,
    /// The pool is bound to the thread.
    _bound: PhantomData<*const ()>,
}

/// The thread belongs to a larger rayon pool already.
#[derive(Debug, thiserror::Error)]
#[error("the decoder's thread cannot be a rayon pool of its own")]
pub struct NoPool(#[source] Option<rayon::ThreadPoolBuildError>);

impl Decoder {
    /// A decoder for this thread. Meant to be built once a thread: a pool leaks a few kilobytes when its thread
    /// ends, and there is only ever one a thread, however many decoders.
    pub fn new() -> Result<Self, NoPool> {
        let pool = if rayon::current_thread_index().is_none() {
            let builder = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
            Some(builder.build().map_err(|error| NoPool(Some(error)))?)
        } else if rayon::current_num_threads() == 1 {
            None
        } else {
            return Err(NoPool(None));
        };
        Ok(Self { _pool: pool, _bound: PhantomData })
    }

    /// Decodes the picture that `probe` was made of: as stored (not turned upright), sRGB, opaque (over white).
    ///
    /// A JPEG may come at 1/2, 1/4 or 1/8 of its sides, rounded up, never below `smallest_scale` of either.
    ///
    /// # Errors
    /// [`Error::Damaged`] for whatever cannot be read whole, [`Error::Unsupported`] for kinds of a format that
    /// are not decoded, [`Error::Canceled`] when the watch says so.
    pub fn decode(
        &mut self,
        bytes: &[u8],
        probe: &Probe,
        smallest_scale: f64,
        watch: &dyn Watch,
    ) -> Result<Raster, Error> {
        let whole = |data: Result<Vec<u8>, Error>| data.map(|data| (probe.width, probe.height, data));
        let decoded = match &probe.header {
            Header::Jpeg(header) => jpeg::decode(bytes, header, smallest_scale, watch),
            Header::Png(header) => whole(png::decode(bytes, header, watch)),
            Header::WebP(header) => whole(others::webp(bytes, header, watch)),
            Header::Gif(header) => whole(gif::decode(bytes, header, watch)),
            Header::Bmp(header) => whole(others::bmp(bytes, header, watch)),
            Header::Tiff(header) => whole(tiff::decode(bytes, header, watch)),
        };
        // A canceled read looks like a truncated file to a decoder.
        if watch.canceled() {
            return Err(Error::Canceled);
        }
        let (width, height, data) = decoded?;
        Raster::new(width, height, data).ok_or_else(|| Error::damaged("fewer pixels than the header says"))
    }
}

/// Width and height of the raster that [`Decoder::decode`] gives.
pub(crate) fn size(probe: &Probe, smallest_scale: f64) -> (u32, u32) {
    match &probe.header {
        Header::Jpeg(header) => jpeg::size(header, smallest_scale),
        _ => (probe.width, probe.height),
    }
}

/// See [`Probe::memory`].
pub(crate) fn memory(probe: &Probe, smallest_scale: f64) -> u64 {
    let decoder = match &probe.header {
        Header::Jpeg(header) => jpeg::memory(header, smallest_scale),
        Header::Png(header) => png::memory(header),
        Header::Gif(header) => gif::memory(header),
        Header::Tiff(header) => tiff::memory(header),
        Header::WebP(header) => others::webp_memory(header),
        Header::Bmp(header) => others::bmp_memory(header),
    };
    decoder + FIXED
}

/// What any decoding may hold beside what grows with the picture: tables, buffers, a conversion's set-up.
const FIXED: u64 = 512 << 10;

/// What using a profile of so many bytes may hold: its parsed tables and the transform made of them.
fn profile_memory(bytes: u64) -> u64 {
    if bytes == 0 || bytes > profile::MAX_BYTES { 0 } else { bytes * 8 + (4 << 20) }
}

/// A buffer of zeros, or the error for a machine without the memory.
fn zeroed(length: u64) -> Result<Vec<u8>, Error> {
    let length = usize::try_from(length).map_err(Error::damaged)?;
    let mut data = Vec::new();
    data.try_reserve_exact(length).map_err(Error::damaged)?;
    data.resize(length, 0);
    Ok(data)
}
