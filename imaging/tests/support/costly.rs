//! Makes pictures that cost much more to decode than their size suggests, in every format. Each one has a size
//! parameter, so that tests make small ones and measurements large ones.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use super::costly_chunks;
pub use super::costly_frames::*;
use super::{
    containers::{BitWriter, png_of},
    hostile::{Add, Must},
};

/// Adds all of them.
pub fn add(add: &mut Add<'_>) {
    costly_chunks::add(add);
    let scans = jpeg_scans;
    let large = scans((8192, 6100), 1, 98, Scan::Runs);
    assert!(large.len() < 110_000, "it is small for its work: {}", large.len());
    add("O5", "jpeg of 50 MP and 100 scans", Must::TooLarge, large);
    add(
        "O5",
        "jpeg of 50 MP, 3 components, 100 scans",
        Must::TooLarge,
        scans((8192, 6100), 3, 96, Scan::Runs),
    );
    add("O5", "jpeg of 4 MP and 100 scans", Must::TooLarge, scans((2048, 2048), 3, 90, Scan::Dc));
    add("O5", "small jpeg of 100 scans", Must::Read, scans((200, 100), 3, 90, Scan::Blocks));
    add("O5", "jpeg of 1 MP and 12 scans", Must::Read, scans((1024, 1024), 3, 8, Scan::Dc));
    add("O5", "png of 100,000 empty chunks", Must::Read, png_empty_chunks((64, 64), 100_000));
    add("O5", "png of 1000 empty blocks", Must::Read, png_empty_blocks(1000, true));
    add("O5", "png of 100,000 empty blocks", Must::TooLarge, png_empty_blocks(100_000, true));
    add("O5", "gif of 1000 clears", Must::Read, gif_clears(1000, 8, 255));
    add("O5", "gif of 2,000,000 clears", Must::TooLarge, gif_clears(2_000_000, 8, 255));
    add("O5", "gif of 2,000,000 clears in blocks of one byte", Must::TooLarge, gif_clears(2_000_000, 8, 1));
    add("O5", "gif that expands", Must::Read, gif_expanding((2000, 1000)));
    add("O5", "webp of one colour", Must::Read, webp_flat((2000, 1000), &[3, 0, 1, 2]));
    add("O5", "webp of 100,000 chunks", Must::Read, webp_chunks(100_000));
    add("O5", "bmp of 100,000 moves", Must::Read, bmp_moves(100_000));
    let blocks = zlib_empty_blocks(2000, true, 8);
    add("O5", "tiff of 10 strips that share 23 kB", Must::Read, tiff_shared((8, 10), 8, &blocks));
    add("O5", "tiff of 1000 strips that share 23 kB", Must::TooLarge, tiff_shared((8, 1000), 8, &blocks));
    let clears = lzw_clears(88_000);
    add(
        "O5",
        "tiff of 1000 strips that share 99 kB of clears",
        Must::TooLarge,
        tiff_shared((8, 1000), 5, &clears),
    );
    // The data ends where the directory says.
    add("O5", "tiff that understates its strips", Must::Fail, tiff_understated((8, 1000), &blocks));
    add("O5", "tiff of 4000 strips of JPEG to the end of the file", Must::TooLarge, tiff_jpeg_unsized(4000));
    let frame = zstandard_zeros(60);
    let shared = |strips| tiff_shared((8, strips), 50_000, &frame);
    add("O5", "tiff of 100 strips that share a frame that expands", Must::Fail, shared(100));
    add("O5", "tiff of 16,000 strips that share a frame that expands", Must::TooLarge, shared(16_000));
    add(
        "O5",
        "tiff with a tile that is much wider",
        Must::TooLarge,
        tiff_wide_tile((1, 4096), (65_536, 4096)),
    );
}

/// How a scan-heavy JPEG spends its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scan {
    /// Refinements of AC coefficients that skip 16,384 blocks with 15 bits.
    Runs,
    /// Refinements of AC coefficients with one bit per block.
    Blocks,
    /// Refinements of the DC coefficient with one bit per block.
    Dc,
}

fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    [&[0xFF, marker][..], &(payload.len() as u16 + 2).to_be_bytes(), payload].concat()
}

/// A progressive JPEG whose first scan delivers all coefficients as zeros, followed by this number of refinements.
pub fn jpeg_scans((width, height): (u16, u16), components: u8, refinements: usize, kind: Scan) -> Vec<u8> {
    // A single symbol, with the code 0.
    let table = |class: u8, symbol: u8| segment(0xC4, &[&[class, 1][..], &[0; 15], &[symbol]].concat());
    let blocks = usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8);
    let all: Vec<u8> = (1..=components).collect();
    let frame: Vec<u8> = all.iter().flat_map(|&id| [id, 0x11, 0]).collect();
    let frame = [&[8][..], &height.to_be_bytes(), &width.to_be_bytes(), &[components], &frame].concat();
    let scan = |ids: &[u8], band: [u8; 3], bits: usize| {
        let ids_and_tables: Vec<u8> = ids.iter().flat_map(|&id| [id, 0]).collect();
        let header = [&[ids.len() as u8][..], &ids_and_tables, &band].concat();
        [segment(0xDA, &header), vec![0; bits.div_ceil(8)]].concat()
    };
    // The symbol 0xE0 begins a run of 2^14 blocks and more: one bit of code, fourteen bits of length.
    let runs = 15 * blocks.div_ceil(1 << 14);
    let mut bytes = [
        b"\xFF\xD8".to_vec(),
        segment(0xDB, &[&[0][..], &[1; 64]].concat()),
        segment(0xC2, &frame),
        table(0, 0),
        table(0x10, 0xE0),
        scan(&all, [0, 0, 0], blocks * all.len()),
    ]
    .concat();
    for id in &all {
        bytes.extend(scan(&[*id], [1, 63, 0], runs));
    }
    if kind == Scan::Blocks {
        bytes.extend(table(0x10, 0));
    }
    for index in 0..refinements {
        let id = [all[index % all.len()]];
        bytes.extend(match kind {
            Scan::Runs => scan(&id, [1, 63, 0x10], runs),
            Scan::Blocks => scan(&id, [1, 63, 0x10], blocks),
            Scan::Dc => scan(&all, [0, 0, 0x10], blocks * all.len()),
        });
    }
    bytes.extend(b"\xFF\xD9");
    bytes
}

