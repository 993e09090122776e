//! Tests that every variant of every format is decoded to the right colours, whichever path through a decoder it takes.

use crate::support::{
    containers::{self, Entry},
    pictures::{self, Jpeg},
};
use crate::{assert_near, decode, decode_at, over_white};
use huemill_imaging::{Decoder, Limits, Unmonitored, probe};
use image::{ExtendedColorType, RgbImage};
use png::{BitDepth, ColorType};

#[test]
fn lossless_webp_is_decoded_exactly() {
    let picture = pictures::photo(21, 45, 31);
    let plain = pictures::webp_lossless(&picture, 45, 31, ExtendedColorType::Rgb8);
    assert_eq!(decode(&plain).data(), picture.as_raw());
    let rgba: Vec<u8> = picture.pixels().flat_map(|p| [p[0], p[1], p[2], p[1]]).collect();
    let expected: Vec<u8> =
        rgba.chunks(4).flat_map(|p| [p[0], p[1], p[2]].map(|c| over_white(c, p[3]))).collect();
    let bytes = pictures::webp_lossless(&rgba, 45, 31, ExtendedColorType::Rgba8);
    assert_near(&decode(&bytes), &expected, 0, "alpha");
}

#[test]
fn a_lossy_webp_of_zeros_is_uniform_grey() {
    let frame = containers::vp8(50, 40, &[0; 400]);
    let raster = decode(&containers::webp_of(&[(b"VP8 ", &frame)]));
    assert_near(&raster, &[130; 50 * 40 * 3], 2, "grey");
    // The same with a separate alpha plane, whose left half is transparent.
    let alpha: Vec<u8> =
        std::iter::once(0).chain((0..50 * 40).map(|i| if i % 50 < 25 { 0 } else { 255 })).collect();
    let canvas = containers::vp8x(0x10, 50, 40);
    let raster = decode(&containers::webp_of(&[(b"VP8X", &canvas), (b"ALPH", &alpha), (b"VP8 ", &frame)]));
    let expected: Vec<u8> =
        alpha[1..].iter().flat_map(|&alpha| if alpha == 0 { [255; 3] } else { [130; 3] }).collect();
    assert_near(&raster, &expected, 2, "alpha plane");
}

#[test]
fn the_first_frame_of_an_animated_webp_lies_on_a_white_canvas() {
    let picture = pictures::photo(22, 10, 8);
    let still = pictures::webp_lossless(&picture, 10, 8, ExtendedColorType::Rgb8);
    let frame = containers::anmf(4, 6, (10, 8), &still[12..]);
    let second = containers::anmf(0, 0, (10, 8), &still[12..]);
    for flags in [0x02, 0x12] {
        let canvas = containers::vp8x(flags, 20, 16);
        let bytes = containers::webp_of(&[
            (b"VP8X", &canvas),
            (b"ANIM", &[0; 6]),
            (b"ANMF", &frame),
            (b"ANMF", &second),
        ]);
        let raster = decode(&bytes);
        assert_eq!((raster.width(), raster.height()), (20, 16));
        assert_eq!((raster.pixel(0, 0), raster.pixel(19, 15)), ([255; 3], [255; 3]), "flags {flags}");
        assert_eq!((raster.pixel(4, 6), raster.pixel(13, 13)), (picture[(0, 0)].0, picture[(9, 7)].0));
    }
}

/// A GIF with a frame of four colours, one of which can be transparent.
fn gif_frame(
    width: u16,
    height: u16,
    position: (u16, u16),
    interlaced: bool,
    transparent: Option<u8>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let palette = [255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9];
    let mut encoder = gif::Encoder::new(&mut bytes, 12, 9, &palette).unwrap();
    let rows: Vec<u16> = if interlaced {
        [(0, 8), (4, 8), (2, 4), (1, 2)].iter().flat_map(|&(at, step)| (at..height).step_by(step)).collect()
    } else {
        (0..height).collect()
    };
    let indices: Vec<u8> =
        rows.iter().flat_map(|row| (0..width).map(move |x| ((x + row) % 4) as u8)).collect();
    let frame = gif::Frame {
        width,
        height,
        left: position.0,
        top: position.1,
        interlaced,
        transparent,
        buffer: indices.into(),
        ..gif::Frame::default()
    };
    encoder.write_frame(&frame).unwrap();
    drop(encoder);
    bytes
}

