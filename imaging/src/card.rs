//! Draws the social card, a picture above a row of swatches on white, and encodes it as PNG, JPEG or lossless WebP.
//!
//! The engine calls it. The layout is part of the service's contract and is defined by the constants here. The same
//! pixels always give the same bytes, because nothing else gets into the file: no profile, no text, no time. An encoder
//! error is a bug, since no input can cause one.

use image::ExtendedColorType;
use image::codecs::{jpeg::JpegEncoder, webp::WebPEncoder};
use png::{BitDepth, ColorType, Compression, Encoder, Filter};

use crate::{Card, CardFormat, Error, Raster, Swatch};

/// Width of a card in pixels.
pub const WIDTH: u32 = 1096;
/// Height of a card in pixels.
pub const HEIGHT: u32 = 736;
/// Width of the white border, and of the gaps between the parts, in pixels.
pub const GAP: u32 = 8;
/// Width of the picture and of the row of swatches, in pixels.
pub const PICTURE_WIDTH: u32 = WIDTH - 2 * GAP;
/// Height of the picture in pixels.
pub const PICTURE_HEIGHT: u32 = 534;
/// Height of a swatch in pixels.
pub const SWATCH_HEIGHT: u32 = HEIGHT - 3 * GAP - PICTURE_HEIGHT;

const WHITE: u8 = 255;

/// Draws the card. `picture` must have the size of the card's picture area.
pub(crate) fn compose(picture: &Raster, palette: &[Swatch]) -> Result<Raster, Error> {
    let mut canvas = vec![WHITE; bytes(WIDTH) * HEIGHT as usize];
    let mut rows = canvas.chunks_exact_mut(bytes(WIDTH)).skip(GAP as usize);
    let picture_rows = picture.data().chunks_exact(bytes(picture.width()));
    for (row, pixels) in rows.by_ref().zip(picture_rows).take(PICTURE_HEIGHT as usize) {
        row[bytes(GAP)..][..pixels.len()].copy_from_slice(pixels);
    }
    let swatches = swatch_row(palette);
    for row in rows.skip(GAP as usize).take(SWATCH_HEIGHT as usize) {
        row.copy_from_slice(&swatches);
    }
    Raster::new(WIDTH, HEIGHT, canvas).ok_or_else(|| Error::damaged("the canvas has the wrong size"))
}

/// Draws one row of pixels across the swatches.
fn swatch_row(palette: &[Swatch]) -> Vec<u8> {
    let mut row = vec![WHITE; bytes(WIDTH)];
    for (span, swatch) in spans(palette.len() as u32).zip(palette) {
        let place = bytes(GAP + span.start)..bytes(GAP + span.end);
        row[place].as_chunks_mut::<3>().0.fill(swatch.rgb);
    }
    row
}

/// Left and right edges of `count` swatches, relative to the left edge of the picture. Their widths differ by at most a
/// pixel, and the last swatch ends where the picture ends.
fn spans(count: u32) -> impl Iterator<Item = std::ops::Range<u32>> {
    let swatch_pixels = PICTURE_WIDTH.saturating_sub(GAP * count.saturating_sub(1));
    (0..count).map(move |index| {
        let edge = |index| swatch_pixels * index / count + GAP * index;
        edge(index)..edge(index + 1) - GAP
    })
}

const fn bytes(pixels: u32) -> usize {
    pixels as usize * 3
}

/// Maximum memory, in bytes, that encoding a card holds at once. It includes the result and excludes the pixels.
///
/// Noise is the worst case. PNG needs a stream of up to 12 bits per byte in a vector of twice that size, and beside it
/// an uncompressed stream that replaces it, in a vector that grows. WebP needs four bytes per pixel and a growing
/// stream.
pub(crate) const ENCODING_MEMORY: u64 = WIDTH as u64 * HEIGHT as u64 * 13;

impl Card {
    /// Encodes a raster as a card.
    pub fn encode(raster: &Raster, format: CardFormat) -> Result<Self, Error> {
        let (width, height) = (raster.width(), raster.height());
        let mut bytes = Vec::new();
        match format {
            CardFormat::Png => encode_png(&mut bytes, raster).map_err(Error::damaged)?,
            CardFormat::Jpeg { quality } => JpegEncoder::new_with_quality(&mut bytes, quality.clamp(1, 100))
                .encode(raster.data(), width, height, ExtendedColorType::Rgb8)
                .map_err(Error::damaged)?,
            CardFormat::WebP => WebPEncoder::new_lossless(&mut bytes)
                .encode(raster.data(), width, height, ExtendedColorType::Rgb8)
                .map_err(Error::damaged)?,
        }
        bytes.shrink_to_fit();
        Ok(Self { bytes, format })
    }
}

/// Uses the Paeth filter for every row. On photographs, choosing a filter for each row mostly gives Paeth too: it
/// changes the size by less than 2 % and takes a seventh more time. Paeth turns flat rows into zeros, which cost
/// nothing.
fn encode_png(bytes: &mut Vec<u8>, raster: &Raster) -> Result<(), png::EncodingError> {
    let mut encoder = Encoder::new(bytes, raster.width(), raster.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(Filter::Paeth);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(raster.data())?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    #[test]
    fn swatches_fill_the_width_for_every_number_of_colours() {
        for count in Options::COLORS.map(u32::from).chain([1]) {
            let spans: Vec<_> = spans(count).collect();
            assert_eq!(spans.len(), count as usize);
            assert_eq!(spans[0].start, 0);
            assert_eq!(spans[spans.len() - 1].end, PICTURE_WIDTH);
            assert!(spans.windows(2).all(|pair| pair[0].end + GAP == pair[1].start), "{spans:?}");
            let widths = || spans.iter().map(|span| span.end - span.start);
            assert!(widths().max().unwrap() - widths().min().unwrap() <= 1, "{spans:?}");
        }
    }

    #[test]
    fn a_card_without_colours_has_a_white_row() {
        let picture = Raster::new(PICTURE_WIDTH, PICTURE_HEIGHT, vec![0; 1080 * 534 * 3]).unwrap();
        let canvas = compose(&picture, &[]).unwrap();
        let below = (GAP + PICTURE_HEIGHT) as usize * bytes(WIDTH);
        assert!(canvas.data()[below..].iter().all(|byte| *byte == WHITE));
    }
}
