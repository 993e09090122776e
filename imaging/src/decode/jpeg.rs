//! JPEG, by whichever decoder is faster for the case: zune-jpeg at full size, jpeg-decoder at 1/2, 1/4, 1/8 and
//! for what zune-jpeg does not know (CMYK, RGB). Both read a [`Parts`] stream, which makes them strict.
//!
//! Measured (CPU time with the resize to a card, quality 88): at 1/2 jpeg-decoder costs as much as zune-jpeg at
//! 2 MP and two thirds of it from 12 MP up, with a quarter of the memory; at 1/4 and 1/8 it always costs less.

use zune_core::{colorspace::ColorSpace, options::DecoderOptions};

use super::{profile_memory, stream::Parts, zeroed};
use crate::{
    Error, Watch,
    probe::jpeg::{Header, Samples, Segments},
    profile::{Conversion, MAX_BYTES, Space},
};

/// Below so many pixels the smaller raster of 1/2 does not pay for the slower decoder.
const HALF_PAYS: u64 = 3_000_000;

/// Who decodes, and to how many eighths of the sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plan {
    zune: bool,
    eighths: u32,
}

impl Plan {
    fn new(header: &Header, smallest_scale: f64) -> Self {
        let pixels = u64::from(header.width) * u64::from(header.height);
        let worth = |eighths: u32| eighths < 4 || header.progressive || pixels >= HALF_PAYS;
        let covers = |eighths: u32| f64::from(eighths) / 8.0 >= smallest_scale;
        // jpeg-decoder picks its scale by one side alone; from 8 pixels on each scale has sides of its own.
        let scales = header.width.min(header.height) >= 8 && whole_factors(header);
        let eighths = [1, 2, 4].into_iter().find(|&e| scales && covers(e) && worth(e)).unwrap_or(8);
        let plain = matches!(header.samples, Samples::Grey | Samples::YCbCr);
        Self { zune: eighths == 8 && plain, eighths }
    }

    fn size(self, header: &Header) -> (u32, u32) {
        let side = |side: u32| (side * self.eighths).div_ceil(8);
        (side(header.width), side(header.height))
    }
}

/// Whether every component is a whole fraction of the largest; jpeg-decoder knows no others.
fn whole_factors(header: &Header) -> bool {
    let factors = header.factors();
    let h_max = factors.iter().map(|factor| factor.0).max().unwrap_or(1);
    let v_max = factors.iter().map(|factor| factor.1).max().unwrap_or(1);
    factors.iter().all(|&(h, v)| h_max % h == 0 && v_max % v == 0)
}

fn space(samples: Samples) -> Space {
    match samples {
        Samples::Grey => Space::Grey,
        Samples::YCbCr | Samples::Rgb => Space::Rgb,
        Samples::Cmyk | Samples::Ycck => Space::Cmyk,
    }
}

/// The picture at the smallest size that pays: width, height, RGB.
pub(super) fn decode(
    bytes: &[u8],
    header: &Header,
    smallest_scale: f64,
    watch: &dyn Watch,
) -> Result<(u32, u32, Vec<u8>), Error> {
    let plan = Plan::new(header, smallest_scale);
    let parts = Parts::new(bytes, header.progressive)?;
    let size = plan.size(header);
    let space = space(header.samples);
    let data =
        if plan.zune { full(&parts, space, size, watch)? } else { scaled(&parts, header, size, watch)? };
    if data.len() as u64 != u64::from(size.0) * u64::from(size.1) * space.samples() as u64 {
        return Err(Error::damaged("a frame of another size than its header says"));
    }
    drop(parts);
    let conversion = Conversion::new(space, profile(bytes, header).as_deref());
    Ok((size.0, size.1, conversion.convert_all(data)))
}