#[test]
fn a_gif_frame_of_any_size_is_drawn_at_its_position() {
    let colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]];
    for (width, height, position) in
        [(12, 9, (0, 0)), (5, 4, (3, 2)), (40, 30, (0, 0)), (40, 30, (7, 5)), (3, 3, (50, 50))]
    {
        for interlaced in [false, true] {
            for transparent in [None, Some(2)] {
                let raster = decode(&gif_frame(width, height, position, interlaced, transparent));
                assert_eq!((raster.width(), raster.height()), (12, 9));
                for y in 0..9_u16 {
                    for x in 0..12_u16 {
                        let inside = x.checked_sub(position.0).zip(y.checked_sub(position.1));
                        let index =
                            inside.filter(|&(x, y)| x < width && y < height).map(|(x, y)| (x + y) % 4);
                        let index = index.filter(|&index| transparent != Some(index as u8));
                        let expected = index.map_or([255; 3], |index| colours[usize::from(index)]);
                        assert_eq!(
                            raster.pixel(x.into(), y.into()),
                            expected,
                            "{width}x{height} at {x}, {y}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn bmp_is_decoded_top_down_bottom_up_and_run_length_encoded() {
    let picture = pictures::photo(23, 7, 5);
    let bytes = pictures::bmp(&picture);
    assert_eq!(decode(&bytes).data(), picture.as_raw());
    let rgba: Vec<u8> = picture.pixels().flat_map(|p| [p[0], p[1], p[2], p[2]]).collect();
    let flat: Vec<u8> = rgba.chunks(4).flat_map(|p| [0, 1, 2].map(|c| over_white(p[c], p[3]))).collect();
    assert_near(&decode(&pictures::bmp_alpha(&rgba, 7, 5)), &flat, 0, "opacity");
    let empty: Vec<u8> = rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 0]).collect();
    let colours: Vec<u8> = rgba.chunks_exact(4).flat_map(|pixel| pixel[..3].to_vec()).collect();
    assert_near(&decode(&pictures::bmp_alpha(&empty, 7, 5)), &colours, 0, "an empty channel of opacity");
    let mut turned = bytes;
    turned[22..26].copy_from_slice(&(-5_i32).to_le_bytes());
    let upside_down: Vec<u8> = picture.chunks(21).rev().flatten().copied().collect();
    assert_eq!(decode(&turned).data(), upside_down);
    let head = [
        b"BM".as_slice(),
        &[0; 8],
        &[62, 0, 0, 0, 40, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 8, 0, 1, 0, 0, 0],
    ];
    let colours = [&[0; 12][..], &[2, 0, 0, 0], &[0; 4], &[1, 2, 3, 0, 200, 100, 50, 0]];
    let runs: &[&[u8]] = &[&[3, 1, 0, 0, 1, 0, 2, 1, 0, 1]];
    let raster = decode(&[head.concat(), colours.concat(), runs.concat()].concat());
    let (first, second) = ([3, 2, 1], [50, 100, 200]);
    assert_eq!(raster.pixels(), [first, second, second, second, second, second]);
}

#[test]
fn flat_transparent_and_extremely_shaped_pictures_are_decoded() {
    for (width, height) in [(1, 1), (1, 10_000), (10_000, 1), (3, 3)] {
        for colour in [0, 255] {
            let picture = RgbImage::from_pixel(width, height, image::Rgb([colour; 3]));
            for sample in
                [pictures::png_rgb(&picture), Jpeg::default().rgb(&picture), pictures::gif(&picture)]
            {
                for scale in [0.0, 1.0] {
                    assert!(decode_at(&sample, scale).data().iter().all(|&value| value == colour));
                }
            }
        }
        let clear = vec![0; (width * height * 4) as usize];
        let bytes = pictures::png((width, height), ColorType::Rgba, BitDepth::Eight, &clear, |_| {});
        assert!(decode(&bytes).data().iter().all(|&value| value == 255));
    }
}

#[test]
fn decoding_twice_gives_the_same_pixels() {
    let mut decoder = Decoder::new().unwrap();
    for sample in pictures::all(24, 120, 75) {
        let probe = probe(&sample.bytes, &Limits::default()).unwrap();
        for scale in [0.0, 0.3, 1.0] {
            let mut once = || decoder.decode(&sample.bytes, &probe, scale, &Unmonitored).unwrap();
            assert_eq!(once(), once(), "{}", sample.name);
        }
    }
}

#[test]
fn the_probe_describes_the_picture() {
    let picture = pictures::photo(25, 30, 20);
    let jpeg = Jpeg { progressive: true, ..Jpeg::default() }.with(&picture, &containers::exif(6), &[]);
    let probed = probe(&jpeg, &Limits::default()).unwrap();
    assert!(probed.progressive && !probed.alpha);
    assert_eq!((probed.components, probed.depth), (3, 8));
    let source = probed.source();
    assert_eq!((source.format, source.width, source.height, source.orientation), ("jpeg", 20, 30, 6));
    let exif = containers::exif(3);
    let webp = pictures::webp_lossless(&picture, 30, 20, ExtendedColorType::Rgb8);
    let webp = [
        &containers::riff(*b"VP8X", &containers::vp8x(8, 30, 20))[..],
        &webp[12..],
        &containers::riff(*b"EXIF", &exif),
    ];
    let webp = containers::riff(*b"RIFF", &[b"WEBP".as_slice(), &webp.concat()].concat());
    let header = [&30_u32.to_be_bytes()[..], &20_u32.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let rows: Vec<u8> = picture.chunks(90).flat_map(|row| [&[0], row].concat()).collect();
    let png = containers::png_of(&[
        (b"IHDR", &header),
        (b"IDAT", &containers::deflate(&rows)),
        (b"eXIf", &exif),
        (b"IEND", &[]),
    ]);
    let mut entries = containers::tiff_entries((30, 20), &[8, 8, 8], 2, 1);
    entries.push(Entry(274, 3, vec![3]));
    let tiff = containers::tiff_of(entries, (273, 279), &[picture.to_vec()]);
    for (name, bytes) in [("webp", webp), ("png", png), ("tiff", tiff)] {
        let source = probe(&bytes, &Limits::default()).unwrap().source();
        assert_eq!((source.format, source.orientation), (name, 3));
        assert_eq!(decode(&bytes).data(), picture.as_raw(), "{name}");
    }
}
