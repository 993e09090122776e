//! Builds picture files byte by byte, from arbitrary chunks, segments and directories.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

pub use super::tiff_writer::Entry;
use super::tiff_writer::TiffWriter;

/// An EXIF block that contains only an orientation.
pub fn exif(orientation: u16) -> Vec<u8> {
    let [low, high] = orientation.to_le_bytes();
    [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[low, high, 0, 0, 0, 0, 0, 0]].concat()
}

/// A PNG with these chunks.
pub fn png_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1A\n".to_vec();
    for (name, data) in chunks {
        bytes.extend((data.len() as u32).to_be_bytes());
        let body = [name.as_slice(), data].concat();
        bytes.extend(&body);
        bytes.extend(crc(&body).to_be_bytes());
    }
    bytes
}

/// CRC-32 as in PNG (and ZIP).
pub fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// Compresses to a zlib stream.
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

/// A WebP with these RIFF chunks.
pub fn webp_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (name, data) in chunks {
        body.extend(riff(**name, data));
    }
    riff(*b"RIFF", &body)
}

/// One RIFF chunk.
pub fn riff(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = [name.as_slice(), &(data.len() as u32).to_le_bytes(), data].concat();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

/// A lossy key frame (RFC 6386) with a header and modes of zeros, which give a uniform grey, followed by these tokens.
/// Any bit string is a valid sequence of tokens, if its first byte is below 255: the value of an arithmetic code is below its
/// range, which begins at 255.
pub fn vp8(width: u16, height: u16, tokens: &[u8]) -> Vec<u8> {
    let blocks = u32::from(width).div_ceil(16) * u32::from(height).div_ceil(16);
    let modes = 200 + 8 * blocks.min(4096);
    let tag = (modes << 5 | 0x10).to_le_bytes();
    let mut bytes = [&tag[..3], b"\x9D\x01\x2A", &width.to_le_bytes(), &height.to_le_bytes()].concat();
    bytes.resize(bytes.len() + modes as usize, 0);
    let first = bytes.len();
    bytes.extend(tokens);
    if let Some(byte) = bytes.get_mut(first) {
        *byte &= 0x7F;
    }
    bytes
}

/// Writes bits, the lowest bit of each byte first.
#[derive(Default)]
pub struct BitWriter {
    pub bytes: Vec<u8>,
    filled: usize,
}

impl BitWriter {
    pub fn write(&mut self, value: u32, count: usize) {
        for index in 0..count {
            if self.filled.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.len() - 1;
            self.bytes[last] |= ((value >> index & 1) as u8) << (self.filled % 8);
            self.filled += 1;
        }
    }

    /// Continues at the next whole byte.
    pub fn align(&mut self) {
        self.filled = 8 * self.bytes.len();
    }
}

/// A lossless picture of 8x8 pixels that requests this number of groups of prefix codes. Each group takes few bits, but
/// needs tables of full size.
pub fn vp8l_groups(groups: u32) -> Vec<u8> {
    let mut bits = BitWriter::default();
    for (value, count) in [(0x2F, 8), (7, 14), (7, 14), (0, 4)] {
        bits.write(value, count);
    }
    // No transform, no colour cache, a group for each block of 4x4, no colour cache in the entropy image.
    for (value, count) in [(0, 1), (0, 1), (1, 1), (0, 3), (0, 1)] {
        bits.write(value, count);
    }
    // Every block uses the last group: codes of one symbol for green, red, blue, alpha and distance.
    for symbol in [(groups - 1) & 255, (groups - 1) >> 8, 0, 0, 0] {
        bits.write(0b101, 3);
        bits.write(symbol, 8);
    }
    for _ in 0..groups * 5 {
        full_table(&mut bits);
    }
    bits.bytes.extend([0; 64]);
    bits.bytes
}

/// Writes the code lengths 1, 2, 3, ..., 9, 10, 10. The code length code uses three bits for 1 to 6 and four for 7 to
/// 10.
fn full_table(bits: &mut BitWriter) {
    bits.write(0, 1);
    bits.write(15, 4);
    for length in [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] {
        bits.write(
            match length {
                1..=6 => 3,
                7..=10 => 4,
                _ => 0,
            },
            3,
        );
    }
    // Eleven tokens: a flag, the width of the number of tokens, and that number minus two.
    bits.write(0b0011, 4);
    bits.write(9, 4);
    for length in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10] {
        let (code, count) = if length <= 6 { (length - 1, 3) } else { (12 + length - 7, 4) };
        for bit in (0..count).rev() {
            bits.write(code >> bit, 1);
        }
    }
}

