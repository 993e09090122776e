//! Makes pictures of rarer kinds, which take other paths through the decoders: colours that are converted, blank first
//! frames, headers of other systems. The tests of memory, of work and of hostile bits use them.
#![allow(unreachable_pub, missing_docs, clippy::unwrap_used)]

use image::{ExtendedColorType, RgbImage};
use png::{BitDepth, ColorType};

use crate::support::containers::{anmf, deflate, lab_profile, png_of, riff, vp8x};
use crate::support::pictures::{Jpeg, Sample, bmp, photo, png, webp_lossless};

/// EXIF that says Adobe RGB.
pub const ADOBE_EXIF: &[u8] = b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x1A\0\0\0\0\0\0\0\
    \x01\0\x01\xA0\x03\0\x01\0\0\0\x02\0\0\0\0\0\0\0";

/// Puts a chunk behind the header of a PNG.
pub fn with_chunk(png: &[u8], name: [u8; 4], data: &[u8]) -> Vec<u8> {
    [&png[..33], &png_of(&[(&name, data)])[8..], &png[33..]].concat()
}

/// An RGB profile that consists of a table of 9 points for each channel, and takes a few kilobytes.
fn table_profile() -> Vec<u8> {
    let mut table = b"mft2\0\0\0\0\x03\x03\x09\0".to_vec();
    for (row, column) in (0..9).map(|at| (at / 3, at % 3)) {
        table.extend(if row == column { 0x1_0000_u32 } else { 0 }.to_be_bytes());
    }
    table.extend([0, 2, 0, 2]);
    let curve = [0_u16, 0xFFFF].map(u16::to_be_bytes).concat();
    table.extend(curve.repeat(3));
    for corner in 0..729_u32 {
        let axis = |value: u32| (value * 0xFFFF / 8) as u16;
        table.extend(
            [axis(corner / 81), axis(corner / 9 % 9), axis(corner % 9)].map(u16::to_be_bytes).concat(),
        );
    }
    table.extend(curve.repeat(3));
    lab_profile(b"mntrRGB Lab ", &table)
}

/// PNGs whose colours are converted, at 8 and at 16 bits.
fn converted_pngs(picture: &RgbImage, all: &mut Vec<Sample>) {
    let size = picture.dimensions();
    let wide: Vec<u8> = picture.iter().flat_map(|&sample| [sample, sample ^ 0x5A]).collect();
    let alpha: Vec<u8> = wide.chunks(6).flat_map(|p| [p, &[p[0], 0]].concat()).collect();
    let grey: Vec<u8> = wide.chunks(6).flat_map(|p| [p[0], p[1]]).collect();
    let p3 = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let icc = |profile: &[u8]| [b"icc\0\0".as_slice(), &deflate(profile)].concat();
    let chunks: [(&str, &[u8; 4], Vec<u8>); 5] = [
        ("profile", b"iCCP", icc(&p3)),
        ("table profile", b"iCCP", icc(&table_profile())),
        ("gamma", b"gAMA", 100_000_u32.to_be_bytes().to_vec()),
        ("code points", b"cICP", vec![9, 16, 0, 1]),
        ("Adobe RGB", b"eXIf", ADOBE_EXIF.to_vec()),
    ];
    for (name, chunk, data) in &chunks {
        for (kind, depth, samples) in [
            (ColorType::Rgb, BitDepth::Eight, picture.as_raw()),
            (ColorType::Rgb, BitDepth::Sixteen, &wide),
            (ColorType::Rgba, BitDepth::Sixteen, &alpha),
            (ColorType::Grayscale, BitDepth::Sixteen, &grey),
        ] {
            let plain = png(size, kind, depth, samples, |_| {});
            let name = format!("png {kind:?} {depth:?} {name}").leak();
            all.push(Sample { name, bytes: with_chunk(&plain, **chunk, data) });
        }
    }
}

/// GIF, animated WebP: blank frames before one that shows something.
fn blank_frames(picture: &RgbImage, all: &mut Vec<Sample>) {
    let (width, height) = picture.dimensions();
    let mut bytes = Vec::new();
    let mut encoder =
        gif::Encoder::new(&mut bytes, width as u16, height as u16, &[255, 0, 0, 0, 0, 255]).unwrap();
    for index in [0, 0, 1] {
        let frame = gif::Frame {
            width: width as u16,
            height: height as u16,
            transparent: Some(0),
            buffer: vec![index; (width * height) as usize].into(),
            ..gif::Frame::default()
        };
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    all.push(Sample { name: "gif, blank frames", bytes });
    let clear = vec![0; (width * height * 4) as usize];
    let small = webp_lossless(&clear[..4], 1, 1, ExtendedColorType::Rgba8);
    let shown = webp_lossless(picture, width, height, ExtendedColorType::Rgb8);
    let frames = [((1, 1), &small), ((width, height), &shown)];
    let frames = frames.map(|(size, still)| riff(*b"ANMF", &anmf(0, 0, size, &still[12..])));
    let canvas = riff(*b"VP8X", &vp8x(0x12, width, height));
    let webp = [b"WEBP".as_slice(), &canvas, &riff(*b"ANIM", &[0; 6]), &frames.concat()].concat();
    all.push(Sample { name: "webp, a small blank frame", bytes: riff(*b"RIFF", &webp) });
}

/// Bitmaps of OS/2, with a profile, with bit masks of 16 bits, and of indices.
fn bitmaps(picture: &RgbImage, all: &mut Vec<Sample>) {
    let (width, height) = picture.dimensions();
    let plain = bmp(picture);
    let os2 = [&plain[..10], &[78, 0, 0, 0, 64, 0, 0, 0], &plain[18..54], &[0; 24], &plain[54..]].concat();
    all.push(Sample { name: "bmp of OS/2", bytes: os2 });
    let head = |bits: u8, method: u8| {
        let sides = [width, height].map(u32::to_le_bytes).concat();
        let info = [&[40, 0, 0, 0][..], &sides, &[1, 0, bits, 0, method, 0, 0, 0], &[0; 20]].concat();
        [b"BM".as_slice(), &[0; 12], &info].concat()
    };
    let rows = |bits: u32| vec![0x5A; ((width * bits).div_ceil(32) * 4 * height) as usize];
    let masks = [0xF800_u32, 0x07E0, 0x001F].map(u32::to_le_bytes).concat();
    all.push(Sample { name: "bmp of 16 bits", bytes: [head(16, 3), masks, rows(16)].concat() });
    all.push(Sample { name: "bmp of indices", bytes: [head(8, 0), vec![7; 1024], rows(8)].concat() });
}

/// All of them.
pub fn all(seed: u64, width: u32, height: u32) -> Vec<Sample> {
    let (picture, mut all) = (photo(seed, width, height), Vec::new());
    converted_pngs(&picture, &mut all);
    blank_frames(&picture, &mut all);
    bitmaps(&picture, &mut all);
    let bytes = Jpeg::default().with(&picture, ADOBE_EXIF, &[]);
    all.push(Sample { name: "jpeg, Adobe RGB", bytes });
    all
}
