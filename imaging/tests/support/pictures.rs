//! Makes small seeded pictures and encodes them in every format. The tests of this crate, the tests of the service and
//! the seeds of the fuzz targets use it.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use image::{ExtendedColorType, RgbImage};

use super::containers::{Entry, anmf, deflate, exif, png_of, tiff_entries, tiff_of, vp8, vp8x, webp_of};
use super::jpeg_variants::{Color, Variant};

/// A file and its name in test messages.
#[derive(Debug, Clone)]
pub struct Sample {
    pub name: &'static str,
    pub bytes: Vec<u8>,
}

/// A random number generator (Xorshift64*) that gives the same numbers for the same seed on every machine.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number from 0 to `below - 1`.
    pub fn below(&mut self, below: u64) -> u64 {
        (self.next() >> 33) % below
    }
}

/// A picture with a smooth background, a few discs and a little noise.
pub fn photo(seed: u64, width: u32, height: u32) -> RgbImage {
    let mut numbers = Numbers::new(seed);
    let mut colour = || [0; 3].map(|_: u8| numbers.below(256) as f32);
    let (from, to) = (colour(), colour());
    let discs: Vec<([f32; 3], f32, f32, f32)> = (0..4)
        .map(|index| (colour(), colour()[0] / 255.0, colour()[1] / 255.0, 0.08 + 0.06 * index as f32))
        .collect();
    let longest = width.max(height) as f32;
    RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
        let mut pixel = [0, 1, 2].map(|c| from[c] + (to[c] - from[c]) * (u + v) / 2.0);
        for (colour, cx, cy, radius) in &discs {
            let (dx, dy) = ((u - cx) * width as f32 / longest, (v - cy) * height as f32 / longest);
            if dx * dx + dy * dy < radius * radius {
                pixel = *colour;
            }
        }
        let noise = ((x.wrapping_mul(73_856_093) ^ y.wrapping_mul(19_349_663)) >> 5) % 9;
        image::Rgb(pixel.map(|value| (value + noise as f32 - 4.0).clamp(0.0, 255.0) as u8))
    })
}

/// Settings of the JPEG encoder.
#[derive(Clone, Copy)]
pub struct Jpeg {
    pub quality: u8,
    pub sampling: (u8, u8),
    pub progressive: bool,
    pub restart: u16,
}

impl Default for Jpeg {
    fn default() -> Self {
        Self { quality: 90, sampling: (2, 2), progressive: false, restart: 0 }
    }
}

impl Jpeg {
    fn encoder(self, bytes: &mut Vec<u8>) -> jpeg_encoder::Encoder<&mut Vec<u8>> {
        let mut encoder = jpeg_encoder::Encoder::new(bytes, self.quality);
        let (across, down) = self.sampling;
        encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::from_factors(across, down).unwrap());
        encoder.set_progressive(self.progressive);
        encoder.set_restart_interval(self.restart);
        encoder
    }

    /// Encodes samples of any colour type.
    pub fn encode(self, samples: &[u8], width: u32, height: u32, colour: jpeg_encoder::ColorType) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encoder(&mut bytes).encode(samples, width as u16, height as u16, colour).unwrap();
        bytes
    }

    pub fn rgb(self, picture: &RgbImage) -> Vec<u8> {
        self.encode(picture, picture.width(), picture.height(), jpeg_encoder::ColorType::Rgb)
    }

    /// Encodes with an EXIF block (which starts at its TIFF header) and a colour profile, unless they are empty.
    pub fn with(self, picture: &RgbImage, exif: &[u8], profile: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = self.encoder(&mut bytes);
        if !exif.is_empty() {
            encoder.add_exif_metadata(exif).unwrap();
        }
        if !profile.is_empty() {
            encoder.add_icc_profile(profile).unwrap();
        }
        let (width, height) = (picture.width() as u16, picture.height() as u16);
        encoder.encode(picture, width, height, jpeg_encoder::ColorType::Rgb).unwrap();
        bytes
    }
}

/// A JPEG in several scans, with factors that are not luma's alone.
fn jpeg_apart(seed: u64, (width, height): (u32, u32), factors: [(u8, u8); 3], progressive: bool) -> Vec<u8> {
    let scans = vec![vec![2], vec![0], vec![1]];
    let (factors, color) = (factors.to_vec(), Color::YCbCr);
    Variant { width, height, factors, scans, progressive, restart: 5, color, slope: 40.0, seed }.encode()
}

