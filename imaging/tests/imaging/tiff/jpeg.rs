//! Tests JPEG data in strips, tiles and planes, with tables of its own or shared ones.

use image::{RgbImage, imageops};
use jpeg_encoder::ColorType;

use super::{decode, try_decode};
use crate::assert_near;
use crate::support::{
    containers::{Entry, tiff_entries, tiff_of},
    pictures::{self, Jpeg},
};
use crate::tiff_support::{STRIPS, TILES};
use huemill_imaging::Error;

const JPEG: u32 = 7;
const YCBCR: u32 = 6;

/// Decodes a JPEG by itself, as a reference.
fn reference(jpeg: &[u8]) -> Vec<u8> {
    jpeg_decoder::Decoder::new(jpeg).decode().unwrap()
}

/// Splits a JPEG into its tables and the rest, both with a start and an end.
fn split(jpeg: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut tables, mut rest) = (vec![0xFF, 0xD8], vec![0xFF, 0xD8]);
    let mut at = 2;
    while jpeg[at + 1] != 0xDA {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        let is_table = matches!(jpeg[at + 1], 0xC4 | 0xDB);
        (if is_table { &mut tables } else { &mut rest }).extend(&jpeg[at..end]);
        at = end;
    }
    rest.extend(&jpeg[at..]);
    tables.extend([0xFF, 0xD9]);
    (tables, rest)
}

fn part(picture: &RgbImage, x: u32, y: u32, width: u32, height: u32) -> RgbImage {
    // Beyond the picture, its last pixels are repeated.
    RgbImage::from_fn(width, height, |dx, dy| {
        *picture.get_pixel((x + dx).min(picture.width() - 1), (y + dy).min(picture.height() - 1))
    })
}

/// Strips of 16 rows.
fn strips(picture: &RgbImage, jpeg: Jpeg) -> Vec<Vec<u8>> {
    let (width, height) = picture.dimensions();
    (0..height).step_by(16).map(|y| jpeg.rgb(&part(picture, 0, y, width, 16.min(height - y)))).collect()
}

fn page(
    picture: &RgbImage,
    photometric: u32,
    samples: usize,
    extra: Vec<Entry>,
    strips: &[Vec<u8>],
) -> Vec<u8> {
    let mut entries = tiff_entries(picture.dimensions(), &vec![8; samples], photometric, JPEG);
    entries.push(Entry(278, 3, vec![16]));
    entries.extend(extra);
    tiff_of(entries, STRIPS, strips)
}

#[test]
fn strips_in_every_sampling_are_as_the_jpeg_by_itself() {
    let picture = pictures::photo(61, 45, 39);
    for sampling in [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1)] {
        for (progressive, restart) in [(false, 0), (false, 2), (true, 0)] {
            let jpeg = Jpeg { sampling, progressive, restart, ..Jpeg::default() };
            let strips = strips(&picture, jpeg);
            let expected: Vec<u8> = strips.iter().flat_map(|strip| reference(strip)).collect();
            let bytes = page(&picture, YCBCR, 3, vec![], &strips);
            assert_near(&decode(&bytes), &expected, 0, &format!("{sampling:?}, {progressive}, {restart}"));
        }
    }
}

#[test]
fn shared_tables_are_put_in_front_of_every_strip() {
    let picture = pictures::photo(62, 45, 39);
    let whole = strips(&picture, Jpeg { sampling: (2, 1), ..Jpeg::default() });
    let expected: Vec<u8> = whole.iter().flat_map(|strip| reference(strip)).collect();
    let parts: Vec<_> = whole.iter().map(|strip| split(strip)).collect();
    let short: Vec<Vec<u8>> = parts.iter().map(|(_, rest)| rest.clone()).collect();
    let tables = Entry(347, 7, parts[0].0.iter().map(|byte| u32::from(*byte)).collect());
    assert_near(&decode(&page(&picture, YCBCR, 3, vec![tables], &short)), &expected, 0, "shared tables");
}

#[test]
fn tiles_and_planes_are_assembled() {
    let picture = pictures::photo(63, 50, 37);
    let jpeg = Jpeg { sampling: (1, 1), quality: 100, ..Jpeg::default() };
    let places = || (0..37).step_by(32).flat_map(|y| (0..50).step_by(32).map(move |x| (x, y)));
    let tiles: Vec<Vec<u8>> = places().map(|(x, y)| jpeg.rgb(&part(&picture, x, y, 32, 32))).collect();
    let entries = |photometric| {
        let mut entries = tiff_entries((50, 37), &[8; 3], photometric, JPEG);
        entries.extend([Entry(322, 3, vec![32]), Entry(323, 3, vec![32])]);
        entries
    };
    assert_near(&decode(&tiff_of(entries(YCBCR), TILES, &tiles)), &picture, 6, "tiles");
    let mut planes = Vec::new();
    for channel in 0..3 {
        planes.extend(places().map(|(x, y)| {
            let plane: Vec<u8> = part(&picture, x, y, 32, 32).pixels().map(|pixel| pixel[channel]).collect();
            jpeg.encode(&plane, 32, 32, ColorType::Luma)
        }));
    }
    let mut planar = entries(2);
    planar.push(Entry(284, 3, vec![2]));
    assert_near(&decode(&tiff_of(planar, TILES, &planes)), &picture, 4, "planes");
}

