//! Decodes JPEG with the faster of two decoders: zune-jpeg at full size, jpeg-decoder at 1/2, 1/4 and 1/8 and for
//! colour encodings that zune-jpeg does not support (CMYK, RGB). Both read a [`SanitizedJpeg`], which makes them
//! strict.
//!
//! Measured in CPU time with the resize to a card, at quality 88: at 1/2, jpeg-decoder costs as much as zune-jpeg for
//! 2 MP and two thirds of it from 12 MP on, with a quarter of the memory. At 1/4 and 1/8 it always costs less.

mod reader;
mod sanitized;

use zune_core::{colorspace::ColorSpace, options::DecoderOptions};

use crate::{
    Error, color_space,
    probe::jpeg::{ColorEncoding, Header, SOS, Segments},
    profile::{self, ColorConversion, ColorModel, MAX_BYTES},
    raster::zeroed,
    work::Meter,
};
use sanitized::SanitizedJpeg;

/// Minimum number of pixels for decoding at 1/2. Below it, the smaller raster does not pay for the slower decoder.
const MIN_PIXELS_FOR_HALF: u64 = 3_000_000;

/// Which decoder to use, and at how many eighths of the full width and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Strategy {
    use_zune: bool,
    eighths: u32,
}

impl Strategy {
    fn new(header: &Header, smallest_scale: f64) -> Self {
        let pixels = u64::from(header.width) * u64::from(header.height);
        let worth = |eighths: u32| eighths < 4 || header.progressive || pixels >= MIN_PIXELS_FOR_HALF;
        let covers = |eighths: u32| f64::from(eighths) / 8.0 >= smallest_scale;
        // jpeg-decoder picks its scale by one side only. From 8 pixels on, no two scales give the same side.
        let scalable = header.width.min(header.height) >= 8 && has_whole_factors(header);
        let eighths = [1, 2, 4].into_iter().find(|&e| scalable && covers(e) && worth(e)).unwrap_or(8);
        let zune_supports = matches!(header.color, ColorEncoding::Grey | ColorEncoding::YCbCr);
        Self { use_zune: eighths == 8 && zune_supports, eighths }
    }

    fn size(self, header: &Header) -> (u32, u32) {
        let side = |side: u32| (side * self.eighths).div_ceil(8);
        (side(header.width), side(header.height))
    }
}

/// Whether every component is a whole fraction of the largest one. jpeg-decoder supports no other factors.
fn has_whole_factors(header: &Header) -> bool {
    let factors = header.factors();
    let h_max = factors.iter().map(|factor| factor.0).max().unwrap_or(1);
    let v_max = factors.iter().map(|factor| factor.1).max().unwrap_or(1);
    factors.iter().all(|&(h, v)| h_max % h == 0 && v_max % v == 0)
}

fn color_model(encoding: ColorEncoding) -> ColorModel {
    match encoding {
        ColorEncoding::Grey => ColorModel::Grey,
        ColorEncoding::YCbCr | ColorEncoding::Rgb => ColorModel::Rgb,
        ColorEncoding::Cmyk | ColorEncoding::Ycck => ColorModel::Cmyk,
    }
}

/// Decodes the picture at the smallest size that is worth it. Returns width, height and RGB.
pub(super) fn decode(
    bytes: &[u8],
    header: &Header,
    smallest_scale: f64,
    meter: &Meter<'_>,
) -> Result<(u32, u32, Vec<u8>), Error> {
    let strategy = Strategy::new(header, smallest_scale);
    let jpeg = SanitizedJpeg::new(bytes, header)?;
    let size = strategy.size(header);
    let model = color_model(header.color);
    let data = if strategy.use_zune {
        decode_full(&jpeg, model, size, meter)?
    } else {
        decode_scaled(&jpeg, header, size, meter)?
    };
    if data.len() as u64 != u64::from(size.0) * u64::from(size.1) * model.samples() as u64 {
        return Err(Error::damaged("the decoded frame has another size than its header announces"));
    }
    drop(jpeg);
    meter.spend(header.blocks())?;
    let profile = read_profile(bytes, header);
    let sources = color_space::ColorSpace::tagged(profile.as_deref(), header.metadata.adobe_rgb);
    let conversion = ColorConversion::new(model, sources);
    Ok((size.0, size.1, conversion.convert_all(data, meter)?))
}