/// A PNG of packed samples. 16-bit samples are big-endian.
pub fn png(
    (width, height): (u32, u32),
    colour: png::ColorType,
    depth: png::BitDepth,
    samples: &[u8],
    extra: impl FnOnce(&mut png::Encoder<'_, &mut Vec<u8>>),
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    extra(&mut encoder);
    encoder.write_header().unwrap().write_image_data(samples).unwrap();
    bytes
}

/// A plain RGB PNG.
pub fn png_rgb(picture: &RgbImage) -> Vec<u8> {
    png(picture.dimensions(), png::ColorType::Rgb, png::BitDepth::Eight, picture, |_| {})
}

/// An interlaced PNG. The encoder does not support interlacing, so the passes are written one by one.
pub fn png_interlaced(picture: &RgbImage) -> Vec<u8> {
    const PASSES: [(u32, u32, u32, u32); 7] =
        [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)];
    let mut raw = Vec::new();
    for (x0, dx, y0, dy) in PASSES {
        for y in (y0..picture.height()).step_by(dy as usize) {
            let row: Vec<u8> =
                (x0..picture.width()).step_by(dx as usize).flat_map(|x| picture.get_pixel(x, y).0).collect();
            if !row.is_empty() {
                raw.push(0);
                raw.extend(row);
            }
        }
    }
    let mut header = [picture.width().to_be_bytes(), picture.height().to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 1]);
    png_of(&[(b"IHDR", &header), (b"IDAT", &deflate(&raw)), (b"IEND", &[])])
}

pub fn webp_lossless(samples: &[u8], width: u32, height: u32, colour: ExtendedColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::codecs::webp::WebPEncoder::new_lossless(&mut bytes)
        .encode(samples, width, height, colour)
        .unwrap();
    bytes
}

/// An animated WebP with this number of equal lossless frames.
pub fn webp_animated(picture: &RgbImage, frames: usize) -> Vec<u8> {
    let still = webp_lossless(picture, picture.width(), picture.height(), ExtendedColorType::Rgb8);
    let frame = anmf(0, 0, picture.dimensions(), &still[12..]);
    let canvas = vp8x(0x12, picture.width(), picture.height());
    let mut chunks: Vec<(&[u8; 4], &[u8])> = vec![(b"VP8X", &canvas), (b"ANIM", &[0; 6])];
    chunks.extend(std::iter::repeat_n((b"ANMF", frame.as_slice()), frames));
    webp_of(&chunks)
}