#[test]
fn the_colour_space_is_that_of_the_page_and_not_of_the_jpeg() {
    let picture = pictures::photo(64, 40, 16);
    let jpeg = Jpeg { sampling: (1, 1), quality: 100, ..Jpeg::default() };
    // Samples that the encoder stores as they are.
    let rgb = jpeg.encode(&picture, 40, 16, ColorType::Ycbcr);
    assert_near(&decode(&page(&picture, 2, 3, vec![], &[rgb])), &picture, 4, "RGB");
    let grey = imageops::grayscale(&picture);
    let strip = jpeg.encode(&grey, 40, 16, ColorType::Luma);
    let expected: Vec<u8> = grey.iter().flat_map(|value| [*value; 3]).collect();
    assert_near(&decode(&page(&picture, 1, 1, vec![], std::slice::from_ref(&strip))), &expected, 4, "grey");
    let inverted: Vec<u8> = expected.iter().map(|value| 255 - value).collect();
    assert_near(&decode(&page(&picture, 0, 1, vec![], &[strip])), &inverted, 4, "white is zero");
    // The encoder stores CMYK inverted, and a TIFF does not.
    let inks: Vec<u8> = picture.pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255]).collect();
    let strip = jpeg.encode(&inks, 40, 16, ColorType::Cmyk);
    assert_near(&decode(&page(&picture, 5, 4, vec![], &[strip])), &picture, 6, "CMYK");
}

#[test]
fn data_that_does_not_fit_its_strip_is_refused() {
    let picture = pictures::photo(65, 40, 16);
    let jpeg = Jpeg::default();
    let of = |width, height| jpeg.rgb(&part(&picture, 0, 0, width, height));
    assert!(try_decode(&page(&picture, YCBCR, 3, vec![], &[of(40, 16)])).is_ok());
    for (width, height) in [(39, 16), (48, 16), (40, 15), (40, 200), (4000, 4000)] {
        let result = try_decode(&page(&picture, YCBCR, 3, vec![], &[of(width, height)]));
        assert!(matches!(result, Err(Error::Damaged(_))), "{width} x {height}");
    }
    let grey = jpeg.encode(&[7; 640], 40, 16, ColorType::Luma);
    assert!(matches!(try_decode(&page(&picture, YCBCR, 3, vec![], &[grey])), Err(Error::Damaged(_))));
    let whole = of(40, 16);
    for length in [0, 1, 2, 100, whole.len() / 2, whole.len() - 10] {
        let cut = vec![whole[..length].to_vec()];
        assert!(
            matches!(try_decode(&page(&picture, YCBCR, 3, vec![], &cut)), Err(Error::Damaged(_))),
            "{length}"
        );
        let ended = vec![[&whole[..length], b"\xFF\xD9"].concat()];
        let result = try_decode(&page(&picture, YCBCR, 3, vec![], &ended));
        assert!(matches!(result, Err(Error::Damaged(_))), "{length} with an end");
    }
}

#[test]
fn kinds_of_jpeg_that_are_not_decoded_are_named() {
    let picture = pictures::photo(66, 40, 16);
    let whole = Jpeg { sampling: (1, 1), ..Jpeg::default() }.rgb(&picture);
    let frame = whole.windows(2).position(|bytes| bytes == b"\xFF\xC0").unwrap();
    let changed = |changes: &[(usize, u8)]| {
        let mut jpeg = whole.clone();
        for (at, value) in changes {
            jpeg[frame + at] = *value;
        }
        try_decode(&page(&picture, YCBCR, 3, vec![], &[jpeg]))
    };
    let cases: [(&[(usize, u8)], &str); 4] = [
        (&[(1, 0xC3)], "lossless"),
        (&[(1, 0xC9)], "arithmetic"),
        (&[(4, 12)], "12-bit"),
        // Three luma samples for two of chroma.
        (&[(11, 0x31), (14, 0x21)], "fractional sampling"),
    ];
    for (changes, name) in cases {
        match changed(changes) {
            Err(Error::Unsupported(found)) => assert!(found.contains(name), "{found}"),
            other => panic!("{name}: {:?}", other.err()),
        }
    }
}
