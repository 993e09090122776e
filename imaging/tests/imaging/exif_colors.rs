//! Tests Adobe RGB as the DCF option of EXIF states it, in every format that can have EXIF.

use crate::color_sources::{ADOBE, light_to_srgb, picture, with_chunks};
use crate::decode;
use crate::profiles::{assert_near, from_p3};
use crate::support::{
    containers::{self, Entry},
    pictures::{self, Jpeg},
};
use image::{ExtendedColorType, RgbImage};
use moxcms::ColorProfile;

/// An EXIF block with a colour space and an index of interoperability.
fn exif(color_space: u16, index: Option<&[u8; 4]>) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value].concat()
    };
    let directory = |entries: &[Vec<u8>]| {
        [(entries.len() as u16).to_le_bytes().to_vec(), entries.concat(), vec![0; 4]].concat()
    };
    let [low, high] = color_space.to_le_bytes();
    let mut exif = vec![entry(40_961, 3, 1, [low, high, 0, 0])];
    let mut interoperability = Vec::new();
    if let Some(index) = index {
        exif.push(entry(40_965, 4, 1, [56, 0, 0, 0]));
        interoperability = directory(&[entry(1, 2, 4, *index)]);
    }
    let first = directory(&[entry(34_665, 4, 1, [26, 0, 0, 0])]);
    [b"II*\0\x08\0\0\0".to_vec(), first, directory(&exif), interoperability].concat()
}

/// Encodes the picture with EXIF in every format that supports it.
fn with_exif(picture: &RgbImage, exif: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let (width, height) = picture.dimensions();
    let still = pictures::webp_lossless(picture, width, height, ExtendedColorType::Rgb8);
    let webp = [
        b"WEBP".to_vec(),
        containers::riff(*b"VP8X", &containers::vp8x(0x08, width, height)),
        still[12..].to_vec(),
        containers::riff(*b"EXIF", exif),
    ];
    let png = pictures::png_rgb(picture);
    vec![
        ("jpeg", Jpeg { quality: 100, sampling: (1, 1), ..Jpeg::default() }.with(picture, exif, &[])),
        ("png", with_chunks(&png, &[(*b"eXIf", exif.to_vec())])),
        ("webp", containers::riff(*b"RIFF", &webp.concat())),
    ]
}

#[test]
fn adobe_rgb_in_exif_is_converted() {
    let picture = RgbImage::from_fn(27, 19, |x, y| image::Rgb([110 + x as u8 * 4, 90 + y as u8 * 4, 120]));
    let from_adobe = |pixel: [u8; 3]| {
        light_to_srgb(ADOBE, pixel.map(|sample| (f64::from(sample) / 255.0).powf(563.0 / 256.0)))
    };
    let table: [(u16, Option<&[u8; 4]>, bool); 7] = [
        (0xFFFF, Some(b"R03\0"), true),
        (2, Some(b"R03\0"), true),
        (2, None, true),
        (2, Some(b"R98\0"), false),
        (0xFFFF, None, false),
        (0xFFFF, Some(b"R98\0"), false),
        (1, Some(b"R03\0"), false),
    ];
    for (color_space, index, is_adobe) in table {
        for (name, bytes) in with_exif(&picture, &exif(color_space, index)) {
            let expected = picture.pixels().map(|pixel| if is_adobe { from_adobe(pixel.0) } else { pixel.0 });
            let most = if name == "jpeg" { 5 } else { 2 };
            assert_near(&decode(&bytes), expected, most, &format!("{name} {color_space} {index:?}"));
        }
    }
}

#[test]
fn a_profile_counts_before_exif() {
    let picture = RgbImage::from_fn(27, 19, |x, y| image::Rgb([110 + x as u8 * 4, 90 + y as u8 * 4, 120]));
    let profile = ColorProfile::new_display_p3().encode().unwrap();
    let jpeg = Jpeg { quality: 100, sampling: (1, 1), ..Jpeg::default() };
    let bytes = jpeg.with(&picture, &exif(2, None), &profile);
    assert_near(&decode(&bytes), picture.pixels().map(|pixel| from_p3(pixel.0)), 5, "jpeg");
    let png = pictures::png_rgb(&picture);
    let chunks = [(*b"eXIf", exif(2, None)), (*b"sRGB", vec![0])];
    assert_eq!(decode(&with_chunks(&png, &chunks)).data(), picture.as_raw(), "png");
}

#[test]
fn the_tags_of_a_tiff_name_adobe_rgb() {
    let picture = picture();
    let mut entries = containers::tiff_entries(picture.dimensions(), &[8, 8, 8], 2, 1);
    // The directory of EXIF follows the pixels.
    entries.push(Entry(34_665, 4, vec![8 + picture.len() as u32]));
    let directory = [&1_u16.to_le_bytes()[..], &40_961_u16.to_le_bytes(), &3_u16.to_le_bytes()].concat();
    let directory = [directory, 1_u32.to_le_bytes().to_vec(), vec![2, 0, 0, 0], vec![0; 4]].concat();
    entries.extend([Entry(273, 4, vec![8]), Entry(279, 4, vec![picture.len() as u32])]);
    let tiff = containers::tiff_raw(entries, &[picture.to_vec(), directory].concat());
    let expected = picture.pixels().map(|pixel| {
        light_to_srgb(ADOBE, pixel.0.map(|sample| (f64::from(sample) / 255.0).powf(563.0 / 256.0)))
    });
    assert_near(&decode(&tiff), expected, 2, "tiff");
}
