//! Makes TIFFs and GIFs whose data costs much more than the pixels in it, though it is no more than they can need; and
//! TIFFs of very many strips and tiles, which are legal.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use super::{
    containers::{BitWriter, Entry, tiff_entries, tiff_raw},
    costly::{gif_head, sub_blocks},
    hostile::{Add, Must},
    pictures::Jpeg,
};

/// Adds all of them.
pub fn add(add: &mut Add<'_>) {
    let tables = zstandard_tables(90_000, 2_000_000);
    let costly = Must::TooLarge;
    add(
        "O5",
        "tiff of 90,000 blocks of tables",
        costly,
        tiff_chunks((2000, 1000), (2000, 1000), 50_000, &tables),
    );
    let clears = lzw_clears_and_zeros(1_200_000, 2_000_000);
    add("O5", "tiff of 1,200,000 clears", costly, tiff_chunks((2000, 1000), (2000, 1000), 5, &clears));
    add(
        "O5",
        "gif of 1,200,000 clears that its pixels can need",
        costly,
        gif_clears_and_zeros(1_200_000, (2000, 1000)),
    );
    add("O5", "tiff of strips of JPEG that share comments", costly, tiff_jpeg_comments(64, 40_000));
    add("O5", "tiff of 65,500 strips", Must::Read, tiff_chunks((8, 65_500), (8, 1), 1, &[7; 8]));
}

/// A grey TIFF of tiles, or of strips where they are as wide as the page, whose data lies one after another: `chunk` again
/// and again.
pub fn tiff_chunks((width, height): (u32, u32), size: (u32, u32), compression: u32, chunk: &[u8]) -> Vec<u8> {
    let mut entries = tiff_entries((width, height), &[8], 1, compression);
    let count = width.div_ceil(size.0) * height.div_ceil(size.1);
    let length = chunk.len() as u32;
    let offsets = (0..count).map(|index| 8 + index * length).collect();
    let lengths = vec![length; count as usize];
    if size.0 == width {
        entries.extend([Entry(278, 4, vec![size.1]), Entry(273, 4, offsets), Entry(279, 4, lengths)]);
    } else {
        entries.extend([Entry(322, 4, vec![size.0]), Entry(323, 4, vec![size.1])]);
        entries.extend([Entry(324, 4, offsets), Entry(325, 4, lengths)]);
    }
    tiff_raw(entries, &chunk.repeat(count as usize))
}

/// A Zstandard frame of this length. It begins with blocks of 26 bytes, each of which describes tables of the largest sizes
/// and uses them once.
pub fn zstandard_tables(blocks: usize, length: usize) -> Vec<u8> {
    // A window of 8 MB. A raw block, so that matches have something to copy.
    let mut bytes = b"\x28\xB5\x2F\xFD\0\x68".to_vec();
    let header = |size: u32, kind: u32, last: bool| (size << 3 | kind << 1 | u32::from(last)).to_le_bytes();
    bytes.extend(&header(8, 0, false)[..3]);
    bytes.extend([0; 8]);
    let mut block = Vec::new();
    // Literals: Huffman codes in one stream, one byte of content, eight bytes of data.
    block.extend(&(0b10_u32 | 1 << 4 | 8 << 14).to_le_bytes()[..3]);
    // Eleven weights of four bits, from 11 to 1. The longest code has eleven bits, that of the first symbol one.
    block.extend([127 + 11, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10, 0b11]);
    // One sequence, with a description of each of its three tables: 512, 256 and 512 states of the symbol 0.
    block.extend([1, 0b1010_1000]);
    block.extend([0xF4, 0x3F, 0xF3, 0x1F, 0xF4, 0x3F]);
    // The first states, with 9, 8 and 9 bits, below the bit that marks the end.
    block.extend([0, 0, 0, 0b100]);
    for _ in 0..blocks {
        bytes.extend(&header(block.len() as u32, 2, false)[..3]);
        bytes.extend(&block);
    }
    // Each block has four bytes of content. Runs are the rest.
    let mut left = length - 8 - 4 * blocks;
    while left > 0 {
        let part = left.min(128 << 10);
        left -= part;
        bytes.extend(&header(part as u32, 1, left == 0)[..3]);
        bytes.push(0);
    }
    bytes
}

/// Zeros in LZW as in TIFF, behind codes that clear the table. `clears` is a multiple of 8.
pub fn lzw_clears_and_zeros(clears: usize, length: usize) -> Vec<u8> {
    // A code that clears has the bits 100000000, so eight of them fill nine bytes.
    let clear = [0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01, 0];
    [clear.repeat(clears / 8), lzw_zeros([0x80, 0], length)].concat()
}

/// At least `length` zeros in codes of nine bits. The table is cleared before codes become longer, by a code that the first
/// two bytes have.
fn lzw_zeros(clear: [u8; 2], length: usize) -> Vec<u8> {
    // 200 codes are 225 bytes.
    let group = [&clear[..], &[0; 223]].concat();
    group.repeat(length.div_ceil(199))
}

/// A GIF of one colour whose data begins with codes that clear the table. `clears` is a multiple of 8.
pub fn gif_clears_and_zeros(clears: usize, (width, height): (u16, u16)) -> Vec<u8> {
    let mut bits = BitWriter::default();
    (0..8).for_each(|_| bits.write(256, 9));
    let zeros = lzw_zeros([0, 1], usize::from(width) * usize::from(height));
    let data = [bits.bytes.repeat(clears / 8), zeros].concat();
    [gif_head((width, height)), vec![8], sub_blocks(&data, 255), b";".to_vec()].concat()
}

/// A grey TIFF of strips of 8 rows that all begin at the same JPEG, in front of whose tables are empty comments. Their sizes
/// are missing.
pub fn tiff_jpeg_comments(strips: u32, comments: usize) -> Vec<u8> {
    let jpeg = Jpeg::default().encode(&[90; 64], 8, 8, jpeg_encoder::ColorType::Luma);
    let jpeg = [&jpeg[..2], &b"\xFF\xFE\0\x02".repeat(comments), &jpeg[2..]].concat();
    let mut entries = tiff_entries((8, 8 * strips), &[8], 1, 7);
    entries.extend([Entry(278, 3, vec![8]), Entry(273, 4, vec![8; strips as usize])]);
    tiff_raw(entries, &jpeg)
}
