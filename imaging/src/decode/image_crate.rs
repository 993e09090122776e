//! What the decoders of the image crate have in common: they decode into one buffer, from which opacity is then taken out in
//! place. The decoders of WebP and BMP call it.

use image::{ImageDecoder, ImageError};

use super::canvas::{self, Canvas};
use crate::{
    Error,
    raster::zeroed,
    work::{BLOCK, Meter},
};

/// Tells a variant that the library does not support from a file that is damaged.
pub(super) fn library_error(error: ImageError) -> Error {
    match error {
        ImageError::Unsupported(error) if error.format_hint() == image::ImageFormat::Bmp.into() => {
            Error::Unsupported("this variant of BMP")
        }
        ImageError::Unsupported(_) => Error::Unsupported("this variant of WebP"),
        error => Error::damaged(error),
    }
}

/// Decodes all pixels. The decoder must deliver 8-bit RGB or RGBA.
pub(super) fn decode_pixels(
    decoder: impl ImageDecoder,
    size: (u32, u32),
    meter: &Meter<'_>,
) -> Result<Canvas, Error> {
    if decoder.dimensions() != size {
        return Err(Error::damaged("the decoded frame has another size than its header announces"));
    }
    let alpha = match decoder.color_type() {
        image::ColorType::Rgb8 => false,
        image::ColorType::Rgba8 => true,
        other => return Err(Error::Damaged(format!("unexpected sample type: {other:?}"))),
    };
    let mut data = zeroed(decoder.total_bytes())?;
    decoder.read_image(&mut data).map_err(library_error)?;
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
