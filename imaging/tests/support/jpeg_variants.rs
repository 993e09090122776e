//! Writes JPEGs with any sampling factors, scans and restarts (ITU-T T.81), which the encoders at hand do not. Each
//! component is a smooth plane, so that two decoders that interpolate in different ways agree.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

/// The order of coefficients (T.81 figure A.6).
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// The step of all quantisation.
const STEP: f64 = 3.0;

/// How a picture is coded.
#[derive(Debug, Clone)]
pub struct Variant {
    pub width: u32,
    pub height: u32,
    /// Sampling factors of each component: one of grey, three, or four.
    pub factors: Vec<(u8, u8)>,
    /// The components of each scan, by index. In a progressive picture, of each scan of DC coefficients; each
    /// component's AC coefficients follow in the order of these.
    pub scans: Vec<Vec<usize>>,
    pub progressive: bool,
    /// Units between two restart markers; 0 for none.
    pub restart: u16,
    pub color: Color,
    /// By how many levels a component grows at most along the longest side.
    pub slope: f64,
    pub seed: u64,
}

/// What the components mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// Grey, or YCbCr where there are three components.
    YCbCr,
    Rgb,
    Cmyk,
    Ycck,
}

/// The quantised coefficients of a component, padded to whole interleaved units. `alone` is without the padding.
struct Plane {
    blocks: Vec<[i32; 64]>,
    across: usize,
    alone: (usize, usize),
    factors: (usize, usize),
}

impl Variant {
    /// Writes the file.
    pub fn encode(&self) -> Vec<u8> {
        let planes = self.planes();
        let mut bytes = self.header();
        for scan in &self.scans {
            let last = if self.progressive { 0 } else { 63 };
            self.scan(&mut bytes, &planes, scan, 0, last);
        }
        if self.progressive {
            for index in self.scans.iter().flatten() {
                self.scan(&mut bytes, &planes, &[*index], 1, 63);
            }
        }
        bytes.extend(b"\xFF\xD9");
        bytes
    }

    /// The largest factors.
    fn max_factors(&self) -> (usize, usize) {
        let max = |pick: fn(&(u8, u8)) -> u8| self.factors.iter().map(pick).max().unwrap().into();
        (max(|f| f.0), max(|f| f.1))
    }

    fn planes(&self) -> Vec<Plane> {
        let (h_max, v_max) = self.max_factors();
        let (width, height) = (self.width as usize, self.height as usize);
        let plane = |(index, &(h, v)): (usize, &(u8, u8))| {
            let factors = if self.factors.len() == 1 { (1, 1) } else { (usize::from(h), usize::from(v)) };
            let max = if self.factors.len() == 1 { (1, 1) } else { (h_max, v_max) };
            let size = ((width * factors.0).div_ceil(max.0), (height * factors.1).div_ceil(max.1));
            let across = width.div_ceil(8 * max.0) * factors.0;
            let down = height.div_ceil(8 * max.1) * factors.1;
            let [mean, right, below] = choices(self.seed, index as u64);
            let (middle, right, below) = (128.0 + 45.0 * mean, self.slope * right, self.slope * below);
            let longest = width.max(height) as f64;
            let sample = |x: usize, y: usize| {
                let at = |at: usize, size: usize, factor: usize, max: usize| {
                    ((at.min(size - 1) as f64 + 0.5) * max as f64 / factor as f64) / longest - 0.5
                };
                let value = middle
                    + right * at(x, size.0, factors.0, max.0)
                    + below * at(y, size.1, factors.1, max.1);
                value.round() - 128.0
            };
            let blocks = (0..down).flat_map(|by| (0..across).map(move |bx| (bx * 8, by * 8)));
            let blocks = blocks.map(|(x, y)| transform(&|u, v| sample(x + u, y + v))).collect();
            Plane { blocks, across, alone: (size.0.div_ceil(8), size.1.div_ceil(8)), factors }
        };
        self.factors.iter().enumerate().map(plane).collect()
    }

