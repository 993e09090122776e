//! Pictures for tests: small ones, ones that keep a worker busy, and ones with a comment.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use jpeg_encoder::{ColorType, Encoder};

/// The bytes of a picture in this format.
pub fn encoded(image: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A small PNG that is always the same.
pub fn small_png() -> Vec<u8> {
    gradient_png(90)
}

/// A small PNG; each shade is a different picture.
pub fn gradient_png(shade: u8) -> Vec<u8> {
    let image = RgbImage::from_fn(24, 16, |x, y| Rgb([x as u8 * 10, y as u8 * 15, shade]));
    encoded(&image, ImageFormat::Png)
}

/// A small PNG with this comment.
pub fn png_with_comment(comment: &str) -> Vec<u8> {
    let (plain, mut chunk) = (small_png(), b"tEXt".to_vec());
    chunk.extend_from_slice(b"Comment\0");
    chunk.extend_from_slice(comment.as_bytes());
    let (head, rest) = plain.split_at(33);
    let length = (chunk.len() as u32 - 4).to_be_bytes();
    let crc = crc32fast::hash(&chunk).to_be_bytes();
    [head, &length, &chunk, &crc, rest].concat()
}

/// Noise, which no compression makes small; each seed is a different picture.
pub fn noise(width: u32, height: u32, seed: u32) -> RgbImage {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    RgbImage::from_fn(width, height, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Rgb(state.to_be_bytes()[..3].try_into().unwrap())
    })
}

/// Noise as a PNG whose height is two thirds of its width.
pub fn noise_png(width: u32, seed: u32) -> Vec<u8> {
    encoded(&noise(width, width * 2 / 3, seed), ImageFormat::Png)
}

/// PNGs that take a few milliseconds each; each seed gives different ones.
pub fn small_pngs(count: u32, seed: u32) -> Vec<Vec<u8>> {
    (0..count).map(|n| noise_png(60, seed * 1000 + n)).collect()
}

/// PNGs that take long enough for a test to find a worker busy with them.
pub fn large_pngs(count: u32) -> Vec<Vec<u8>> {
    vec![noise_png(2400, 1); count as usize]
}

/// JPEGs that take a few milliseconds each; each seed gives different ones.
pub fn small_jpegs(count: u32, seed: u32) -> Vec<Vec<u8>> {
    (0..count).map(|n| noise_jpeg(120, 80, seed * 31 + n)).collect()
}

/// JPEGs that take long enough for a test to find a worker busy with them.
pub fn large_jpegs(count: u32) -> Vec<Vec<u8>> {
    vec![noise_jpeg(5200, 3600, 1); count as usize]
}

fn noise_jpeg(width: u16, height: u16, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut pixels = Vec::with_capacity(usize::from(width) * usize::from(height) * 3);
    for y in 0..u32::from(height) {
        for x in 0..u32::from(width) {
            // xorshift: noise keeps the decoder busy.
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            pixels.extend([(x / 8) as u8 ^ (state as u8 & 31), (y / 8) as u8, state as u8 & 63]);
        }
    }
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, 90).encode(&pixels, width, height, ColorType::Rgb).unwrap();
    bytes
}
