//! Decodes bitmaps with the decoder of the image crate. It gets a header that is made from the fields that the probe read, so
//! that it does not have to know all versions. A channel without bits is 0.

use image::codecs::bmp::BmpDecoder;

use super::canvas::Canvas;
use super::image_crate::{decode_pixels, library_error};
use super::reader::MeteredReader;
use crate::{
    Error,
    color_space::ColorSpace,
    probe::bmp::{Encoding, Header},
    profile::{self, ColorConversion, ColorModel},
    work::{BLOCK, Meter},
};

/// Size of the header of the file, and of an info header without and with bit masks.
const FILE_HEADER: u32 = 14;
const INFO: u32 = 40;
const INFO_RGBA: u32 = 56;

/// Decodes a bitmap to RGB.
pub(super) fn decode(bytes: &[u8], header: &Header, meter: &Meter<'_>) -> Result<Canvas, Error> {
    meter.spend((3 * u64::from(header.width) * u64::from(header.height)).div_ceil(BLOCK))?;
    let head = head(bytes, header);
    let reader = MeteredReader::new(bytes, meter).with_head(&head, header.data);
    let decoder = BmpDecoder::new(reader).map_err(library_error)?;
    let canvas = decode_pixels(decoder, (header.width, header.height), meter)?.without_empty_opacity();
    let sources = ColorSpace::tagged(header.profile(bytes), false);
    let conversion = ColorConversion::new(ColorModel::Rgb, sources);
    canvas.map(|mut data| {
        clear_missing_channels(header.encoding, &mut data);
        conversion.convert_all(data, meter)
    })
}

/// Makes the header that the decoder gets.
fn head(bytes: &[u8], header: &Header) -> Vec<u8> {
    let (size, method, masks) = match header.encoding {
        Encoding::Plain => (INFO, 0, None),
        Encoding::RunLength => (INFO, if header.bits == 8 { 1 } else { 2 }, None),
        Encoding::Masks(masks) => (INFO_RGBA, 3, Some(masks)),
    };
    let colours = if header.bits <= 8 { 1 << header.bits } else { 0 };
    let height = if header.top_down { header.height.wrapping_neg() } else { header.height };
    let mut head = b"BM\0\0\0\0\0\0\0\0".to_vec();
    // The offset of the pixels; then the info header, whose other fields may be 0.
    for field in [FILE_HEADER + size + 4 * colours, size, header.width, height] {
        head.extend(field.to_le_bytes());
    }
    head.extend([1, 0, header.bits, 0]);
    head.extend(u32::to_le_bytes(method));
    head.extend([0; 20]);
    for mask in masks.iter().flat_map(filled_masks) {
        head.extend(mask.to_le_bytes());
    }
    let table = header.colours;
    let stored = bytes.get(table.start..).unwrap_or_default();
    for colour in stored.chunks_exact(table.entry).take(table.count) {
        head.extend([colour[0], colour[1], colour[2], 0]);
    }
    head.resize((FILE_HEADER + size + 4 * colours) as usize, 0);
    head
}

/// The masks, where each colour has bits: the decoder refuses a channel without any. It gets those of another one.
fn filled_masks(masks: &[u32; 4]) -> [u32; 4] {
    let other = masks[..3].iter().copied().find(|mask| *mask != 0).unwrap_or_default();
    let [red, green, blue] = [masks[0], masks[1], masks[2]].map(|mask| if mask == 0 { other } else { mask });
    [red, green, blue, masks[3]]
}

/// Sets the channels without bits to 0.
fn clear_missing_channels(encoding: Encoding, data: &mut [u8]) {
    let Encoding::Masks(masks) = encoding else { return };
    for (channel, _) in masks[..3].iter().enumerate().filter(|(_, mask)| **mask == 0) {
        data.iter_mut().skip(channel).step_by(3).for_each(|sample| *sample = 0);
    }
}

/// See [`Probe::memory`](crate::Probe::memory).
pub(super) fn memory(header: &Header) -> u64 {
    // Bit masks may define an alpha channel: four bytes per pixel, then three in a smaller buffer, and one of opacity.
    let bytes_per_pixel = if matches!(header.bits, 16 | 32) { 8 } else { 3 };
    let width = u64::from(header.width);
    bytes_per_pixel * width * u64::from(header.height) + 8 * width + profile::memory(header.profile_size())
}
