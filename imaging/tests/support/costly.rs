//! Makes pictures that cost much more to decode than their size suggests, in every format. Each one has a size
//! parameter, so that tests make small ones and measurements large ones.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use super::{
    containers::{BitWriter, Entry, png_of, tiff_entries, vp8x, webp_of},
    pictures::Numbers,
};

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
fn deflate_fast(bytes: &[u8]) -> Vec<u8> {
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

fn gif_head((width, height): (u16, u16)) -> Vec<u8> {
    let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
    [b"GIF89a".as_slice(), &size, &[0x80, 0, 0, 255, 0, 0, 0, 0, 255], b"\x2C\0\0\0\0", &size, &[0]].concat()
}

/// Writes data as sub-blocks of this size.
fn sub_blocks(data: &[u8], size: usize) -> Vec<u8> {
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
                flat_codes(bits.by_ref(), [11, 3, 3, 0, 0]);
            }
            2 => {}
            _ => {
                bits.write(255, 8);
                bits.write(0, 1);
                flat_codes(bits.by_ref(), [1, 1, 1, 0, 0]);
            }
        }
    }
    // No further transform, no colour cache, one group of codes.
    bits.write(0, 3);
    flat_codes(bits.by_ref(), [1, 2, 3, 255, 0]);
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

/// The same with deflate, and a directory that states a hundredth of the strips' size. A decoder reads on.
pub fn tiff_understated((width, height): (u32, u32), strip: &[u8]) -> Vec<u8> {
    let mut entries = tiff_entries((width, height), &[8], 1, 8);
    entries.push(Entry(278, 3, vec![1]));
    entries.push(Entry(273, 4, vec![8; height as usize]));
    entries.push(Entry(279, 4, vec![strip.len() as u32 / 100; height as usize]));
    tiff_raw(entries, strip)
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

/// A little-endian TIFF whose data begins at offset 8.
pub fn tiff_raw(mut entries: Vec<Entry>, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"II*\0\0\0\0\0".to_vec();
    bytes.extend(data);
    entries.sort_by_key(|entry| entry.0);
    let mut directory = (entries.len() as u16).to_le_bytes().to_vec();
    for Entry(tag, kind, values) in &entries {
        let width = match kind {
            3 => 2,
            4 => 4,
            _ => 1,
        };
        let mut data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()[..width].to_vec()).collect();
        directory.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        directory.extend((values.len() as u32).to_le_bytes());
        if data.len() > 4 {
            directory.extend((bytes.len() as u32).to_le_bytes());
            bytes.extend(data);
        } else {
            data.resize(4, 0);
            directory.extend(data);
        }
    }
    let start = (bytes.len() as u32).to_le_bytes();
    bytes[4..8].copy_from_slice(&start);
    bytes.extend(directory);
    bytes.extend([0; 4]);
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