    /// All segments before the first scan.
    fn header(&self) -> Vec<u8> {
        let mut bytes = vec![0xFF, 0xD8];
        if self.factors.len() == 4 {
            let transform = if self.color == Color::Ycck { 2 } else { 0 };
            bytes.extend(segment(0xEE, &[b"Adobe\0\x64\0\0\0\0".as_slice(), &[transform]].concat()));
        }
        bytes.extend(segment(0xDB, &[&[0][..], &[STEP as u8; 64]].concat()));
        let [h1, h2] = (self.height as u16).to_be_bytes();
        let [w1, w2] = (self.width as u16).to_be_bytes();
        let mut frame = vec![8, h1, h2, w1, w2, self.factors.len() as u8];
        for (index, (h, v)) in self.factors.iter().enumerate() {
            frame.extend([self.id(index), h << 4 | v, 0]);
        }
        bytes.extend(segment(if self.progressive { 0xC2 } else { 0xC0 }, &frame));
        bytes.extend(segment(0xC4, &code_table(0, 4, &DC_SYMBOLS)));
        bytes.extend(segment(0xC4, &code_table(0x10, 8, &ac_symbols())));
        if self.restart > 0 {
            bytes.extend(segment(0xDD, &self.restart.to_be_bytes()));
        }
        bytes
    }

    fn id(&self, index: usize) -> u8 {
        if self.color == Color::Rgb { b"RGB"[index] } else { index as u8 + 1 }
    }

    /// Writes a scan of the coefficients `first..=last`.
    fn scan(&self, bytes: &mut Vec<u8>, planes: &[Plane], components: &[usize], first: usize, last: usize) {
        let mut header = vec![components.len() as u8];
        header.extend(components.iter().flat_map(|&index| [self.id(index), 0]));
        header.extend([first as u8, last as u8, 0]);
        bytes.extend(segment(0xDA, &header));
        let mut coder = Coder { bytes, bits: 0, count: 0 };
        let mut predictions = [0; 4];
        for (number, unit) in units(self, planes, components).into_iter().enumerate() {
            let restart = usize::from(self.restart);
            if restart > 0 && number > 0 && number % restart == 0 {
                coder.align();
                coder.bytes.extend([0xFF, 0xD0 + ((number / restart - 1) % 8) as u8]);
                predictions = [0; 4];
            }
            for (index, at) in unit {
                coder.block(&planes[index].blocks[at], &mut predictions[index], first, last);
            }
        }
        coder.align();
    }
}

/// Three numbers from -1 to 1 for each component.
fn choices(seed: u64, index: u64) -> [f64; 3] {
    let hash = (seed ^ index << 32).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    [40, 24, 8].map(|shift: u32| ((hash ^ hash >> 29) >> shift & 0xFF) as f64 / 127.5 - 1.0)
}

/// The units of a scan: for each, the component and the index of each of its blocks.
fn units(variant: &Variant, planes: &[Plane], components: &[usize]) -> Vec<Vec<(usize, usize)>> {
    if let &[index] = components {
        let plane = &planes[index];
        let (across, down) = plane.alone;
        return (0..down)
            .flat_map(|y| (0..across).map(move |x| vec![(index, y * plane.across + x)]))
            .collect();
    }
    let (h_max, v_max) = variant.max_factors();
    let (across, down) =
        ((variant.width as usize).div_ceil(8 * h_max), (variant.height as usize).div_ceil(8 * v_max));
    let unit = |ux: usize, uy: usize| {
        let blocks = components.iter().flat_map(|&index| {
            let Plane { factors: (h, v), across, .. } = planes[index];
            (0..v).flat_map(move |y| (0..h).map(move |x| (index, (uy * v + y) * across + ux * h + x)))
        });
        blocks.collect()
    };
    (0..down).flat_map(|y| (0..across).map(move |x| (x, y))).map(|(x, y)| unit(x, y)).collect()
}