/// A PNG header chunk: size, depth, colour type, interlacing.
fn ihdr((width, height): (u32, u32), depth: u8, colour: u8, interlaced: bool) -> Vec<u8> {
    [&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, colour, 0, 0, interlaced.into()]].concat()
}

/// Compresses as fast as possible.
pub fn deflate_fast(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

/// A 16-bit RGBA PNG with Paeth-filtered rows.
pub fn png_deep((width, height): (u32, u32), interlaced: bool) -> Vec<u8> {
    let bytes = width as usize * height as usize * 8 + height as usize * 3 + 64;
    let row = [vec![4], vec![1; width as usize * 8]].concat();
    let raw: Vec<u8> = if interlaced { vec![0; bytes + bytes / 100] } else { row.repeat(height as usize) };
    let header = ihdr((width, height), 16, 6, interlaced);
    png_of(&[(b"IHDR", &header), (b"IDAT", &deflate_fast(&raw)), (b"IEND", &[])])
}

/// A grey PNG whose pixels are preceded by this number of empty chunks.
pub fn png_empty_chunks((width, height): (u32, u32), chunks: usize) -> Vec<u8> {
    let data = deflate_fast(&vec![0; (width as usize + 1) * height as usize]);
    let mut all: Vec<(&[u8; 4], &[u8])> = vec![(b"IHDR", &[])];
    let header = ihdr((width, height), 8, 0, false);
    all[0].1 = &header;
    all.extend(std::iter::repeat_n((b"IDAT", [].as_slice()), chunks));
    all.extend([(b"IDAT", data.as_slice()), (b"IEND", &[])]);
    png_of(&all)
}

/// Blocks of deflate without content: the end of a block behind tables of dynamic codes, or of fixed ones.
fn empty_blocks(count: usize, dynamic: bool) -> BitWriter {
    let mut bits = BitWriter::default();
    for _ in 0..count {
        if !dynamic {
            bits.write(0b010, 3);
            bits.write(0, 7);
            continue;
        }
        // 257 literal codes, one distance code, 18 lengths of the code length code.
        bits.write(0b100, 3);
        bits.write(0, 5);
        bits.write(0, 5);
        bits.write(14, 4);
        // Order: 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1. Codes for 18 (1 bit), 0 and 1 (2 bits).
        for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1] {
            bits.write(
                match symbol {
                    18 => 1,
                    0 | 1 => 2,
                    _ => 0,
                },
                3,
            );
        }
        // Canonical codes: 18 = 0, 0 = 10, 1 = 11 (first bit first). Literals: 1 (symbol 0), zeros, 1 (symbol 256).
        bits.write(0b11, 2);
        bits.write(0, 1);
        bits.write(127, 7);
        bits.write(0, 1);
        bits.write(255 - 138 - 11, 7);
        bits.write(0b11, 2);
        bits.write(0b11, 2);
        // The end of block has the second code of two.
        bits.write(1, 1);
    }
    bits
}

/// A zlib stream of `raw` zeros behind empty blocks.
pub fn zlib_empty_blocks(count: usize, dynamic: bool, raw: usize) -> Vec<u8> {
    let mut bits = empty_blocks(count, dynamic);
    // Stored blocks are aligned to bytes.
    let mut left = raw;
    while left > 0 {
        let part = left.min(65_535);
        left -= part;
        bits.write(u32::from(left == 0), 3);
        bits.align();
        bits.bytes.extend((part as u16).to_le_bytes());
        bits.bytes.extend((!(part as u16)).to_le_bytes());
        bits.bytes.extend(std::iter::repeat_n(0, part));
        bits.align();
    }
    let checksum = ((raw % 65_521) as u32) << 16 | 1;
    [&[0x78, 1][..], &bits.bytes, &checksum.to_be_bytes()].concat()
}

/// A grey PNG of 8 × 8 pixels behind empty blocks.
pub fn png_empty_blocks(count: usize, dynamic: bool) -> Vec<u8> {
    let data = zlib_empty_blocks(count, dynamic, 9 * 8);
    png_of(&[(b"IHDR", &ihdr((8, 8), 8, 0, false)), (b"IDAT", &data), (b"IEND", &[])])
}