fn full(parts: &Parts<'_>, space: Space, size: (u32, u32), watch: &dyn Watch) -> Result<Vec<u8>, Error> {
    let colours = if space == Space::Grey { ColorSpace::Luma } else { ColorSpace::RGB };
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(colours);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(parts.stream(watch), options);
    decoder.decode_headers().map_err(|error| Error::Damaged(format!("{error:?}")))?;
    if decoder.dimensions() != Some((size.0 as usize, size.1 as usize)) {
        return Err(Error::damaged("a frame of another size than its header says"));
    }
    let mut data = zeroed(u64::from(size.0) * u64::from(size.1) * space.samples() as u64)?;
    decoder.decode_into(&mut data).map_err(|error| Error::Damaged(format!("{error:?}")))?;
    Ok(data)
}

fn scaled(parts: &Parts<'_>, header: &Header, size: (u32, u32), watch: &dyn Watch) -> Result<Vec<u8>, Error> {
    use jpeg_decoder::ColorTransform;
    let mut decoder = jpeg_decoder::Decoder::new(parts.stream(watch));
    decoder.set_color_transform(match header.samples {
        Samples::Grey => ColorTransform::Grayscale,
        Samples::YCbCr => ColorTransform::YCbCr,
        Samples::Rgb => ColorTransform::RGB,
        Samples::Cmyk => ColorTransform::CMYK,
        Samples::Ycck => ColorTransform::YCCK,
    });
    let scaled = decoder.scale(size.0 as u16, size.1 as u16).map_err(Error::damaged)?;
    if (u32::from(scaled.0), u32::from(scaled.1)) != size {
        return Err(Error::damaged("a frame of another size than its header says"));
    }
    decoder.decode().map_err(Error::damaged)
}

/// The colour profile, put together from its segments (ICC.1:2010, annex B.4). Only the first whole set counts.
fn profile(bytes: &[u8], header: &Header) -> Option<Vec<u8>> {
    if header.profile == 0 || header.profile > MAX_BYTES {
        return None;
    }
    let mut parts = Vec::new();
    let mut segments = Segments::new(bytes);
    while let Some(segment) =
        segments.next().ok()?.filter(|segment| segment.marker != crate::probe::jpeg::SOS)
    {
        let data = (segment.marker == 0xE2).then_some(segment.payload);
        if let Some([number, count, data @ ..]) = data.and_then(|data| data.strip_prefix(b"ICC_PROFILE\0")) {
            parts.push((*number, *count, data));
        }
    }
    parts.sort_by_key(|&(number, ..)| number);
    let whole = parts.iter().zip(1_usize..).all(|(&(number, count, _), index)| {
        usize::from(number) == index && usize::from(count) == parts.len()
    });
    whole.then(|| parts.iter().flat_map(|(_, _, data)| *data).copied().collect())
}

/// The sides that [`decode`] gives.
pub(super) fn size(header: &Header, smallest_scale: f64) -> (u32, u32) {
    Plan::new(header, smallest_scale).size(header)
}

/// See [`Probe::memory`](crate::Probe::memory).
pub(super) fn memory(header: &Header, smallest_scale: f64) -> u64 {
    let plan = Plan::new(header, smallest_scale);
    let (width, height) = plan.size(header);
    let pixels = u64::from(width) * u64::from(height);
    let samples = header.components();
    let coefficients = 2 * header.padded_samples(8);
    // Grey is decoded to one byte a pixel and then spread to three.
    let raster = if samples == 1 { 4 * pixels } else { samples * pixels };
    let held = if plan.zune {
        raster + if header.progressive || !header.interleaved { coefficients } else { 0 }
    } else {
        let planes = header.padded_samples(plan.eighths.into());
        planes + raster + if header.progressive { coefficients } else { 0 }
    };
    // Inks end as three bytes a pixel, in a smaller buffer.
    let held = if samples == 4 { held.max(7 * pixels) } else { held };
    // A few rows of blocks of every component, as 16-bit samples, before and after upsampling.
    let rows = 256 * samples * (u64::from(header.width) + 64);
    held + rows + profile_memory(header.profile)
}
