//! Tests containers of WebP whose flags and chunks do not agree with the bitstream, and which frame of an animation is
//! decoded. libwebp goes by the bitstream.

use crate::decode;
use crate::support::{
    containers::{anmf, riff, vp8, vp8x, webp_of},
    pictures,
};
use huemill_imaging::{Decoder, Limits, Raster, Unmonitored, probe};
use image::ExtendedColorType;

const ICC: u8 = 0x20;
const ALPHA: u8 = 0x10;
const EXIF: u8 = 0x08;
const XMP: u8 = 0x04;
const ANIMATION: u8 = 0x02;

/// The bitstream chunk of a lossless picture of one colour and opacity.
fn lossless(color: [u8; 4], width: u32, height: u32) -> Vec<u8> {
    let samples = color.repeat((width * height) as usize);
    pictures::webp_lossless(&samples, width, height, ExtendedColorType::Rgba8)[12..].to_vec()
}

fn raw(bytes: &[u8]) -> Raster {
    let probe = probe(bytes, &Limits::default()).unwrap();
    Decoder::new().unwrap().decode(bytes, &probe, 1.0, &Unmonitored).unwrap()
}

/// A file of chunks that are already written.
fn file(chunks: &[&[u8]]) -> Vec<u8> {
    riff(*b"RIFF", &[b"WEBP".as_slice(), &chunks.concat()].concat())
}

#[test]
fn flags_without_their_chunks_are_ignored() {
    let frame = vp8(50, 40, &[0; 400]);
    let plain = decode(&webp_of(&[(b"VP8 ", &frame)]));
    let transparent = lossless([9, 8, 7, 100], 50, 40);
    let opaque = lossless([9, 8, 7, 255], 50, 40);
    for flags in [0, ALPHA, EXIF, XMP, ICC, ALPHA | EXIF | XMP | ICC, 0xC1] {
        let canvas = riff(*b"VP8X", &vp8x(flags, 50, 40));
        let lossy = raw(&file(&[&canvas, &riff(*b"VP8 ", &frame)]));
        assert_eq!((lossy.data(), lossy.opacity()), (plain.data(), None), "{flags:#x}");
        let still = raw(&file(&[&canvas, &transparent]));
        assert!(
            still.opacity().is_some_and(|opacity| opacity.iter().all(|value| *value == 100)),
            "{flags:#x}"
        );
        let still = raw(&file(&[&canvas, &opaque]));
        assert!(still.opacity().is_none() && still.pixel(3, 3) == [9, 8, 7], "{flags:#x}");
    }
}

#[test]
fn an_alpha_plane_counts_without_its_flag() {
    let frame = riff(*b"VP8 ", &vp8(50, 40, &[0; 400]));
    let plane: Vec<u8> = std::iter::once(0).chain((0..50 * 40).map(|at| (at % 251) as u8)).collect();
    let alpha = riff(*b"ALPH", &plane);
    let unknown = riff(*b"abcd", &[7; 13]);
    for flags in [0, ALPHA] {
        let canvas = riff(*b"VP8X", &vp8x(flags, 50, 40));
        for chunks in [vec![&alpha, &frame], vec![&unknown, &alpha, &unknown, &frame]] {
            let all: Vec<&[u8]> = [&canvas].into_iter().chain(chunks).map(Vec::as_slice).collect();
            assert_eq!(raw(&file(&all)).opacity(), Some(&plane[1..]), "{flags:#x}");
        }
        // Behind the bitstream, or before one that has its own, it has no meaning.
        assert!(raw(&file(&[&canvas, &frame, &alpha])).opacity().is_none());
        assert!(raw(&file(&[&canvas, &alpha, &lossless([1, 2, 3, 255], 50, 40)])).opacity().is_none());
    }
}

#[test]
fn what_follows_the_bitstream_decides_nothing() {
    let picture = pictures::photo(3, 20, 14);
    let still = pictures::webp_lossless(&picture, 20, 14, ExtendedColorType::Rgb8);
    let canvas = riff(*b"VP8X", &vp8x(0, 20, 14));
    let other = riff(*b"VP8 ", &vp8(99, 77, &[0; 64]));
    let endings: [&[u8]; 6] =
        [&other, &still[12..], &riff(*b"ANMF", &[0; 9]), b"EXIF\xFF\xFF\xFF\xFF", b"trailing bytes", b"x"];
    for behind in endings {
        assert_eq!(decode(&file(&[&canvas, &still[12..], behind])).data(), picture.as_raw());
        // And behind the container.
        assert_eq!(decode(&[&still, behind].concat()).data(), picture.as_raw());
        let frame = riff(*b"ANMF", &anmf(0, 0, (20, 14), &still[12..]));
        let animated = riff(*b"VP8X", &vp8x(ANIMATION, 20, 14));
        let control = riff(*b"ANIM", &[0; 6]);
        assert_eq!(decode(&file(&[&animated, &control, &frame, behind])).data(), picture.as_raw());
    }
}

/// An animation of 20 x 16 pixels.
fn animation(flags: u8, frames: &[Vec<u8>]) -> Vec<u8> {
    let frames: Vec<Vec<u8>> = frames.iter().map(|frame| riff(*b"ANMF", frame)).collect();
    file(&[&riff(*b"VP8X", &vp8x(flags | ANIMATION, 20, 16)), &riff(*b"ANIM", &[0; 6]), &frames.concat()])
}

#[test]
fn the_first_frame_that_shows_anything_is_decoded() {
    let blank = || anmf(0, 0, (20, 16), &lossless([5, 5, 5, 0], 20, 16));
    let red = anmf(4, 6, (10, 8), &lossless([200, 0, 0, 255], 10, 8));
    let blue = anmf(0, 0, (20, 16), &lossless([0, 0, 200, 255], 20, 16));
    for flags in [0, ALPHA] {
        for count in [1, 2, 7] {
            let mut frames = vec![blank(); count];
            frames.extend([red.clone(), blue.clone()]);
            let raster = raw(&animation(flags, &frames));
            assert_eq!(raster.pixel(4, 6), [200, 0, 0], "{count} blank frames");
            let opacity: u32 = raster.opacity().unwrap().iter().map(|value| u32::from(*value)).sum();
            assert_eq!(opacity, 80 * 255, "{count} blank frames");
        }
        let mut frames = vec![blank(); 40];
        frames.push(red.clone());
        let is_blank = |raster: &Raster| raster.opacity().unwrap().iter().all(|value| *value == 0);
        assert!(is_blank(&raw(&animation(flags, &frames))), "behind 40 blank frames");
        assert!(is_blank(&raw(&animation(flags, &[blank()]))), "no other frame");
        // What is no frame ends the search.
        assert!(is_blank(&raw(&animation(flags, &[blank(), vec![0; 30], red.clone()]))));
        // The first frame shows something, and later ones do not matter.
        let raster = raw(&animation(flags, &[red.clone(), blue.clone()]));
        assert_eq!((raster.pixel(4, 6), raster.opacity().unwrap()[0]), ([200, 0, 0], 0));
    }
}
