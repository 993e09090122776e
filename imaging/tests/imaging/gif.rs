//! Tests what may stand between and before the frames of a GIF, and which frame is decoded.

use crate::decode;
use crate::support::pictures;
use huemill_imaging::{Decoder, Error, Limits, Unmonitored, probe};

const COLOURS: [[u8; 3]; 4] = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]];

/// One block of a file.
#[derive(Clone)]
enum Block<'a> {
    Raw(&'a [u8]),
    /// A frame at a place: its indices, and the index that is transparent.
    Frame((u16, u16), (u16, u16), Vec<u8>, Option<u8>),
}

/// Codes of nine bits for eight-bit indices, cleared before the code size grows.
fn compress(indices: &[u8]) -> Vec<u8> {
    let mut codes: Vec<u16> = Vec::new();
    for part in indices.chunks(200) {
        codes.push(256);
        codes.extend(part.iter().map(|&index| u16::from(index)));
    }
    codes.push(257);
    let mut bits = crate::support::containers::BitWriter::default();
    for &code in &codes {
        bits.write(code.into(), 9);
    }
    let mut data = vec![8];
    for part in bits.bytes.chunks(255) {
        data.push(part.len() as u8);
        data.extend(part);
    }
    data.push(0);
    data
}

/// A GIF with a table of four colours.
fn file((width, height): (u16, u16), blocks: &[Block<'_>]) -> Vec<u8> {
    let mut bytes =
        [b"GIF89a".as_slice(), &width.to_le_bytes(), &height.to_le_bytes(), &[0x81, 0, 0]].concat();
    bytes.extend(COLOURS.as_flattened());
    for block in blocks {
        match block {
            Block::Raw(raw) => bytes.extend(*raw),
            Block::Frame((left, top), (width, height), indices, transparent) => {
                if let Some(index) = transparent {
                    bytes.extend([0x21, 0xF9, 4, 1, 0, 0, *index, 0]);
                }
                bytes.push(0x2C);
                bytes.extend([left, top, width, height].iter().flat_map(|side| side.to_le_bytes()));
                bytes.push(0);
                bytes.extend(compress(indices));
            }
        }
    }
    bytes.push(0x3B);
    bytes
}

fn frame(index: u8, transparent: Option<u8>) -> Block<'static> {
    Block::Frame((0, 0), (6, 4), vec![index; 24], transparent)
}

fn try_decode(bytes: &[u8]) -> Result<huemill_imaging::Raster, Error> {
    let probe = probe(bytes, &Limits::default())?;
    Decoder::new().unwrap().decode(bytes, &probe, 1.0, &Unmonitored)
}

#[test]
fn what_can_be_skipped_is_skipped() {
    let long = [&[0x21, 0xFE, 255][..], &[b'a'; 255], &[0]].concat();
    let table: [(&str, &[u8]); 10] = [
        ("an unknown label", &[0x21, 0x2A, 2, b'a', b'b', 0]),
        ("an unknown label without data", &[0x21, 0, 0]),
        ("zeros", &[0; 7]),
        ("a comment", &long),
        ("an application", b"\x21\xFF\x0BXYZZYSOFT12\x03abc\0"),
        ("an application with a short name", b"\x21\xFF\x01X\0"),
        ("a loop without a count", b"\x21\xFF\x0BNETSCAPE2.0\0"),
        ("a control of the wrong length", &[0x21, 0xF9, 2, 1, 1, 0]),
        ("a plain text", &[0x21, 0x01, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, b'a', 0]),
        ("zeros and extensions", &[0, 0x21, 0x2A, 0, 0, 0, 0x21, 0xFE, 1, b'x', 0, 0]),
    ];
    for (name, raw) in table {
        let bytes = file((6, 4), &[Block::Raw(raw), frame(2, None)]);
        assert!(decode(&bytes).pixels().iter().all(|pixel| *pixel == COLOURS[2]), "{name}");
        // Behind the frame it decides nothing, and neither does what is no block at all.
        for behind in [raw, b"no block at all", &[0x21], &[0x2C, 0, 0], b""] {
            let bytes = file((6, 4), &[frame(1, None), Block::Raw(behind)]);
            assert!(decode(&bytes).pixels().iter().all(|pixel| *pixel == COLOURS[1]), "{name}");
        }
    }
}

#[test]
fn a_block_that_is_none_ends_the_file() {
    for raw in [b"x".as_slice(), &[0x3B], &[0x21, 0xFE, 200, 1]] {
        let bytes = file((6, 4), &[Block::Raw(raw), frame(2, None)]);
        let found = try_decode(&bytes);
        assert!(matches!(found, Err(Error::Damaged(_))), "{raw:?}: {found:?}");
    }
}

