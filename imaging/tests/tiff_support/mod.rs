//! Encodes TIFF in every compression, depth and arrangement. The tests of this crate use it, with its crates.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

pub mod fax;

use crate::support::{
    containers::deflate,
    tiff_writer::{Entry, TiffWriter},
};

pub const STRIPS: (u16, u16) = (273, 279);
pub const TILES: (u16, u16) = (324, 325);

pub const PLAIN: u32 = 1;
pub const LZW: u32 = 5;
pub const DEFLATE: u32 = 8;
pub const PACK_BITS: u32 = 32_773;
pub const ZSTANDARD: u32 = 50_000;

/// How a page is stored.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // they are independent of each other
pub struct Variant {
    pub width: u32,
    pub height: u32,
    pub compression: u32,
    pub photometric: u32,
    pub depth: u32,
    pub samples: u32,
    /// Width and height of a tile.
    pub tile: Option<(u32, u32)>,
    pub rows_per_strip: u32,
    pub planar: bool,
    pub predictor: bool,
    pub reversed_bits: bool,
    pub big_endian: bool,
    /// Further entries.
    pub entries: Vec<Entry>,
}

impl Variant {
    pub fn new(width: u32, height: u32, photometric: u32, samples: u32) -> Self {
        Self {
            width,
            height,
            compression: PLAIN,
            photometric,
            depth: 8,
            samples,
            tile: None,
            rows_per_strip: height,
            planar: false,
            predictor: false,
            reversed_bits: false,
            big_endian: false,
            entries: Vec::new(),
        }
    }

    /// Encodes the samples of all pixels.
    pub fn encode(&self, values: &[u16]) -> Vec<u8> {
        assert_eq!(values.len() as u32, self.width * self.height * self.samples);
        let (across, down) = self.tile.unwrap_or((self.width, self.rows_per_strip));
        let planes: Vec<Vec<u32>> = if self.planar {
            (0..self.samples).map(|sample| vec![sample]).collect()
        } else {
            vec![(0..self.samples).collect()]
        };
        let mut chunks = Vec::new();
        for plane in &planes {
            for top in (0..self.height).step_by(down as usize) {
                for left in (0..self.width).step_by(across as usize) {
                    // Tiles are padded, and the last strip is not.
                    let bottom = if self.tile.is_some() { top + down } else { self.height.min(top + down) };
                    let rows = (top..bottom).flat_map(|y| self.row(values, plane, y, left, left + across));
                    chunks.push(self.compress(&rows.collect::<Vec<u8>>()));
                }
            }
        }
        let mut writer = TiffWriter::new(self.big_endian);
        let mut entries = self.entries.clone();
        entries.extend(writer.chunks(if self.tile.is_some() { TILES } else { STRIPS }, &chunks));
        entries.extend(self.describe());
        writer.page(entries);
        writer.bytes
    }

    fn describe(&self) -> Vec<Entry> {
        let mut entries = vec![
            Entry(256, 4, vec![self.width]),
            Entry(257, 4, vec![self.height]),
            Entry(258, 3, vec![self.depth; self.samples as usize]),
            Entry(259, 3, vec![self.compression]),
            Entry(262, 3, vec![self.photometric]),
            Entry(266, 3, vec![if self.reversed_bits { 2 } else { 1 }]),
            Entry(277, 3, vec![self.samples]),
            Entry(284, 3, vec![if self.planar { 2 } else { 1 }]),
            Entry(317, 3, vec![if self.predictor { 2 } else { 1 }]),
        ];
        match self.tile {
            Some((across, down)) => entries.extend([Entry(322, 3, vec![across]), Entry(323, 3, vec![down])]),
            None => entries.push(Entry(278, 4, vec![self.rows_per_strip])),
        }
        entries
    }

    /// Packs a row of a chunk. Outside of the page there is padding.
    fn row(&self, values: &[u16], plane: &[u32], y: u32, left: u32, right: u32) -> Vec<u8> {
        let value = |x: u32, sample: u32| {
            let inside = x < self.width && y < self.height;
            if inside {
                values[((y * self.width + x) * self.samples + sample) as usize]
            } else {
                0x1234 & self.max()
            }
        };
        let mut row: Vec<u16> =
            (left..right).flat_map(|x| plane.iter().map(move |&sample| value(x, sample))).collect();
        if self.predictor {
            let step = plane.len();
            for index in (step..row.len()).rev() {
                row[index] = row[index].wrapping_sub(row[index - step]) & self.max();
            }
        }
        match self.depth {
            16 if self.big_endian => row.iter().flat_map(|value| value.to_be_bytes()).collect(),
            16 => row.iter().flat_map(|value| value.to_le_bytes()).collect(),
            depth => {
                let bits: Vec<u16> =
                    row.iter().flat_map(|value| (0..depth).rev().map(move |bit| value >> bit & 1)).collect();
                let byte = |bits: &[u16]| {
                    bits.iter().fold(0, |byte, bit| byte << 1 | *bit as u8) << (8 - bits.len())
                };
                bits.chunks(8).map(byte).collect()
            }
        }
    }

    /// The greatest value of a sample.
    pub fn max(&self) -> u16 {
        u16::MAX >> (16 - self.depth)
    }

    fn compress(&self, bytes: &[u8]) -> Vec<u8> {
        let mut data = match self.compression {
            PLAIN => bytes.to_vec(),
            PACK_BITS => pack_bits(bytes),
            LZW => {
                weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(bytes).unwrap()
            }
            DEFLATE => deflate(bytes),
            ZSTANDARD => zstandard(bytes),
            other => panic!("no encoder for compression {other}"),
        };
        if self.reversed_bits {
            for byte in &mut data {
                *byte = byte.reverse_bits();
            }
        }
        data
    }
}

/// Compresses with `PackBits` (TIFF 6.0, section 9): runs, and single bytes as literals.
pub fn pack_bits(row: &[u8]) -> Vec<u8> {
    let runs = row.chunk_by(|a, b| a == b).flat_map(|run| run.chunks(128));
    runs.flat_map(|run| [if run.len() == 1 { 0 } else { (257 - run.len()) as u8 }, run[0]]).collect()
}

pub fn zstandard(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}