pub fn gif(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::codecs::gif::GifEncoder::new(&mut bytes)
        .encode(picture, picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

pub fn bmp(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::codecs::bmp::BmpEncoder::new(&mut bytes)
        .encode(picture, picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

/// A bitmap with bit masks, one of them for opacity.
pub fn bmp_alpha(rgba: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::codecs::bmp::BmpEncoder::new(&mut bytes)
        .encode(rgba, width, height, ExtendedColorType::Rgba8)
        .unwrap();
    bytes
}

/// A TIFF in deflated strips of 8 rows.
pub fn tiff(picture: &RgbImage) -> Vec<u8> {
    let mut entries = tiff_entries(picture.dimensions(), &[8, 8, 8], 2, 8);
    entries.push(Entry(278, 3, vec![8]));
    let strips: Vec<Vec<u8>> = picture.chunks(picture.width() as usize * 3 * 8).map(deflate).collect();
    tiff_of(entries, (273, 279), &strips)
}

/// A TIFF of JPEG strips of 32 rows.
pub fn tiff_jpeg(picture: &RgbImage) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    let strip = |rows: &[u8]| {
        let height = rows.len() as u32 / width / 3;
        Jpeg::default().encode(rows, width, height, jpeg_encoder::ColorType::Rgb)
    };
    let strips: Vec<Vec<u8>> = picture.chunks(width as usize * 3 * 32).map(strip).collect();
    let mut entries = tiff_entries((width, height), &[8, 8, 8], 6, 7);
    entries.push(Entry(278, 3, vec![32]));
    tiff_of(entries, (273, 279), &strips)
}

/// A TIFF of 16 bits a sample in deflated tiles of 32 × 32, each sample by itself.
pub fn tiff_planar_tiles(picture: &RgbImage) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    let mut tiles = Vec::new();
    for channel in 0..3 {
        for (y, x) in (0..height).step_by(32).flat_map(|y| (0..width).step_by(32).map(move |x| (y, x))) {
            let inside =
                |at: (u32, u32)| picture.get_pixel_checked(at.0, at.1).map_or(0, |pixel| pixel[channel]);
            let places = (y..y + 32).flat_map(|y| (x..x + 32).map(move |x| (x, y)));
            tiles.push(deflate(&places.flat_map(|at| [inside(at); 2]).collect::<Vec<u8>>()));
        }
    }
    let mut entries = tiff_entries((width, height), &[16, 16, 16], 2, 8);
    entries.extend([Entry(322, 3, vec![32]), Entry(323, 3, vec![32]), Entry(284, 3, vec![2])]);
    tiff_of(entries, (324, 325), &tiles)
}

/// The same picture in every format, and in each variant that takes another path through a decoder.
pub fn all(seed: u64, width: u32, height: u32) -> Vec<Sample> {
    use jpeg_encoder::ColorType;
    let picture = photo(seed, width, height);
    let grey: Vec<u8> = picture.pixels().map(|pixel| pixel[1]).collect();
    let with = |fourth: fn(usize) -> u8| -> Vec<u8> {
        picture.pixels().enumerate().flat_map(|(at, p)| [p[0], p[1], p[2], fourth(at)]).collect()
    };
    let (rgba, cmyk) = (with(|at| (at * 7) as u8), with(|at| (at % 50) as u8));
    let wide: Vec<u8> = picture.iter().flat_map(|&sample| [sample, sample ^ 0x5A]).collect();
    let mut noise = Numbers::new(seed);
    // Noise is read as large coefficients, 400 a block, of up to 23 bits each. A stream that ends early is damaged.
    let blocks = width.div_ceil(16) * height.div_ceil(16);
    let tokens: Vec<u8> =
        (0..width * height / 4 + 1_600 * blocks.min(64) + 200).map(|_| noise.below(256) as u8).collect();
    let jpeg = Jpeg::default();
    let size = (width, height);
    let eight = png::BitDepth::Eight;
    let frame = vp8(width as u16, height as u16, &tokens);
    let plane: Vec<u8> = std::iter::once(0).chain(grey.iter().copied()).collect();
    let sample = |name, bytes| Sample { name, bytes };
    vec![
        sample("jpeg", jpeg.rgb(&picture)),
        sample("jpeg 4:4:4", Jpeg { sampling: (1, 1), ..jpeg }.rgb(&picture)),
        sample("jpeg 4:2:2, restarts", Jpeg { sampling: (2, 1), restart: 3, ..jpeg }.rgb(&picture)),
        sample("jpeg 4:4:0", Jpeg { sampling: (1, 2), ..jpeg }.rgb(&picture)),
        sample("jpeg progressive", Jpeg { progressive: true, ..jpeg }.rgb(&picture)),
        sample("jpeg 4:2:0, scans apart", jpeg_apart(seed, size, [(2, 2), (1, 1), (1, 1)], false)),
        sample("jpeg 1:2:3", jpeg_apart(seed, size, [(1, 2), (1, 1), (3, 1)], true)),
        sample("jpeg grey", jpeg.encode(&grey, width, height, ColorType::Luma)),
        sample("jpeg cmyk", jpeg.encode(&cmyk, width, height, ColorType::Cmyk)),
        sample("jpeg ycck", jpeg.encode(&cmyk, width, height, ColorType::CmykAsYcck)),
        sample("jpeg exif", jpeg.with(&picture, &exif(6), &[])),
        sample("png", png_rgb(&picture)),
        sample("png alpha", png(size, png::ColorType::Rgba, eight, &rgba, |_| {})),
        sample("png grey", png(size, png::ColorType::Grayscale, eight, &grey, |_| {})),
        sample("png 16 bit", png(size, png::ColorType::Rgb, png::BitDepth::Sixteen, &wide, |_| {})),
        sample("png interlaced", png_interlaced(&picture)),
        sample("webp", webp_lossless(&picture, width, height, ExtendedColorType::Rgb8)),
        sample("webp alpha", webp_lossless(&rgba, width, height, ExtendedColorType::Rgba8)),
        sample("webp lossy", webp_of(&[(b"VP8 ", &frame)])),
        sample(
            "webp lossy alpha",
            webp_of(&[(b"VP8X", &vp8x(0x10, width, height)), (b"ALPH", &plane), (b"VP8 ", &frame)]),
        ),
        sample("webp animated", webp_animated(&picture, 3)),
        sample("gif", gif(&picture)),
        sample("bmp", bmp(&picture)),
        sample("bmp alpha", bmp_alpha(&rgba, width, height)),
        sample("tiff", tiff(&picture)),
        sample("tiff jpeg", tiff_jpeg(&picture)),
        sample("tiff 16 bit, planar tiles", tiff_planar_tiles(&picture)),
    ]
}
