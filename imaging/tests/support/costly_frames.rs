//! Makes the costly pictures in GIF, WebP, TIFF and BMP.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use super::{
    containers::{BitWriter, Entry, tiff_entries, tiff_raw, vp8x, webp_of},
    costly::deflate_fast,
    pictures::{Jpeg, Numbers},
};

pub fn gif_head((width, height): (u16, u16)) -> Vec<u8> {
    let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
    [b"GIF89a".as_slice(), &size, &[0x80, 0, 0, 255, 0, 0, 0, 0, 255], b"\x2C\0\0\0\0", &size, &[0]].concat()
}

/// Writes data as sub-blocks of this size.
pub fn sub_blocks(data: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for block in data.chunks(size) {
        bytes.push(block.len() as u8);
        bytes.extend(block);
    }
    bytes.push(0);
    bytes
}

/// A GIF of 8 × 8 pixels whose data begins with this number of codes that clear the table, in sub-blocks of `size`.
pub fn gif_clears(count: usize, min_bits: u8, size: usize) -> Vec<u8> {
    let mut bits = BitWriter::default();
    let width = usize::from(min_bits) + 1;
    for _ in 0..count {
        bits.write(1 << min_bits, width);
    }
    for _ in 0..64 {
        bits.write(1, width);
        bits.write(1 << min_bits, width);
    }
    bits.write((1 << min_bits) + 1, width);
    [gif_head((8, 8)), vec![min_bits], sub_blocks(&bits.bytes, size), b";".to_vec()].concat()
}

/// A GIF of zeros that expands as much as LZW can: each code stands for one pixel more than the one before it.
pub fn gif_expanding((width, height): (u16, u16)) -> Vec<u8> {
    let mut bits = BitWriter::default();
    bits.write(4, 3);
    let (mut left, mut code) = (usize::from(width) * usize::from(height), 5);
    while left > 0 {
        let length = code as usize - 4;
        bits.write(if code == 5 { 0 } else { code }, (32 - code.leading_zeros()).max(3) as usize);
        left = left.saturating_sub(length);
        code += 1;
        if code == 4096 {
            bits.write(4, 12);
            code = 5;
        }
    }
    bits.write(5, (32 - code.leading_zeros()).clamp(3, 12) as usize);
    [gif_head((width, height)), vec![2], sub_blocks(&bits.bytes, 255), b";".to_vec()].concat()
}

/// A lossless WebP of one colour, which takes no bits per pixel, with these transforms.
pub fn webp_flat((width, height): (u32, u32), transforms: &[u8]) -> Vec<u8> {
    webp_of(&[(b"VP8L", &vp8l_flat((width, height), transforms))])
}

fn vp8l_flat((width, height): (u32, u32), transforms: &[u8]) -> Vec<u8> {
    let mut bits = BitWriter::default();
    for (value, count) in [(0x2F, 8), (width - 1, 14), (height - 1, 14), (0, 4)] {
        bits.write(value, count);
    }
    let flat_codes = |bits: &mut BitWriter, symbols: [u32; 5]| {
        for symbol in symbols {
            bits.write(0b101, 3);
            bits.write(symbol, 8);
        }
    };
    for &transform in transforms {
        bits.write(1, 1);
        bits.write(transform.into(), 2);
        match transform {
            0 | 1 => {
                // Blocks of 4 × 4, no colour cache. Predictor 11 (select) is the slowest.
                bits.write(0, 3);
                bits.write(0, 1);
                flat_codes(&mut bits, [11, 3, 3, 0, 0]);
            }
            2 => {}
            _ => {
                bits.write(255, 8);
                bits.write(0, 1);
                flat_codes(&mut bits, [1, 1, 1, 0, 0]);
            }
        }
    }
    // No further transform, no colour cache, one group of codes.
    bits.write(0, 3);
    flat_codes(&mut bits, [1, 2, 3, 255, 0]);
    bits.bytes.extend([0; 64]);
    bits.bytes
}

/// A lossy WebP with a flat lossless alpha plane.
pub fn webp_lossy((width, height): (u16, u16), alpha: bool) -> Vec<u8> {
    let blocks = usize::from(width).div_ceil(16) * usize::from(height).div_ceil(16);
    let mut numbers = Numbers::new(7);
    let tokens: Vec<u8> = (0..blocks * 240 + 64).map(|_| numbers.below(256) as u8).collect();
    let frame = vp8_dense(width, height, &tokens);
    let size = (u32::from(width), u32::from(height));
    if !alpha {
        return webp_of(&[(b"VP8 ", &frame)]);
    }
    let stream = vp8l_flat(size, &[0, 1, 2]);
    // The plane lacks the five bytes of the header. Filtering: gradient.
    let plane = [&[0b1101][..], &stream[5..]].concat();
    webp_of(&[(b"VP8X", &vp8x(0x10, size.0, size.1)), (b"ALPH", &plane), (b"VP8 ", &frame)])
}

