//! Tests JPEG decoding against reference pixels: sampling factors, scales, colour encodings, and the largest pictures.

use crate::support::jpeg_variants::segment;
use crate::support::pictures::{Jpeg, png_rgb};
use crate::{assert_near, decode, decode_at};
use huemill_imaging::{Engine, Error, Limits, Options, probe};
use image::RgbImage;

/// A picture without edges, so that chroma subsampling and scaling lose little.
pub(crate) fn smooth(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let longest = width.max(height) as f32;
        let (u, v) = (x as f32 / longest, y as f32 / longest);
        image::Rgb([40.0 + 180.0 * u, 60.0 + 150.0 * v, 200.0 - 90.0 * (u + v)].map(|value| value as u8))
    })
}

/// Scales the picture to 1/1, 1/2, 1/4 or 1/8 by the mean of each block. Blocks end at the edges of the picture.
fn averages(picture: &RgbImage, width: u32, height: u32) -> Vec<u8> {
    let step = picture.width().max(picture.height()).div_ceil(width.max(height));
    let mut data = Vec::new();
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y * step, x * step))) {
        let (right, below) = ((x + step).min(picture.width()), (y + step).min(picture.height()));
        let block = (y..below).flat_map(|y| (x..right).map(move |x| picture.get_pixel(x, y).0));
        let count = (right - x) * (below - y);
        let sum = block.fold([0; 3], |sum, pixel| [0, 1, 2].map(|c| sum[c] + u32::from(pixel[c])));
        data.extend(sum.map(|sum| (sum / count) as u8));
    }
    data
}

#[test]
fn jpeg_with_any_sampling_factors_keeps_its_colours() {
    let picture = smooth(93, 61);
    for sampling in [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1)] {
        for progressive in [false, true] {
            for restart in [0, 2] {
                let bytes = Jpeg { quality: 98, sampling, progressive, restart }.rgb(&picture);
                let what = format!("{sampling:?} progressive {progressive} restart {restart}");
                assert_near(&decode(&bytes), &picture, 8, &what);
            }
        }
    }
}

#[test]
fn a_scaled_jpeg_shows_the_same_picture_and_is_never_too_small() {
    for progressive in [false, true] {
        for (width, height) in [(801, 513), (64, 9), (1, 700), (700, 1), (9, 2000)] {
            let bytes = Jpeg { quality: 97, progressive, ..Jpeg::default() }.rgb(&smooth(width, height));
            for scale in [0.0, 0.125, 0.126, 0.25, 0.3, 0.5, 0.51, 1.0] {
                let raster = decode_at(&bytes, scale);
                let sides = (f64::from(raster.width()), f64::from(raster.height()));
                assert!(sides.0 >= f64::from(width) * scale && sides.1 >= f64::from(height) * scale);
                let expected = averages(&smooth(width, height), raster.width(), raster.height());
                assert_near(&raster, &expected, 18, &format!("{width}x{height} at {scale}"));
            }
        }
    }
    let bytes = Jpeg::default().rgb(&smooth(800, 400));
    assert_eq!(decode_at(&bytes, 0.125).width(), 100);
    assert_eq!(decode_at(&bytes, 0.2).width(), 200);
}

#[test]
fn a_grey_jpeg_is_decoded_to_grey() {
    let samples: Vec<u8> = (0..64 * 48).map(|index| (index % 64 * 3) as u8).collect();
    let bytes =
        Jpeg { quality: 98, ..Jpeg::default() }.encode(&samples, 64, 48, jpeg_encoder::ColorType::Luma);
    let expected: Vec<u8> = samples.iter().flat_map(|&grey| [grey; 3]).collect();
    assert_near(&decode(&bytes), &expected, 6, "grey");
    assert_eq!(decode_at(&bytes, 0.0).width(), 8);
}

