//! Decodes WebP and BMP with the decoders of the image crate. Each decodes into one buffer, from which opacity
//! is then taken out in place. WebP frames that would take more memory than the probe predicts are rejected first.

use image::{ImageDecoder, Rgba, codecs::bmp::BmpDecoder, codecs::webp::WebPDecoder};

use super::canvas::{self, Canvas};
use super::{prefix_codes, reader::MeteredReader, vp8_partitions};
use crate::{
    Error,
    probe::BmpHeader,
    probe::webp::{self, Header},
    profile::{self, ColorConversion, ColorModel},
    raster::zeroed,
    work::{BLOCK, Meter},
};

/// Decodes a WebP to RGB. Of an animation it decodes the first frame, on its canvas.
pub(super) fn decode_webp(bytes: &[u8], header: &Header, meter: &Meter<'_>) -> Result<Canvas, Error> {
    check_frame(bytes, header)?;
    meter.spend(header.work())?;
    let mut reader = MeteredReader::new(bytes, meter);
    if let Some(animation) = header.animation {
        // Sets the flag "do not blend": there is nothing below the first frame, and the decoder's blending rounds down.
        reader = reader.with_patch(animation.flags_at, animation.flags | 2);
    }
    let mut decoder = WebPDecoder::new(reader).map_err(Error::damaged)?;
    if decoder.has_animation() != header.animation.is_some() {
        return Err(Error::damaged("the decoder and the header disagree about an animation"));
    }
    if header.animation.is_some() {
        decoder.set_background_color(Rgba([255, 255, 255, 0])).map_err(Error::damaged)?;
    }
    let canvas = decode_pixels(decoder, (header.width, header.height), meter)?;
    let conversion = ColorConversion::new(ColorModel::Rgb, webp::profile(bytes));
    canvas.map(|data| conversion.convert_all(data, meter))
}

/// Rejects a frame that would make its decoder use more memory than the probe predicted.
fn check_frame(bytes: &[u8], header: &Header) -> Result<(), Error> {
    let frame = &header.frame;
    let part = |(start, end)| bytes.get(start..end).unwrap_or_default();
    if !frame.lossless && !vp8_partitions::are_complete(part(frame.span)) {
        return Err(Error::damaged("the frame is truncated"));
    }
    let Some(stream) = frame.lossless_span.map(part) else { return Ok(()) };
    let limit = max_code_memory(header);
    match prefix_codes::memory(stream, frame.width, frame.height, limit) {
        Some(memory) if memory <= limit => Ok(()),
        _ => Err(Error::damaged("invalid prefix codes, or too many of them")),
    }
}

/// Maximum memory for the tables of a frame's prefix codes. Encoders write tens of bytes for each kilobyte of tables,
/// and libwebp makes at most 2,600 groups of codes.
fn max_code_memory(header: &Header) -> u64 {
    if header.frame.lossless_span.is_some() { (4 << 20) + 8 * header.frame.length } else { 0 }
}

/// Decodes a bitmap to RGB.
pub(super) fn decode_bmp(bytes: &[u8], header: &BmpHeader, meter: &Meter<'_>) -> Result<Canvas, Error> {
    meter.spend((3 * u64::from(header.width) * u64::from(header.height)).div_ceil(BLOCK))?;
    let decoder = BmpDecoder::new(MeteredReader::new(bytes, meter)).map_err(Error::damaged)?;
    decode_pixels(decoder, (header.width, header.height), meter).map(Canvas::without_empty_opacity)
}

/// Decodes all pixels. The decoder must deliver 8-bit RGB or RGBA.
fn decode_pixels(decoder: impl ImageDecoder, size: (u32, u32), meter: &Meter<'_>) -> Result<Canvas, Error> {
    if decoder.dimensions() != size {
        return Err(Error::damaged("the decoded frame has another size than its header announces"));
    }
    let alpha = match decoder.color_type() {
        image::ColorType::Rgb8 => false,
        image::ColorType::Rgba8 => true,
        other => return Err(Error::Damaged(format!("unexpected sample type: {other:?}"))),
    };
    let mut data = zeroed(decoder.total_bytes())?;
    decoder.read_image(&mut data).map_err(Error::damaged)?;
    if alpha { take_opacity(data, size, meter) } else { Ok(Canvas::of(size.0, size.1, data)) }
}

/// Splits RGBA into colours, which stay in their buffer, and opacity, row by row.
fn take_opacity(mut data: Vec<u8>, (width, height): (u32, u32), meter: &Meter<'_>) -> Result<Canvas, Error> {
    let mut opacity = Vec::with_capacity(width as usize);
    let mut covers = Canvas::of(width, height, Vec::new());
    let row = 4 * width as usize;
    let mut length = 0;
    for (index, start) in (0..data.len()).step_by(row).enumerate() {
        opacity.clear();
        let done = canvas::split::<4>(&mut data[start..start + row], &mut opacity);
        data.copy_within(start..start + done, length);
        length += done;
        covers.cover(index, 0, 1, &opacity)?;
        if !meter.pace((row as u64).div_ceil(BLOCK)) {
            meter.result()?;
        }
    }
    data.truncate(length);
    data.shrink_to_fit();
    covers.map(|_| Ok(data))
}

/// See [`Probe::memory`](crate::Probe::memory).
pub(super) fn webp_memory(header: &Header) -> u64 {
    let frame = header.frame;
    let pixels = u64::from(header.width) * u64::from(header.height);
    let inner = (u64::from(frame.width) + 16) * (u64::from(frame.height) + 16);
    let output = if header.alpha { 4 } else { 3 } * pixels;
    // The planes of a lossy frame, or the pixels and transform images of a lossless one.
    let planes = if frame.lossless { 8 * inner } else { inner * 3 / 2 };
    let alpha = if frame.alpha_plane { 8 * inner } else { 0 };
    let canvas = if header.animation.is_some() { 4 * pixels + 4 * inner } else { 0 };
    // The decoder copies lossy partitions before it reads them.
    let copies = if frame.lossless { 0 } else { 3 * frame.length };
    let work = planes + alpha + canvas + copies + max_code_memory(header) + profile::memory(header.profile);
    output + work.max(if header.alpha { 3 * pixels } else { 0 })
}

/// See [`Probe::memory`](crate::Probe::memory).
pub(super) fn bmp_memory(header: &BmpHeader) -> u64 {
    // Bit masks may define an alpha channel: four bytes per pixel, then three in a smaller buffer, and one of opacity.
    let bytes_per_pixel = if matches!(header.bits, 16 | 32) { 8 } else { 3 };
    let width = u64::from(header.width);
    bytes_per_pixel * width * u64::from(header.height) + 8 * width
}
