//! Encodes a card as PNG, JPEG or lossless WebP. The same pixels always give the same bytes, because nothing else gets
//! into the file: no profile, no text, no time. Only a JPEG depends on the machine: with AVX2 it is rounded otherwise. An
//! encoder error is a bug, since no input can cause one.

use image::ExtendedColorType;
use image::codecs::webp::WebPEncoder;
use jpeg_encoder::{ColorType as JpegColorType, Encoder as JpegEncoder, SamplingFactor};
use png::{BitDepth, ColorType, Compression, Encoder, Filter};

use crate::{Card, CardFormat, Error, Raster};

/// Maximum memory, in bytes, that encoding a card of this many pixels holds at once. It includes the result and excludes
/// the pixels.
///
/// Noise is the worst case. PNG needs a stream of up to 12 bits per byte in a vector of twice that size, and beside it
/// an uncompressed stream that replaces it, in a vector that grows. WebP needs four bytes per pixel and a growing
/// stream.
pub(crate) fn memory(pixels: u64) -> u64 {
    pixels * 13 + FIXED_MEMORY
}

/// Tables and buffers that do not grow with the card.
const FIXED_MEMORY: u64 = 256 << 10;

impl Card {
    /// Encodes a raster as a card.
    pub fn encode(raster: &Raster, format: CardFormat) -> Result<Self, Error> {
        let (width, height) = (raster.width(), raster.height());
        let mut bytes = Vec::new();
        match format {
            CardFormat::Png => encode_png(&mut bytes, raster).map_err(Error::damaged)?,
            CardFormat::Jpeg { quality } => encode_jpeg(&mut bytes, raster, quality)?,
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

/// Keeps the chroma at full size: halved, it bleeds over the edges of swatches, where it is easily seen.
fn encode_jpeg(bytes: &mut Vec<u8>, raster: &Raster, quality: u8) -> Result<(), Error> {
    let side = |side: u32| u16::try_from(side).map_err(Error::damaged);
    let (width, height) = (side(raster.width())?, side(raster.height())?);
    let mut encoder = JpegEncoder::new(bytes, quality.clamp(1, 100));
    encoder.set_sampling_factor(SamplingFactor::F_1_1);
    encoder.encode(raster.data(), width, height, JpegColorType::Rgb).map_err(Error::damaged)
}
