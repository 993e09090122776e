//! Tests colour profiles in every format that supports them, against an independent calculation.

use crate::support::{
    containers::{self, Entry},
    pictures::{self, Jpeg},
};
use huemill_imaging::{Decoder, Limits, Raster, Unmonitored, probe};
use image::{ExtendedColorType, RgbImage};
use moxcms::ColorProfile;
use png::{BitDepth, ColorType};

fn decode(bytes: &[u8]) -> Raster {
    let probe = probe(bytes, &Limits::default()).unwrap();
    Decoder::new().unwrap().decode(bytes, &probe, 1.0, &Unmonitored).unwrap().over([255; 3])
}

fn to_linear(value: u8) -> f64 {
    let value = f64::from(value) / 255.0;
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

pub(crate) fn from_linear(value: f64) -> u8 {
    let value = value.clamp(0.0, 1.0);
    let encoded = if value <= 0.003_130_8 { value * 12.92 } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 };
    (encoded * 255.0).round() as u8
}

pub(crate) fn multiply(matrix: [[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

/// Converts Display P3 to sRGB by the primaries of both (SMPTE EG 432-1, IEC 61966-2-1).
pub(crate) fn from_p3(pixel: [u8; 3]) -> [u8; 3] {
    const MATRIX: [[f64; 3]; 3] =
        [[1.224_940, -0.224_940, 0.0], [-0.042_057, 1.042_057, 0.0], [-0.019_638, -0.078_636, 1.098_274]];
    multiply(MATRIX, pixel.map(to_linear)).map(from_linear)
}

#[track_caller]
pub(crate) fn assert_near(raster: &Raster, expected: impl Iterator<Item = [u8; 3]>, most: u8, what: &str) {
    for (pixel, expected) in raster.pixels().iter().zip(expected) {
        let difference = pixel.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max().unwrap();
        assert!(difference <= most, "{what}: {pixel:?} for {expected:?}");
    }
}

/// Encodes the picture with this profile, in every format that supports profiles.
fn with_profile(picture: &RgbImage, profile: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let (width, height) = picture.dimensions();
    let png = pictures::png(picture.dimensions(), ColorType::Rgb, BitDepth::Eight, picture, |_| {});
    let chunk = [b"icc\0\0".as_slice(), &containers::deflate(profile)].concat();
    let chunk = containers::png_of(&[(b"iCCP", &chunk)])[8..].to_vec();
    let still = pictures::webp_lossless(picture, width, height, ExtendedColorType::Rgb8);
    let webp = [
        b"WEBP".to_vec(),
        containers::riff(*b"VP8X", &containers::vp8x(0x20, width, height)),
        containers::riff(*b"ICCP", profile),
        still[12..].to_vec(),
    ];
    let mut entries = containers::tiff_entries(picture.dimensions(), &[8, 8, 8], 2, 1);
    entries.push(Entry(34_675, 7, profile.iter().map(|&byte| byte.into()).collect()));
    vec![
        ("jpeg", Jpeg { quality: 100, sampling: (1, 1), ..Jpeg::default() }.with(picture, &[], profile)),
        ("png", [&png[..33], &chunk, &png[33..]].concat()),
        ("webp", containers::riff(*b"RIFF", &webp.concat())),
        ("tiff", containers::tiff_of(entries, (273, 279), &[picture.to_vec()])),
        ("bmp", bmp_with_profile(picture, profile)),
    ]
}

/// A bitmap whose header is of version 5, with the profile behind the pixels.
fn bmp_with_profile(picture: &RgbImage, profile: &[u8]) -> Vec<u8> {
    let plain = pictures::bmp(picture);
    let mut header = plain[14..54].to_vec();
    header.resize(124, 0);
    header[0] = 124;
    header[56..60].copy_from_slice(b"DEBM");
    let pixels = &plain[54..];
    header[112..116].copy_from_slice(&(124 + pixels.len() as u32).to_le_bytes());
    header[116..120].copy_from_slice(&(profile.len() as u32).to_le_bytes());
    let file = [b"BM".as_slice(), &[0; 8], &138_u32.to_le_bytes()].concat();
    [&file, &header[..], pixels, profile].concat()
}

#[test]
fn a_wide_gamut_is_converted_to_srgb_in_every_format() {
    let picture = RgbImage::from_fn(27, 19, |x, y| image::Rgb([110 + x as u8 * 4, 90 + y as u8 * 4, 120]));
    let profile = ColorProfile::new_display_p3().encode().unwrap();
    for (name, bytes) in with_profile(&picture, &profile) {
        let most = if name == "jpeg" { 5 } else { 2 };
        assert_near(&decode(&bytes), picture.pixels().map(|pixel| from_p3(pixel.0)), most, name);
    }
}

#[test]
fn an_srgb_profile_changes_nothing() {
    let picture = pictures::photo(31, 40, 30);
    let profile = ColorProfile::new_srgb().encode().unwrap();
    for (name, bytes) in with_profile(&picture, &profile).into_iter().filter(|(name, _)| *name != "jpeg") {
        assert_eq!(decode(&bytes).data(), picture.as_raw(), "{name}");
    }
}

#[test]
fn an_unusable_profile_is_ignored() {
    let picture = pictures::photo(32, 40, 30);
    let good = ColorProfile::new_display_p3().encode().unwrap();
    let grey = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let mut huge = good.clone();
    huge.resize(5 << 20, 0);
    let mut cut = good[..good.len() / 2].to_vec();
    let mut broken = good.clone();
    broken[128..132].copy_from_slice(&u32::MAX.to_be_bytes());
    cut.truncate(200);
    for profile in [vec![0xFF; 500], grey, huge, cut, broken] {
        for (name, bytes) in with_profile(&picture, &profile).into_iter().filter(|(name, _)| *name != "jpeg")
        {
            assert_eq!(decode(&bytes).data(), picture.as_raw(), "{name}, profile of {}", profile.len());
        }
    }
}

#[test]
fn grey_profiles_are_applied() {
    let samples: Vec<u8> = (0..=255).collect();
    let profile = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let chunk = [b"icc\0\0".as_slice(), &containers::deflate(&profile)].concat();
    let chunk = containers::png_of(&[(b"iCCP", &chunk)])[8..].to_vec();
    let plain = pictures::png((256, 1), ColorType::Grayscale, BitDepth::Eight, &samples, |_| {});
    let png = [&plain[..33], &chunk, &plain[33..]].concat();
    // From linear light to the sRGB curve.
    let expected = || (0..256).map(|value| [from_linear(f64::from(value) / 255.0); 3]);
    assert_near(&decode(&png), expected(), 2, "png");
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 100);
    encoder.add_icc_profile(&profile).unwrap();
    let flat = [40; 64 * 64];
    encoder.encode(&flat, 64, 64, jpeg_encoder::ColorType::Luma).unwrap();
    assert_near(&decode(&bytes), std::iter::repeat_n([from_linear(40.0 / 255.0); 3], 64 * 64), 3, "jpeg");
}

#[test]
fn cmyk_profiles_are_applied() {
    // The profile maps yellow to CIE Lab 53, 80, 67, which is the red of sRGB.
    let cases = [([0, 0, 0, 0], [255; 3]), ([0, 0, 255, 0], [255, 0, 0]), ([200, 90, 0, 255], [0; 3])];
    for (ink, light) in cases {
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 100);
        encoder.add_icc_profile(&containers::ink_profile()).unwrap();
        encoder.encode(&ink.repeat(16 * 16), 16, 16, jpeg_encoder::ColorType::Cmyk).unwrap();
        assert_near(&decode(&bytes), std::iter::repeat_n(light, 256), 10, &format!("jpeg {ink:?}"));
        let mut entries = containers::tiff_entries((16, 16), &[8; 4], 5, 1);
        entries.push(Entry(34_675, 7, containers::ink_profile().iter().map(|&byte| byte.into()).collect()));
        let tiff = containers::tiff_of(entries, (273, 279), &[ink.repeat(256)]);
        assert_near(&decode(&tiff), std::iter::repeat_n(light, 256), 10, &format!("tiff {ink:?}"));
    }
}
