//! Tests which frame of an animated PNG is decoded.

use crate::support::containers::{deflate, png_of};
use crate::{decode, decode_at};
use huemill_imaging::{Decoder, Error, Limits, Unmonitored, probe};

const SIZE: (u32, u32) = (6, 4);
const CLEAR: [u8; 4] = [9, 9, 9, 0];
const GREEN: [u8; 4] = [0, 200, 0, 255];

/// A part of an animation: its place, its size and the colour of its pixels.
#[derive(Clone, Copy)]
struct Frame {
    place: (u32, u32),
    size: (u32, u32),
    colour: [u8; 4],
}

impl Frame {
    fn full(colour: [u8; 4]) -> Self {
        Self { place: (0, 0), size: SIZE, colour }
    }

    /// The control chunk, with its sequence number.
    fn control(self, number: u32) -> Vec<u8> {
        let numbers = [number, self.size.0, self.size.1, self.place.0, self.place.1];
        [&numbers.map(u32::to_be_bytes).concat()[..], &[0, 1, 0, 100, 0, 0]].concat()
    }

    fn pixels(self) -> Vec<u8> {
        let row = [vec![0], self.colour.repeat(self.size.0 as usize)].concat();
        deflate(&row.repeat(self.size.1 as usize))
    }
}

/// An animated PNG. The default image is one of the frames if `is_first`. The data of each frame lies in two chunks.
fn animation(default: Frame, is_first: bool, frames: &[Frame], is_animated: bool) -> Vec<u8> {
    let header = [&SIZE.0.to_be_bytes()[..], &SIZE.1.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    let mut chunks: Vec<(&[u8; 4], Vec<u8>)> = vec![(b"IHDR", header)];
    if is_animated {
        let count = frames.len() as u32 + u32::from(is_first);
        chunks.push((b"acTL", [count, 0].map(u32::to_be_bytes).concat()));
    }
    let mut number = 0;
    if is_first {
        chunks.push((b"fcTL", default.control(number)));
        number += 1;
    }
    chunks.push((b"IDAT", default.pixels()));
    for frame in frames {
        chunks.push((b"fcTL", frame.control(number)));
        number += 1;
        let data = frame.pixels();
        for part in data.chunks(data.len() / 2 + 1) {
            chunks.push((b"fdAT", [&number.to_be_bytes()[..], part].concat()));
            number += 1;
        }
    }
    chunks.push((b"IEND", Vec::new()));
    let chunks: Vec<(&[u8; 4], &[u8])> = chunks.iter().map(|(name, data)| (*name, data.as_slice())).collect();
    png_of(&chunks)
}

fn try_decode(bytes: &[u8]) -> Result<Vec<[u8; 3]>, Error> {
    let probe = probe(bytes, &Limits::default())?;
    let raster = Decoder::new().unwrap().decode(bytes, &probe, 1.0, &Unmonitored)?;
    Ok(raster.over([255; 3]).pixels().to_vec())
}

#[test]
fn the_first_frame_of_an_animated_png_that_shows_anything_is_decoded() {
    let blank = Frame::full(CLEAR);
    for is_first in [false, true] {
        for count in [0, 1, 14] {
            let mut frames = vec![blank; count];
            frames.extend([Frame::full(GREEN), Frame::full([1, 2, 3, 255])]);
            let raster = decode(&animation(blank, is_first, &frames, true));
            assert!(raster.pixels().iter().all(|pixel| *pixel == [0, 200, 0]), "{count} {is_first}");
            assert!(raster.opacity().is_none());
        }
    }
    // One that shows something is kept.
    let shown = animation(Frame::full([7, 8, 9, 255]), true, &[Frame::full(GREEN)], true);
    assert_eq!(decode(&shown).pixels()[0], [7, 8, 9]);
}

#[test]
fn a_frame_lies_at_its_place_on_a_transparent_canvas() {
    let part = Frame { place: (4, 1), size: (2, 3), colour: GREEN };
    let raster = decode_at(&animation(Frame::full(CLEAR), false, &[part], true), 1.0);
    for (index, pixel) in raster.pixels().iter().enumerate() {
        let is_within = index % 6 >= 4 && index / 6 >= 1;
        assert_eq!(*pixel, if is_within { [0, 200, 0] } else { [255; 3] }, "pixel {index}");
    }
}

#[test]
fn the_search_in_an_animated_png_has_an_end() {
    let blank = Frame::full(CLEAR);
    let is_blank = |bytes: &[u8]| try_decode(bytes).unwrap().iter().all(|pixel| *pixel == [255; 3]);
    let mut frames = vec![blank; 200];
    frames.push(Frame::full(GREEN));
    assert!(is_blank(&animation(blank, true, &frames, true)), "behind 200 blank frames");
    assert!(is_blank(&animation(blank, true, &[], true)), "no other frame");
    assert!(is_blank(&animation(blank, true, &[Frame::full(GREEN)], false)), "not animated");
    for (place, size) in [((3, 0), SIZE), ((0, 0), (60_000, 60_000)), ((u32::MAX, 0), (1, 1))] {
        let mut outside = animation(blank, true, &[Frame::full(GREEN)], true);
        let control = Frame { place, size, colour: GREEN }.control(1);
        let at = outside.windows(8).rposition(|bytes| bytes == b"fcTL\0\0\0\x01").unwrap() + 4;
        outside[at..at + control.len()].copy_from_slice(&control);
        assert!(is_blank(&outside), "a frame beyond the canvas: {place:?} {size:?}");
    }
}

#[test]
fn a_frame_that_is_needed_must_be_valid() {
    let mut bytes = animation(Frame::full(CLEAR), true, &[Frame::full(GREEN)], true);
    let at = bytes.windows(4).rposition(|bytes| bytes == b"fdAT").unwrap();
    bytes.truncate(at - 4);
    bytes.extend(b"\0\0\0\0IEND\xAE\x42\x60\x82");
    assert!(matches!(try_decode(&bytes), Err(Error::Damaged(_))));
}