fn decode_full(
    jpeg: &SanitizedJpeg<'_>,
    model: ColorModel,
    size: (u32, u32),
    meter: &Meter<'_>,
) -> Result<Vec<u8>, Error> {
    let colours = if model == ColorModel::Grey { ColorSpace::Luma } else { ColorSpace::RGB };
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(colours);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(jpeg.reader(meter), options);
    decoder.decode_headers().map_err(|error| Error::Damaged(format!("{error:?}")))?;
    if decoder.dimensions() != Some((size.0 as usize, size.1 as usize)) {
        return Err(Error::damaged("the decoded frame has another size than its header announces"));
    }
    let mut data = zeroed(u64::from(size.0) * u64::from(size.1) * model.samples() as u64)?;
    decoder.decode_into(&mut data).map_err(|error| Error::Damaged(format!("{error:?}")))?;
    Ok(data)
}

fn decode_scaled(
    jpeg: &SanitizedJpeg<'_>,
    header: &Header,
    size: (u32, u32),
    meter: &Meter<'_>,
) -> Result<Vec<u8>, Error> {
    use jpeg_decoder::ColorTransform;
    let mut decoder = jpeg_decoder::Decoder::new(jpeg.reader(meter));
    decoder.set_color_transform(match header.color {
        ColorEncoding::Grey => ColorTransform::Grayscale,
        ColorEncoding::YCbCr => ColorTransform::YCbCr,
        ColorEncoding::Rgb => ColorTransform::RGB,
        ColorEncoding::Cmyk => ColorTransform::CMYK,
        ColorEncoding::Ycck => ColorTransform::YCCK,
    });
    // Without a scale it is the full size. Asked for that of a picture of a few pixels, it would take a smaller one.
    if size != (header.width, header.height) {
        let scaled = decoder.scale(size.0 as u16, size.1 as u16).map_err(Error::damaged)?;
        if (u32::from(scaled.0), u32::from(scaled.1)) != size {
            return Err(Error::damaged("the decoded frame has another size than its header announces"));
        }
    }
    decoder.decode().map_err(Error::damaged)
}

/// Assembles the colour profile from its segments (ICC.1:2010, annex B.4). Only the first complete set counts.
fn read_profile(bytes: &[u8], header: &Header) -> Option<Vec<u8>> {
    if header.profile == 0 || header.profile > MAX_BYTES {
        return None;
    }
    let mut parts = Vec::new();
    let mut segments = Segments::new(bytes);
    while let Some(segment) = segments.next().ok()?.filter(|segment| segment.marker != SOS) {
        let data = (segment.marker == 0xE2).then_some(segment.payload);
        if let Some([number, count, data @ ..]) = data.and_then(|data| data.strip_prefix(b"ICC_PROFILE\0")) {
            parts.push((*number, *count, data));
        }
    }
    parts.sort_by_key(|&(number, ..)| number);
    let complete = parts.iter().zip(1_usize..).all(|(&(number, count, _), index)| {
        usize::from(number) == index && usize::from(count) == parts.len()
    });
    complete.then(|| parts.iter().flat_map(|(_, _, data)| *data).copied().collect())
}

/// Width and height of the result of [`decode`].
pub(super) fn size(header: &Header, smallest_scale: f64) -> (u32, u32) {
    Strategy::new(header, smallest_scale).size(header)
}

/// See [`Probe::memory`](crate::Probe::memory).
pub(super) fn memory(header: &Header, smallest_scale: f64) -> u64 {
    let strategy = Strategy::new(header, smallest_scale);
    let (width, height) = strategy.size(header);
    let pixels = u64::from(width) * u64::from(height);
    let samples = header.components();
    let coefficients = 2 * header.padded_samples(8);
    // Grey is decoded to one byte per pixel and then expanded to three.
    let raster = if samples == 1 { 4 * pixels } else { samples * pixels };
    let held = if strategy.use_zune {
        raster + if header.progressive || !header.interleaved { coefficients } else { 0 }
    } else {
        let strategyes = header.padded_samples(strategy.eighths.into());
        strategyes + raster + if header.progressive { coefficients } else { 0 }
    };
    // CMYK ends as three bytes per pixel, in a smaller buffer.
    let held = if samples == 4 { held.max(7 * pixels) } else { held };
    // A few rows of blocks of each component, as 16-bit samples, before and after upsampling.
    let rows = 256 * samples * (u64::from(header.width) + 64);
    held + rows + profile::tagged_memory(header.profile, header.metadata.adobe_rgb)
}