/// The canvas chunk of an extended WebP.
pub fn vp8x(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
    [vec![flags, 0, 0, 0], side(width), side(height)].concat()
}

/// One frame of an animated WebP: position, size, bitstream chunk.
pub fn anmf(x: u32, y: u32, (width, height): (u32, u32), bitstream: &[u8]) -> Vec<u8> {
    let three = |value: u32| value.to_le_bytes()[..3].to_vec();
    [three(x / 2), three(y / 2), three(width - 1), three(height - 1), three(100), vec![0], bitstream.to_vec()]
        .concat()
}

/// A little-endian TIFF with these strips or tiles. Adds the entries for their offsets and lengths (`chunk_tags`).
pub fn tiff_of(mut entries: Vec<Entry>, chunk_tags: (u16, u16), chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = TiffWriter::new(false);
    entries.extend(writer.chunks(chunk_tags, chunks));
    writer.page(entries);
    writer.bytes
}

/// A little-endian TIFF with these entries, whose data begins at offset 8.
pub fn tiff_raw(entries: Vec<Entry>, data: &[u8]) -> Vec<u8> {
    let mut writer = TiffWriter::new(false);
    writer.bytes.extend(data);
    writer.page(entries);
    writer.bytes
}

/// The entries that describe a page's samples.
pub fn tiff_entries(
    (width, height): (u32, u32),
    depths: &[u32],
    photometric: u32,
    compression: u32,
) -> Vec<Entry> {
    vec![
        Entry(256, 4, vec![width]),
        Entry(257, 4, vec![height]),
        Entry(258, 3, depths.to_vec()),
        Entry(259, 3, vec![compression]),
        Entry(262, 3, vec![photometric]),
        Entry(277, 3, vec![depths.len() as u32]),
    ]
}

/// A CMYK profile with one table of two grid points per channel (ICC.1:2010, 10.8, `lut8Type`). Black ink gives black,
/// yellow ink gives red, and everything else gives white.
pub fn ink_profile() -> Vec<u8> {
    let mut table = b"mft1\0\0\0\0\x04\x03\x02\0".to_vec();
    for (row, column) in (0..9).map(|at| (at / 3, at % 3)) {
        table.extend(if row == column { 0x1_0000_u32 } else { 0 }.to_be_bytes());
    }
    let curve: Vec<u8> = (0..=255).collect();
    table.extend(curve.repeat(4));
    for corner in 0..16_u8 {
        let (yellow, black) = (corner >> 1 & 1, corner & 1);
        table.extend(match (yellow, black) {
            (_, 1) => [0, 128, 128],
            (1, 0) => [136, 208, 195],
            _ => [255, 128, 128],
        });
    }
    table.extend(curve.repeat(3));
    lab_profile(b"prtrCMYKLab ", &table)
}

/// A profile with one table from a device's samples to CIELAB. `kind` is the class, the colour space and that of the table.
pub fn lab_profile(kind: &[u8; 12], table: &[u8]) -> Vec<u8> {
    let mut profile = vec![0; 128];
    profile[8..12].copy_from_slice(&[2, 0x10, 0, 0]);
    profile[12..24].copy_from_slice(kind);
    profile[36..40].copy_from_slice(b"acsp");
    profile[68..80].copy_from_slice(&[0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D]);
    profile.extend(1_u32.to_be_bytes());
    profile.extend(b"A2B0");
    profile.extend(144_u32.to_be_bytes());
    profile.extend((table.len() as u32).to_be_bytes());
    profile.extend(table);
    let length = (profile.len() as u32).to_be_bytes();
    profile[..4].copy_from_slice(&length);
    profile
}