#[test]
fn cmyk_is_converted_to_rgb() {
    use jpeg_encoder::ColorType::{Cmyk, CmykAsYcck};
    let inks = [
        ([0, 0, 0, 0], [255, 255, 255]),
        ([0, 255, 255, 0], [255, 0, 0]),
        ([255, 0, 0, 0], [0, 255, 255]),
        ([0, 0, 0, 255], [0, 0, 0]),
        ([100, 50, 0, 102], [93, 123, 153]),
    ];
    for (ink, light) in inks {
        for colour in [Cmyk, CmykAsYcck] {
            for progressive in [false, true] {
                let jpeg = Jpeg { quality: 100, sampling: (1, 1), progressive, restart: 0 };
                let bytes = jpeg.encode(&ink.repeat(24 * 16), 24, 16, colour);
                for scale in [1.0, 0.0] {
                    let raster = decode_at(&bytes, scale);
                    let expected = light.repeat(raster.pixels().len());
                    assert_near(&raster, &expected, 3, &format!("{ink:?} as {colour:?}"));
                }
            }
        }
    }
}

#[test]
fn an_rgb_jpeg_is_detected_by_adobe_segment_or_component_identifiers() {
    let picture = smooth(40, 24);
    let jpeg = Jpeg { quality: 100, sampling: (1, 1), ..Jpeg::default() };
    let plain = jpeg.encode(&picture, 40, 24, jpeg_encoder::ColorType::Ycbcr);
    // The encoder writes a JFIF segment, which implies YCbCr. An Adobe segment replaces it.
    let jfif = 4 + usize::from(u16::from_be_bytes([plain[4], plain[5]]));
    let adobe = b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0\0";
    assert_near(&decode(&[&plain[..2], adobe, &plain[jfif..]].concat()), &picture, 6, "Adobe");
    let mut named = [&plain[..2], &plain[jfif..]].concat();
    let frame = named.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    let scan = named.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    for (index, name) in b"RGB".iter().enumerate() {
        named[frame + 10 + 3 * index] = *name;
        named[scan + 5 + 2 * index] = *name;
    }
    assert_near(&decode(&named), &picture, 6, "identifiers");
}

/// A grey picture of any size in colour at 4:2:0. Each coefficient is 0, which takes two bits a block.
fn blank(width: u16, height: u16) -> Vec<u8> {
    let table = |class: u8| segment(0xC4, &[&[class, 1][..], &[0; 15], &[0]].concat());
    let [h1, h2] = height.to_be_bytes();
    let [w1, w2] = width.to_be_bytes();
    let frame = [8, h1, h2, w1, w2, 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0];
    let units = usize::from(width).div_ceil(16) * usize::from(height).div_ceil(16);
    [
        b"\xFF\xD8".to_vec(),
        segment(0xDB, &[&[0][..], &[1; 64]].concat()),
        segment(0xC0, &frame),
        table(0),
        table(0x10),
        segment(0xDA, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]),
        vec![0; (units * 12).div_ceil(8)],
        b"\xFF\xD9".to_vec(),
    ]
    .concat()
}

#[test]
fn the_pictures_of_phones_are_decoded_within_the_memory_of_a_slot() {
    for (width, height) in [(8160, 6144), (9248, 6936), (12_000, 9000), (16_320, 12_240)] {
        let bytes = blank(width, height);
        let probe = probe(&bytes, &Limits::default()).unwrap();
        let options = Options::default();
        assert!(Engine::memory(&probe, &options) < 96 << 20, "{width}x{height}");
        let raster = decode_at(&bytes, Engine::smallest_scale(&probe, &options));
        assert!(raster.width() <= u32::from(width) / 4 && raster.width() >= u32::from(width) / 8);
        assert!(raster.pixels().iter().all(|pixel| *pixel == [128; 3]));
    }
}

#[test]
fn pixels_and_sides_are_limited_by_format() {
    let limits = Limits { max_pixels: 3000, max_jpeg_pixels: 4000, max_side: 100, ..Limits::default() };
    let is_within = |bytes: &[u8]| match probe(bytes, &limits) {
        Ok(_) => true,
        Err(Error::TooLarge { .. }) => false,
        Err(error) => panic!("{error}"),
    };
    for (width, height, jpeg, png) in
        [(60, 50, true, true), (60, 51, true, false), (80, 51, false, false), (101, 5, false, false)]
    {
        assert_eq!(is_within(&Jpeg::default().rgb(&smooth(width, height))), jpeg, "{width}x{height}");
        assert_eq!(is_within(&png_rgb(&smooth(width, height))), png, "{width}x{height}");
    }
}