#[test]
fn the_first_frame_that_shows_anything_is_decoded() {
    let blank = || frame(3, Some(3));
    for count in [1, 2, 15] {
        let mut blocks = vec![blank(); count];
        blocks.extend([frame(1, Some(3)), frame(2, None)]);
        let raster = decode(&file((6, 4), &blocks));
        assert!(raster.pixels().iter().all(|pixel| *pixel == COLOURS[1]), "{count} blank frames");
        let raster = try_decode(&file((6, 4), &blocks)).unwrap();
        assert!(raster.opacity().is_none(), "{count} blank frames");
    }
    // A frame that shows a single pixel is shown, and so is a frame beside the canvas's border.
    let mut indices = vec![3; 24];
    indices[7] = 0;
    let one = Block::Frame((0, 0), (6, 4), indices, Some(3));
    let raster = decode(&file((6, 4), &[one, frame(2, None)]));
    assert_eq!(raster.pixels().iter().filter(|pixel| **pixel == COLOURS[0]).count(), 1);
    let part = Block::Frame((2, 1), (3, 2), vec![0; 6], None);
    let raster = decode(&file((6, 4), &[blank(), part]));
    let shown = |x, y| (2..5).contains(&x) && (1..3).contains(&y);
    for (x, y) in (0..6).flat_map(|x| (0..4).map(move |y| (x, y))) {
        assert_eq!(raster.pixel(x, y), if shown(x, y) { COLOURS[0] } else { [255; 3] }, "{x}, {y}");
    }
}

#[test]
fn the_search_for_a_frame_is_bounded() {
    let blank = || frame(3, Some(3));
    let is_blank = |bytes: &[u8]| decode(bytes).pixels().iter().all(|pixel| *pixel == [255; 3]);
    let mut blocks = vec![blank(); 200];
    blocks.push(frame(1, None));
    assert!(is_blank(&file((6, 4), &blocks)), "behind 200 blank frames");
    assert!(is_blank(&file((6, 4), &[blank()])), "no other frame");
    assert!(is_blank(&file((6, 4), &[blank(), Block::Raw(b"no block")])), "no block");
    let beyond = Block::Frame((3, 0), (6, 4), vec![1; 24], None);
    assert!(is_blank(&file((6, 4), &[blank(), beyond])), "a frame that leaves the canvas");
    // A frame that would be shown and is truncated: nothing complete can be shown.
    let mut cut = file((6, 4), &[blank(), frame(1, None)]);
    cut.truncate(cut.len() - 12);
    assert!(matches!(try_decode(&cut), Err(Error::Damaged(_))), "truncated");
}

#[test]
fn more_work_than_the_limits_allow_ends_the_search() {
    // A small first frame gives little work to spare, and the frames behind it are large.
    let side = 9000_u16;
    let first = Block::Frame((0, 0), (1, 1), vec![3], Some(3));
    let huge = Block::Frame((0, 0), (side, side), vec![1], None);
    let bytes = file((side, side), &[first, huge]);
    let limits = Limits { max_pixels: 100_000_000, max_work: 1_000_000, ..Limits::default() };
    let probe = probe(&bytes, &limits).unwrap();
    let raster = Decoder::new().unwrap().decode(&bytes, &probe, 1.0, &Unmonitored).unwrap();
    assert!(raster.opacity().is_some_and(|opacity| opacity.iter().all(|value| *value == 0)));
}

/// In a flat picture, codes stand for more pixels than a line has.
#[test]
fn flat_frames_of_any_size_are_decoded() {
    for (width, height) in (1..60).map(|n| (n, 1 + n * 7 % 53)).chain([(1, 4000), (4000, 1), (300, 200)]) {
        for index in [0, 1] {
            let mut bytes = Vec::new();
            let mut encoder =
                gif::Encoder::new(&mut bytes, width, height, COLOURS[..2].as_flattened()).unwrap();
            let pixels = usize::from(width) * usize::from(height);
            let frame =
                gif::Frame { width, height, buffer: vec![index; pixels].into(), ..gif::Frame::default() };
            encoder.write_frame(&frame).unwrap();
            drop(encoder);
            let raster = decode(&bytes);
            let is_flat = raster.pixels().iter().all(|pixel| *pixel == COLOURS[usize::from(index)]);
            assert!(is_flat, "{width}x{height} of {index}");
        }
    }
}

#[test]
fn a_frame_without_colours_is_damaged() {
    let mut bytes = file((6, 4), &[frame(1, None)]);
    bytes[10] = 0;
    bytes.drain(13..25);
    assert!(matches!(try_decode(&bytes), Err(Error::Damaged(_))));
}

#[test]
fn any_codes_between_those_of_pixels_are_followed() {
    for (clears, size) in [(1, 1), (1, 255), (2, 7), (9, 3), (40, 1), (40, 255), (41, 8)] {
        // Each pixel behind so many codes that clear the table, in sub-blocks of any size.
        let mut bits = crate::support::containers::BitWriter::default();
        for index in 0..24 {
            (0..clears).for_each(|_| bits.write(4, 3));
            bits.write(index % 4, 3);
        }
        let mut data = vec![2];
        for part in bits.bytes.chunks(size) {
            data.push(part.len() as u8);
            data.extend(part);
        }
        let head = [&[0x2C, 0, 0, 0, 0, 6, 0, 4, 0, 0], &data[..], &[0]].concat();
        let raster = decode(&file((6, 4), &[Block::Raw(&head)]));
        let expected: Vec<_> = (0..24).map(|index| COLOURS[index % 4]).collect();
        assert_eq!(raster.pixels(), expected, "{clears} codes, {size} bytes");
    }
}

#[test]
fn a_frame_of_every_writer_is_still_decoded() {
    let picture = pictures::photo(6, 31, 22);
    assert_eq!(decode(&pictures::gif(&picture)).pixels().len(), 31 * 22);
}
