//! Makes a placeholder to show while a picture is loading: a ThumbHash of about 25 bytes, in base64. The colour summary uses
//! it. It cannot fail.
//!
//! The method is Evan Wallace's (<https://evanw.github.io/thumbhash/>), computed by his crate. It stores at most seven
//! frequencies per direction, so a copy of 32 pixels holds everything that it needs.

use std::iter::StepBy;
use std::ops::Range;

use crate::Raster;

/// Long side of the copy that the hash is computed of. The method allows 100, and its cost grows with the area.
const SIDE: usize = 32;

/// Minimum short side of the copy. The method stores three frequencies there, which fewer pixels cannot represent.
const SHORT_SIDE: usize = 3;

/// Maximum number of pixels in a row or a column that are averaged to one of the copy.
const SAMPLES: usize = 4;

/// The ThumbHash of an opaque picture, preferably of a reduced copy.
#[must_use]
pub fn of_raster(raster: &Raster) -> String {
    let (width, pixels) = (raster.width() as usize, raster.pixels());
    thumbhash(width, raster.height() as usize, |x, y| {
        let [r, g, b] = pixels[y * width + x];
        [r, g, b, 255]
    })
}

/// The ThumbHash of a picture whose pixels are red, green, blue and opacity. `pixel` gives the one at a column and a row.
/// It is empty where the picture is.
#[must_use]
pub fn thumbhash(width: usize, height: usize, pixel: impl Fn(usize, usize) -> [u8; 4]) -> String {
    if width == 0 || height == 0 {
        return String::new();
    }
    let (copy_width, copy_height) = copy_size(width, height);
    let rows: Vec<_> = (0..copy_height).map(|y| sources(y, copy_height, height)).collect();
    let columns: Vec<_> = (0..copy_width).map(|x| sources(x, copy_width, width)).collect();
    let mut copy = Vec::with_capacity(copy_width * copy_height * 4);
    for rows in &rows {
        for columns in &columns {
            let places = rows.clone().flat_map(|y| columns.clone().map(move |x| (x, y)));
            copy.extend(mean(places.map(|(x, y)| pixel(x, y))));
        }
    }
    base64_simd::STANDARD.encode_to_string(thumbhash::rgba_to_thumb_hash(copy_width, copy_height, &copy))
}

/// The size of the copy. A small picture is enlarged: with fewer pixels than frequencies, the method returns wrong colours.
fn copy_size(width: usize, height: usize) -> (usize, usize) {
    let long = width.max(height);
    let side = |side: usize| ((side * SIDE + long / 2) / long).max(SHORT_SIDE);
    (side(width), side(height))
}

/// The rows or columns that are averaged to one of the copy, evenly spread. There is at least one.
fn sources(index: usize, count: usize, length: usize) -> StepBy<Range<usize>> {
    let start = index * length / count;
    let end = ((index + 1) * length / count).max(start + 1);
    (start..end).step_by((end - start).div_ceil(SAMPLES))
}

/// The mean of at least one pixel. Transparent pixels add nothing to its colour.
fn mean(pixels: impl Iterator<Item = [u8; 4]>) -> [u8; 4] {
    let (mut sum, mut opacity, mut count) = ([0_u32; 3], 0_u32, 0_u32);
    for [r, g, b, a] in pixels {
        let a = u32::from(a);
        for (sum, channel) in sum.iter_mut().zip([r, g, b]) {
            *sum += u32::from(channel) * a;
        }
        opacity += a;
        count += 1;
    }
    let [r, g, b] = sum.map(|sum| ((sum + opacity / 2) / opacity.max(1)) as u8);
    [r, g, b, ((opacity + count / 2) / count.max(1)) as u8]
}
