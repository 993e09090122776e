//! Decodes WebP with the decoder of the image crate. It gets a container that is made for one frame: its flags agree with
//! the bitstream, and it ends behind it, so that wrong flags, missing chunks of metadata and later frames decide nothing.
//! Frames that would take more memory than the probe predicts are rejected first.

use image::{Rgba, codecs::webp::WebPDecoder};

use super::canvas::Canvas;
use super::image_crate::{decode_pixels, library_error};
use super::{prefix_codes, reader::MeteredReader, vp8_partitions};
use crate::{
    Error,
    color_space::ColorSpace,
    probe::webp::{self as file, Frame, Header},
    profile::{self, ColorConversion, ColorModel},
    work::Meter,
};

/// The flags of an extended file: alpha, and animation.
const ALPHA: u8 = 0x10;
const ANIMATION: u8 = 2;
/// The flag of a frame that replaces what lies below it. There is nothing below the frame that is decoded, and the
/// decoder's blending rounds down.
const NO_BLENDING: u8 = 2;

/// Size of the position, the size, the duration and the flags of a frame.
const FRAME_HEADER: usize = 16;

/// Decodes the picture to RGB. Of an animation, it is the first frame that shows anything, on its canvas.
pub(super) fn decode(bytes: &[u8], header: &Header, meter: &Meter<'_>) -> Result<Canvas, Error> {
    let mut canvas = decode_frame(bytes, header, &header.frame, meter)?;
    for frame in file::frames(bytes).skip(1).filter(|_| header.animated) {
        if !canvas.is_blank() || !meter.affords(header.frame_work(&frame)) {
            break;
        }
        // Nothing was drawn so far, so it does not matter how the frames before this one are disposed of.
        drop(canvas);
        canvas = decode_frame(bytes, header, &frame, meter)?;
    }
    let sources = ColorSpace::tagged(file::profile(bytes), header.metadata.adobe_rgb);
    let conversion = ColorConversion::new(ColorModel::Rgb, sources);
    canvas.map(|data| conversion.convert_all(data, meter))
}

fn decode_frame(bytes: &[u8], header: &Header, frame: &Frame, meter: &Meter<'_>) -> Result<Canvas, Error> {
    check_frame(bytes, frame)?;
    meter.spend(header.frame_work(frame))?;
    let head = head(header, frame);
    let mut reader = MeteredReader::new(bytes, meter);
    if header.extended {
        reader = reader.with_head(&head, frame.start);
    }
    let mut decoder = WebPDecoder::new(reader).map_err(library_error)?;
    if decoder.has_animation() != header.animated {
        return Err(Error::damaged("the decoder and the header disagree about an animation"));
    }
    if header.animated {
        decoder.set_background_color(Rgba([255, 255, 255, 0])).map_err(library_error)?;
    }
    decode_pixels(decoder, (header.width, header.height), meter)
}

/// Makes the container for a frame, up to its first chunk.
fn head(header: &Header, frame: &Frame) -> Vec<u8> {
    let chunk = |name: &[u8; 4], length: usize| [&name[..], &(length as u32).to_le_bytes()].concat();
    let three = |value: u32| value.to_le_bytes()[..3].to_vec();
    let size = |width: u32, height: u32| [three(width - 1), three(height - 1)].concat();
    let length = (frame.span.1 - frame.start).next_multiple_of(2);
    let mut parts = Vec::new();
    let mut flags = if frame.alpha { ALPHA } else { 0 };
    if header.animated {
        flags = ALPHA | ANIMATION;
        parts.extend([chunk(b"ANIM", 6), vec![0; 6], chunk(b"ANMF", FRAME_HEADER + length)]);
        parts.extend([three(frame.left / 2), three(frame.top / 2), size(frame.width, frame.height)]);
        parts.push(vec![0, 0, 0, NO_BLENDING]);
    }
    let parts = parts.concat();
    // The decoder adds the stated length to the end of the canvas, less twelve bytes, to find the end of the chunks.
    let stated = parts.len() + length + 12;
    let canvas = [chunk(b"VP8X", 10), vec![flags, 0, 0, 0], size(header.width, header.height)].concat();
    [chunk(b"RIFF", stated), b"WEBP".to_vec(), canvas, parts].concat()
}

/// Rejects a frame that would make its decoder use more memory than the probe predicted.
fn check_frame(bytes: &[u8], frame: &Frame) -> Result<(), Error> {
    let part = |(start, end)| bytes.get(start..end).unwrap_or_default();
    if !frame.lossless && !vp8_partitions::are_complete(part(frame.span)) {
        return Err(Error::damaged("the frame is truncated"));
    }
    let Some(stream) = frame.lossless_span.map(part) else { return Ok(()) };
    let limit = frame.max_code_memory();
    match prefix_codes::memory(stream, frame.width, frame.height, limit) {
        Some(memory) if memory <= limit => Ok(()),
        _ => Err(Error::damaged("invalid prefix codes, or too many of them")),
    }
}

/// See [`Probe::memory`](crate::Probe::memory).
pub(super) fn memory(header: &Header) -> u64 {
    let pixels = u64::from(header.width) * u64::from(header.height);
    let (frame_pixels, samples) = (4 * pixels, if header.alpha || header.animated { 4 } else { 3 });
    // Of an animation, the decoder has a canvas and a frame.
    let canvas = if header.animated { 2 * frame_pixels } else { 0 };
    let profile = profile::tagged_memory(header.profile, header.metadata.adobe_rgb);
    let work = header.frame_memory + canvas + profile;
    samples * pixels + work.max(if samples == 4 { 3 * pixels } else { 0 })
}
