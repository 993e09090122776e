//! Makes seeded pictures for benchmarks and tests, with the same bytes on every machine.
//!
//! A picture has what makes photographs slow to decode and to analyse: smooth light everywhere, coloured shapes with
//! edges, and grain of varying strength.

use image::ExtendedColorType;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{ImageEncoder, RgbImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// Quality of the JPEG files. It gives about two and a half bits per pixel, as cameras do.
const QUALITY: u8 = 88;

/// A photograph-like picture in 8-bit RGB.
pub(crate) fn photo(width: u32, height: u32, seed: u64) -> RgbImage {
    let mut random = Random(seed);
    let light: Vec<_> = (0..3).map(|_| LightWave::new(width, height, &mut random)).collect();
    let ellipses: Vec<_> = (0..14).map(|_| Ellipse::new(&mut random)).collect();
    let mut data = Vec::with_capacity(width as usize * height as usize * 3);
    let mut row = vec![([0i32; 3], 0i32); width as usize];
    for y in 0..height {
        for (x, (rgb, grain)) in row.iter_mut().enumerate() {
            *rgb = [light[0].at(x, y), light[1].at(x, y), light[2].at(x, y)];
            *grain = 5;
        }
        for ellipse in &ellipses {
            let (from, to) = ellipse.span(y, width, height);
            for (rgb, grain) in &mut row[from..to] {
                *rgb = std::array::from_fn(|channel| (rgb[channel] + 2 * ellipse.rgb[channel]) / 3);
                *grain = ellipse.grain;
            }
        }
        for (rgb, grain) in &row {
            let noise = random.below(2 * *grain as u32 + 1) as i32 - grain;
            data.extend(rgb.map(|channel| (channel + noise).clamp(0, 255) as u8));
        }
    }
    RgbImage::from_raw(width, height, data).expect("three bytes per pixel")
}

/// A baseline JPEG with halved chroma.
pub(crate) fn jpeg(width: u32, height: u32, seed: u64) -> Vec<u8> {
    encode_jpeg(&photo(width, height, seed), |_| ())
}

/// A progressive JPEG with halved chroma.
pub(crate) fn progressive_jpeg(width: u32, height: u32, seed: u64) -> Vec<u8> {
    encode_jpeg(&photo(width, height, seed), |encoder| encoder.set_progressive(true))
}

/// Encodes `picture` as a JPEG with an EXIF orientation.
pub(crate) fn oriented_jpeg(picture: &RgbImage, orientation: u8) -> Vec<u8> {
    encode_jpeg(picture, |encoder| {
        // A TIFF header and one directory with one entry: tag 0x0112, type SHORT, one value.
        let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        encoder.add_app_segment(1, exif).expect("a segment of a few bytes fits");
    })
}

/// A PNG with 8 bits per channel.
pub(crate) fn png(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
        .write_image(picture, picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .expect("writing to memory");
    bytes
}

/// A lossless WebP.
pub(crate) fn webp(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    WebPEncoder::new_lossless(&mut bytes)
        .encode(picture, picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .expect("writing to memory");
    bytes
}

fn encode_jpeg(picture: &RgbImage, set: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    set(&mut encoder);
    let side = |pixels| u16::try_from(pixels).expect("a side within the limit of JPEG");
    encoder
        .encode(picture, side(picture.width()), side(picture.height()), ColorType::Rgb)
        .expect("writing to memory");
    bytes
}

/// The light of one channel: the product of a horizontal and a vertical wave.
struct LightWave {
    across: Vec<i32>,
    down: Vec<i32>,
}

impl LightWave {
    fn new(width: u32, height: u32, random: &mut Random) -> Self {
        let mut wave = |side: u32| {
            let (turns, phase) = (0.5 + random.unit() * 2.0, random.unit() * std::f64::consts::TAU);
            let turn = std::f64::consts::TAU * turns / f64::from(side);
            (0..side).map(|at| (256.0 * (f64::from(at) * turn + phase).sin()) as i32).collect()
        };
        Self { across: wave(width), down: wave(height) }
    }

    fn at(&self, x: usize, y: u32) -> i32 {
        128 + ((self.across[x] * self.down[y as usize] * 90) >> 16)
    }
}

/// An ellipse with its own colour and grain. Positions and sizes are fractions of the picture.
struct Ellipse {
    centre: (f64, f64),
    radius: (f64, f64),
    rgb: [i32; 3],
    grain: i32,
}

impl Ellipse {
    fn new(random: &mut Random) -> Self {
        Self {
            centre: (random.unit(), random.unit()),
            radius: (0.02 + random.unit() * 0.2, 0.02 + random.unit() * 0.2),
            rgb: std::array::from_fn(|_| random.below(256) as i32),
            grain: 2 + random.below(16) as i32,
        }
    }

    /// The columns of row `y` that the ellipse covers: the first, and the one after the last.
    fn span(&self, y: u32, width: u32, height: u32) -> (usize, usize) {
        let down = (f64::from(y) / f64::from(height) - self.centre.1) / self.radius.1;
        if down.abs() >= 1.0 {
            return (0, 0);
        }
        let half = self.radius.0 * (1.0 - down * down).sqrt();
        let column = |part: f64| (part.clamp(0.0, 1.0) * f64::from(width)) as usize;
        (column(self.centre.0 - half), column(self.centre.0 + half))
    }
}

/// A random number generator (`SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, end: u32) -> u32 {
        ((u64::from(end) * (self.next() >> 32)) >> 32) as u32
    }
}