/// The quantised discrete cosine transform of a block (T.81 A.3.3).
fn transform(sample: &dyn Fn(usize, usize) -> f64) -> [i32; 64] {
    use std::f64::consts::{FRAC_1_SQRT_2, PI};
    let cosine = |at: usize, frequency: usize| ((2 * at + 1) as f64 * frequency as f64 * PI / 16.0).cos();
    let norm = |frequency: usize| if frequency == 0 { FRAC_1_SQRT_2 } else { 1.0 };
    let mut rows = [[0.0; 8]; 8];
    for (y, row) in rows.iter_mut().enumerate() {
        let samples: [f64; 8] = std::array::from_fn(|x| sample(x, y));
        for (u, sum) in row.iter_mut().enumerate() {
            *sum = (0..8).map(|x| samples[x] * cosine(x, u)).sum();
        }
    }
    std::array::from_fn(|index| {
        let (v, u) = (index / 8, index % 8);
        let sum: f64 = (0..8).map(|y| rows[y][u] * cosine(y, v)).sum();
        (sum * norm(u) * norm(v) / 4.0 / STEP).round() as i32
    })
}

const DC_SYMBOLS: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

/// End of block, sixteen zeros, and all runs and sizes: their codes have eight bits each.
fn ac_symbols() -> Vec<u8> {
    [0, 0xF0].into_iter().chain((0..16).flat_map(|run| (1..=10).map(move |size| run << 4 | size))).collect()
}

/// A Huffman table whose codes all have the same length.
fn code_table(class: u8, length: usize, symbols: &[u8]) -> Vec<u8> {
    let mut counts = [0; 16];
    counts[length - 1] = symbols.len() as u8;
    [&[class][..], &counts, symbols].concat()
}

pub fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    [&[0xFF, marker][..], &(payload.len() as u16 + 2).to_be_bytes(), payload].concat()
}

/// Writes entropy-coded data.
struct Coder<'a> {
    bytes: &'a mut Vec<u8>,
    bits: u32,
    count: u32,
}

impl Coder<'_> {
    fn write(&mut self, value: u32, length: u32) {
        for at in (0..length).rev() {
            self.bits = self.bits << 1 | value >> at & 1;
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.bits as u8);
                if self.bits as u8 == 0xFF {
                    self.bytes.push(0);
                }
                (self.bits, self.count) = (0, 0);
            }
        }
    }

    /// Fills the last byte with ones.
    fn align(&mut self) {
        while self.count > 0 {
            self.write(1, 1);
        }
    }

    /// Writes the bits of a coefficient.
    fn value(&mut self, value: i32, size: u32) {
        self.write(if value < 0 { value + (1 << size) - 1 } else { value } as u32, size);
    }

    /// Writes a run of zeros and the coefficient behind it.
    fn coefficient(&mut self, run: usize, value: i32) {
        for _ in 0..run / 16 {
            self.write(1, 8);
        }
        let size = size_of(value);
        self.write(2 + (run % 16) as u32 * 10 + size - 1, 8);
        self.value(value, size);
    }

    fn block(&mut self, block: &[i32; 64], prediction: &mut i32, first: usize, last: usize) {
        if first == 0 {
            let difference = block[0] - *prediction;
            *prediction = block[0];
            let size = size_of(difference);
            self.write(size, 4);
            self.value(difference, size);
        }
        let mut run = 0;
        for &at in &ZIGZAG[first.max(1)..=last] {
            if block[at] == 0 {
                run += 1;
            } else {
                self.coefficient(run, block[at]);
                run = 0;
            }
        }
        if run > 0 && last > 0 {
            self.write(0, 8);
        }
    }
}

/// Number of bits of a value.
fn size_of(value: i32) -> u32 {
    32 - value.unsigned_abs().leading_zeros()
}
