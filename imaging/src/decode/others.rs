//! WebP and BMP, by the image crate's decoders, each into one buffer that is then flattened where it lies.

use image::{ImageDecoder, Rgba, codecs::bmp::BmpDecoder, codecs::webp::WebPDecoder};

use super::{codes, partitions, pixels, profile_memory, reader::Watched, zeroed};
use crate::{
    Error, Watch,
    probe::bmp,
    probe::webp::{self, Header},
    profile::{Conversion, Space},
};

/// A WebP's RGB; of an animation the first frame on its canvas.
pub(super) fn webp(bytes: &[u8], header: &Header, watch: &dyn Watch) -> Result<Vec<u8>, Error> {
    check(bytes, header)?;
    let mut reader = Watched::new(bytes, watch);
    if let Some(animation) = header.animation {
        // The first frame covers what is below it, which is nothing; the decoder's blending would round down.
        reader = reader.patched(animation.flags_at, animation.flags | 2);
    }
    let mut decoder = WebPDecoder::new(reader).map_err(Error::damaged)?;
    if decoder.has_animation() != header.animation.is_some() {
        return Err(Error::damaged("an animation or not, as one reads it"));
    }
    if header.animation.is_some() {
        decoder.set_background_color(Rgba([255; 4])).map_err(Error::damaged)?;
    }
    let data = read(decoder, (header.width, header.height))?;
    let conversion = Conversion::new(Space::Rgb, webp::profile(bytes));
    Ok(conversion.convert_all(data))
}

/// Refuses a frame that would make its decoder hold more than the header foretold.
fn check(bytes: &[u8], header: &Header) -> Result<(), Error> {
    let frame = &header.frame;
    let part = |(start, end)| bytes.get(start..end).unwrap_or_default();
    if !frame.lossless && !partitions::fit(part(frame.at)) {
        return Err(Error::damaged("the frame is cut off"));
    }
    let Some(stream) = frame.lossless_at.map(part) else { return Ok(()) };
    let most = most_codes(header);
    match codes::memory(stream, frame.width, frame.height, most) {
        Some(memory) if memory <= most => Ok(()),
        _ => Err(Error::damaged("prefix codes without sense, or more of them than any picture needs")),
    }
}

/// Bytes that the tables of a frame's prefix codes may take. Encoders give a group of codes tens of bytes for each
/// kilobyte of its tables; libwebp makes 2,600 groups at most.
fn most_codes(header: &Header) -> u64 {
    if header.frame.lossless_at.is_some() { (4 << 20) + 8 * header.frame.length } else { 0 }
}

/// A bitmap's RGB.
pub(super) fn bmp(bytes: &[u8], header: &bmp::Header, watch: &dyn Watch) -> Result<Vec<u8>, Error> {
    let decoder = BmpDecoder::new(Watched::new(bytes, watch)).map_err(Error::damaged)?;
    read(decoder, (header.width, header.height))
}

/// All pixels of a decoder that gives eight-bit RGB or RGBA, over white.
fn read(decoder: impl ImageDecoder, size: (u32, u32)) -> Result<Vec<u8>, Error> {
    if decoder.dimensions() != size {
        return Err(Error::damaged("a frame of another size than its header says"));
    }
    let alpha = match decoder.color_type() {
        image::ColorType::Rgb8 => false,
        image::ColorType::Rgba8 => true,
        other => return Err(Error::Damaged(format!("unexpected samples: {other:?}"))),
    };
    let mut data = zeroed(decoder.total_bytes())?;
    decoder.read_image(&mut data).map_err(Error::damaged)?;
    if alpha {
        let length = pixels::flatten::<4>(&mut data);
        data.truncate(length);
        data.shrink_to_fit();
    }
    Ok(data)
}

/// See [`Probe::memory`](crate::Probe::memory).
pub(super) fn webp_memory(header: &Header) -> u64 {
    let frame = header.frame;
    let pixels = u64::from(header.width) * u64::from(header.height);
    let inner = (u64::from(frame.width) + 16) * (u64::from(frame.height) + 16);
    let output = if header.alpha { 4 } else { 3 } * pixels;
    // The planes of a lossy frame, or the pixels and block images of a lossless one.
    let planes = if frame.lossless { 8 * inner } else { inner * 3 / 2 };
    let alpha = if frame.alpha_plane { 8 * inner } else { 0 };
    let canvas = if header.animation.is_some() { 4 * pixels + 4 * inner } else { 0 };
    // Lossy partitions are copied before they are read.
    let copies = if frame.lossless { 0 } else { 3 * frame.length };
    let work = planes + alpha + canvas + copies + most_codes(header) + profile_memory(header.profile);
    output + work.max(if header.alpha { 3 * pixels } else { 0 })
}

/// See [`Probe::memory`](crate::Probe::memory).
pub(super) fn bmp_memory(header: &bmp::Header) -> u64 {
    // Bit masks may make opacity: four bytes a pixel, and then three in a smaller buffer.
    let bytes = if matches!(header.bits, 16 | 32) { 7 } else { 3 };
    let width = u64::from(header.width);
    bytes * width * u64::from(header.height) + 8 * width
}