/// A lossy key frame like [`vp8`](super::containers::vp8), whose modes take few bits per block.
fn vp8_dense(width: u16, height: u16, tokens: &[u8]) -> Vec<u8> {
    let modes = 500_000_u32;
    let tag = (modes << 5 | 0x10).to_le_bytes();
    let mut bytes = [&tag[..3], b"\x9D\x01\x2A", &width.to_le_bytes(), &height.to_le_bytes()].concat();
    bytes.extend([0; 16]);
    bytes.resize(10 + modes as usize, 0xFF);
    bytes.extend(tokens);
    bytes
}

/// A small WebP with this number of empty chunks.
pub fn webp_chunks(count: usize) -> Vec<u8> {
    let stream = vp8l_flat((8, 8), &[]);
    let mut chunks: Vec<(&[u8; 4], &[u8])> = Vec::new();
    let canvas = vp8x(0, 8, 8);
    chunks.push((b"VP8X", &canvas));
    chunks.extend(std::iter::repeat_n((b"JUNK", [].as_slice()), count));
    chunks.push((b"VP8L", &stream));
    webp_of(&chunks)
}

/// A grey TIFF of one-row strips that all point to the same bytes.
pub fn tiff_shared((width, height): (u32, u32), compression: u32, strip: &[u8]) -> Vec<u8> {
    let mut entries = tiff_entries((width, height), &[8], 1, compression);
    entries.push(Entry(278, 3, vec![1]));
    entries.push(Entry(273, 4, vec![8; height as usize]));
    entries.push(Entry(279, 4, vec![strip.len() as u32; height as usize]));
    tiff_raw(entries, strip)
}

/// The same with deflate, and a directory that states a hundredth of the strips' size.
pub fn tiff_understated((width, height): (u32, u32), strip: &[u8]) -> Vec<u8> {
    let mut entries = tiff_entries((width, height), &[8], 1, 8);
    entries.push(Entry(278, 3, vec![1]));
    entries.push(Entry(273, 4, vec![8; height as usize]));
    entries.push(Entry(279, 4, vec![strip.len() as u32 / 100; height as usize]));
    tiff_raw(entries, strip)
}

/// A grey TIFF of strips of 8 rows that all begin at the same JPEG, whose scan is long and has no end. Their sizes are
/// missing.
pub fn tiff_jpeg_unsized(strips: u32) -> Vec<u8> {
    let mut jpeg = Jpeg::default().encode(&[90; 64], 8, 8, jpeg_encoder::ColorType::Luma);
    jpeg.truncate(jpeg.len() - 2);
    jpeg.resize(jpeg.len() + 60_000, 0);
    let mut entries = tiff_entries((8, 8 * strips), &[8], 1, 7);
    entries.push(Entry(278, 3, vec![8]));
    entries.push(Entry(273, 4, vec![8; strips as usize]));
    tiff_raw(entries, &jpeg)
}

/// A Zstandard frame with a window of 8 MB, and this number of blocks of 128 kB of zeros, four bytes each.
pub fn zstandard_zeros(blocks: usize) -> Vec<u8> {
    let mut bytes = b"\x28\xB5\x2F\xFD\0\x68".to_vec();
    for index in 0..blocks {
        let header = (128 << 10) << 3 | 0b010 | u32::from(index + 1 == blocks);
        bytes.extend(&header.to_le_bytes()[..3]);
        bytes.push(0);
    }
    bytes
}

/// Eight samples in LZW as in TIFF, behind codes that clear the table. `clears` is a multiple of 8.
pub fn lzw_clears(clears: usize) -> Vec<u8> {
    // A code that clears has the bits 100000000, so eight of them fill nine bytes.
    let mut bytes = [0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01, 0].repeat(clears / 8);
    let codes = [0_u32, 1, 0, 1, 0, 1, 0, 1, 257];
    let bits: Vec<u32> = codes.iter().flat_map(|code| (0..9).rev().map(move |bit| code >> bit & 1)).collect();
    bytes.extend(bits.chunks(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | *bit as u8)));
    bytes.extend([0; 8]);
    bytes
}

/// A grey TIFF whose only tile is much wider than the page.
pub fn tiff_wide_tile((width, height): (u32, u32), tile: (u32, u32)) -> Vec<u8> {
    let mut entries = tiff_entries((width, height), &[8], 1, 8);
    entries.extend([Entry(322, 4, vec![tile.0]), Entry(323, 4, vec![tile.1])]);
    let data = deflate_fast(&vec![0; tile.0 as usize * height.min(tile.1) as usize]);
    entries.extend([Entry(324, 4, vec![8]), Entry(325, 4, vec![data.len() as u32])]);
    tiff_raw(entries, &data)
}

/// A run-length bitmap of 8 × 8 pixels with this number of movements that go nowhere.
pub fn bmp_moves(count: usize) -> Vec<u8> {
    let head = [
        b"BM".as_slice(),
        &[0; 8],
        &[62, 0, 0, 0, 40, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0, 1, 0, 8, 0, 1, 0, 0, 0],
        &[0; 12],
        &[2, 0, 0, 0],
        &[0; 4],
        &[0, 64, 128, 0, 9, 9, 9, 0],
    ];
    let row = [8, 1, 0, 0];
    [head.concat(), [0, 2, 0, 0].repeat(count), row.repeat(8), vec![0, 1]].concat()
}
