//! Decodes JPEG with one of two decoders, zune-jpeg or jpeg-decoder, as the table in [`strategy`] says. Both read a
//! [`SanitizedJpeg`], which makes them strict.
//!
//! Measured in CPU time with the resize to a card, at quality 88: at 1/2, jpeg-decoder costs as much as zune-jpeg for
//! 2 MP and two thirds of it from 12 MP on, with a quarter of the memory. At 1/4 and 1/8 it always costs less.

mod reader;
mod sanitized;
pub(super) mod strategy;

use zune_core::{colorspace::ColorSpace, options::DecoderOptions};

use crate::{
    Error, color_space,
    probe::jpeg::{
        ColorEncoding, Header,
        segments::{SOS, Segments},
    },
    profile::{self, ColorConversion, ColorModel, MAX_BYTES},
    raster::zeroed,
    work::Meter,
};
use sanitized::SanitizedJpeg;
use strategy::Strategy;

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
    strategy::check(header)?;
    let strategy = Strategy::new(header, smallest_scale);
    let jpeg = SanitizedJpeg::new(bytes, header, strategy.use_zune)?;
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
    decoder.decode_headers().map_err(zune_error)?;
    if decoder.dimensions() != Some((size.0 as usize, size.1 as usize)) {
        return Err(Error::damaged("the decoded frame has another size than its header announces"));
    }
    let mut data = zeroed(u64::from(size.0) * u64::from(size.1) * model.samples() as u64)?;
    decoder.decode_into(&mut data).map_err(zune_error)?;
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
        let scaled = decoder.scale(size.0 as u16, size.1 as u16).map_err(scaling_error)?;
        if (u32::from(scaled.0), u32::from(scaled.1)) != size {
            return Err(Error::damaged("the decoded frame has another size than its header announces"));
        }
    }
    decoder.decode().map_err(scaling_error)
}

/// The name of what a decoder refuses and the table of variants does not know.
const VARIANT: &str = "This variant of JPEG";

fn zune_error(error: zune_jpeg::errors::DecodeErrors) -> Error {
    match error {
        zune_jpeg::errors::DecodeErrors::Unsupported(_) => Error::Unsupported(VARIANT),
        error => Error::Damaged(format!("{error:?}")),
    }
}

fn scaling_error(error: jpeg_decoder::Error) -> Error {
    match error {
        jpeg_decoder::Error::Unsupported(_) => Error::Unsupported(VARIANT),
        error => Error::damaged(error),
    }
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
