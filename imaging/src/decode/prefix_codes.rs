//! Predicts how much memory a decoder needs for the prefix codes of a lossless WebP (RFC 9649, sections 3.5 to 3.7).
//! A few bytes can request tables of kilobytes, up to 327,680 times, so the size is known before a decoder builds them.
//!
//! It reads everything before the pixels. The transforms and the entropy image, which tells the group of codes of each
//! block, are small images themselves. An invalid stream gives `None`.

use std::sync::LazyLock;

/// Alphabet sizes of the five codes of a group: green and lengths, red, blue, alpha, distances.
const ALPHABET_SIZES: [usize; 5] = [256 + 24, 256, 256, 256, 40];
/// Order in which the lengths of the code length code are stored.
const CODE_LENGTH_ORDER: [usize; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// Number of bits that a decoder looks up in a table. Longer codes continue in a tree.
const TABLE_BITS: usize = 10;

/// Maximum size of a decoder's tables in bytes, or `None` for an invalid stream. Counting stops above `limit`.
pub(super) fn memory(stream: &[u8], width: u32, height: u32, limit: u64) -> Option<u64> {
    let mut bits = BitReader { bytes: stream, position: 0 };
    let mut coded_width = width;
    let mut seen_transforms = 0;
    while bits.read(1)? == 1 {
        let transform = bits.read(2)?;
        if seen_transforms & 1 << transform != 0 {
            return None;
        }
        seen_transforms |= 1 << transform;
        match transform {
            0 | 1 => {
                let block = bits.read(3)? + 2;
                read_image(&mut bits, coded_width.div_ceil(1 << block), height.div_ceil(1 << block))?;
            }
            2 => {}
            _ => {
                let colours = bits.read(8)? + 1;
                read_image(&mut bits, colours, 1)?;
                let packed = [(2, 3), (4, 2), (16, 1)].iter().find(|&&(max, _)| colours <= max);
                coded_width = coded_width.div_ceil(1 << packed.map_or(0, |&(_, bits)| bits));
            }
        }
    }
    let cache = read_cache_size(&mut bits)?;
    let mut groups = 1;
    if bits.read(1)? == 1 {
        let block = bits.read(3)? + 2;
        let entropy_image =
            read_image(&mut bits, coded_width.div_ceil(1 << block), height.div_ceil(1 << block))?;
        groups = entropy_image.iter().map(|&pixel| u64::from(pixel >> 8 & 0xFFFF) + 1).max()?;
    }
    let mut memory = 0;
    for _ in 0..groups {
        if memory > limit {
            break;
        }
        // The group itself, counted twice because the list of groups is copied when it grows.
        memory += 1024;
        for (index, alphabet) in ALPHABET_SIZES.into_iter().enumerate() {
            let cached = if index == 0 { cache } else { 0 };
            memory += PrefixCode::read(&mut bits, alphabet + cached)?.memory();
        }
    }
    Some(memory)
}

/// Reads bits, the lowest bit of each byte first.
struct BitReader<'a> {
    bytes: &'a [u8],
    /// Position in bits.
    position: usize,
}

impl BitReader<'_> {
    fn read(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for index in 0..count {
            let byte = self.bytes.get(self.position / 8)?;
            value |= u32::from(byte >> (self.position % 8) & 1) << index;
            self.position += 1;
        }
        Some(value)
    }
}

/// Reads the number of entries of the colour cache: 0 without a cache.
fn read_cache_size(bits: &mut BitReader<'_>) -> Option<usize> {
    if bits.read(1)? == 0 {
        return Some(0);
    }
    let size = bits.read(4)?;
    (1..=11).contains(&size).then_some(1 << size)
}

/// A canonical prefix code: the number of codes of each length, and the symbols in code order.
struct PrefixCode {
    counts: [u16; 16],
    symbols: Vec<u16>,
}

impl PrefixCode {
    /// Builds the code from the length of each symbol's code. Fails for an incomplete code of more than
    /// one symbol.
    fn new(lengths: &[u8]) -> Option<Self> {
        let mut counts = [0; 16];
        for &length in lengths {
            counts[usize::from(length)] += 1;
        }
        counts[0] = 0;
        let mut symbols: Vec<u16> =
            (0..lengths.len() as u16).filter(|&at| lengths[usize::from(at)] > 0).collect();
        symbols.sort_by_key(|&at| lengths[usize::from(at)]);
        let full = (1..16).fold(0_u32, |sum, length| sum + (u32::from(counts[length]) << (15 - length)));
        (symbols.len() == 1 || full == 1 << 15).then_some(Self { counts, symbols })
    }

    /// Reads one of the five codes of a group.
    fn read(bits: &mut BitReader<'_>, alphabet: usize) -> Option<Self> {
        if bits.read(1)? == 1 {
            return Self::read_simple(bits, alphabet);
        }
        let mut lengths = vec![0; alphabet];
        let count = 4 + bits.read(4)? as usize;
        let mut code_lengths = [0; 19];
        for &place in CODE_LENGTH_ORDER.get(..count)? {
            code_lengths[place] = bits.read(3)? as u8;
        }
        let code = Self::new(&code_lengths)?;
        let mut tokens = alphabet as u32;
        if bits.read(1)? == 1 {
            let width = 2 + 2 * bits.read(3)?;
            tokens = 2 + bits.read(width)?;
        }
        let (mut at, mut last) = (0, 8);
        while at < alphabet && tokens > 0 {
            tokens -= 1;
            let symbol = code.read_symbol(bits)?;
            let (value, times) = match symbol {
                16 => (last, 3 + bits.read(2)?),
                17 => (0, 3 + bits.read(3)?),
                18 => (0, 11 + bits.read(7)?),
                length => (length as u8, 1),
            };
            if value != 0 {
                last = value;
            }
            lengths.get_mut(at..at + times as usize)?.fill(value);
            at += times as usize;
        }
        Self::new(&lengths)
    }

    /// Reads a code of one or two symbols, which are stored themselves.
    fn read_simple(bits: &mut BitReader<'_>, alphabet: usize) -> Option<Self> {
        let two = bits.read(1)? == 1;
        let wide = bits.read(1)?;
        let mut symbols = vec![bits.read(1 + 7 * wide)? as u16];
        if two {
            symbols.push(bits.read(8)? as u16);
        }
        let mut counts = [0; 16];
        counts[1] = symbols.len() as u16;
        symbols.iter().all(|&symbol| usize::from(symbol) < alphabet).then_some(Self { counts, symbols })
    }

    /// Reads the next symbol. A code with a single symbol takes no bits.
    fn read_symbol(&self, bits: &mut BitReader<'_>) -> Option<u16> {
        if let [only] = self.symbols[..] {
            return Some(only);
        }
        let (mut code, mut first, mut index) = (0_u32, 0_u32, 0);
        for length in 1..16 {
            code |= bits.read(1)?;
            let count = u32::from(self.counts[length]);
            if code < first + count {
                return self.symbols.get((index + code - first) as usize).copied();
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }

    /// Size of a decoder's table and tree in bytes: four per table entry, and two nodes of sixteen for a longer code.
    fn memory(&self) -> u64 {
        let longest = (0..16).rev().find(|&length| self.counts[length] > 0).unwrap_or(0);
        let long: u64 = self.counts.iter().skip(TABLE_BITS + 1).map(|&count| u64::from(count)).sum();
        if self.symbols.len() == 1 { 0 } else { (4 << longest.min(TABLE_BITS)) + 64 * long + 64 }
    }
}

/// Reads a small image as 0xAARRGGBB: one group of codes, back references and perhaps a colour cache.
fn read_image(bits: &mut BitReader<'_>, width: u32, height: u32) -> Option<Vec<u32>> {
    let mut cache = vec![0; read_cache_size(bits)?];
    let shift = 32 - cache.len().max(2).ilog2();
    let mut codes = Vec::with_capacity(5);
    for (index, alphabet) in ALPHABET_SIZES.into_iter().enumerate() {
        codes.push(PrefixCode::read(bits, alphabet + if index == 0 { cache.len() } else { 0 })?);
    }
    let total = width as usize * height as usize;
    let mut pixels: Vec<u32> = Vec::with_capacity(total);
    while pixels.len() < total {
        let start = pixels.len();
        match u32::from(codes[0].read_symbol(bits)?) {
            green @ 0..256 => {
                let mut next = |code: usize| codes[code].read_symbol(bits).map(u32::from);
                let (red, blue, alpha) = (next(1)?, next(2)?, next(3)?);
                pixels.push(alpha << 24 | red << 16 | green << 8 | blue);
            }
            length @ 256..280 => {
                let length = read_number(bits, length - 256)? as usize;
                let symbol = codes[4].read_symbol(bits)?;
                let distance = distance(read_number(bits, symbol.into())?, width) as usize;
                let from = start.checked_sub(distance).filter(|_| length <= total - start)?;
                (from..from + length).for_each(|at| pixels.push(pixels[at]));
            }
            cached => pixels.push(*cache.get(cached as usize - 280)?),
        }
        if !cache.is_empty() {
            for &pixel in &pixels[start..] {
                cache[(pixel.wrapping_mul(0x1E35_A7BD) >> shift) as usize] = pixel;
            }
        }
    }
    Some(pixels)
}

/// Reads a length or distance. Small values are symbols themselves; larger ones have extra bits.
fn read_number(bits: &mut BitReader<'_>, symbol: u32) -> Option<u32> {
    if symbol < 4 {
        return Some(symbol + 1);
    }
    let extra = (symbol - 2) >> 1;
    Some(((2 + (symbol & 1)) << extra) + bits.read(extra)? + 1)
}

/// The first 120 distance codes stand for neighbours in the same row and the rows above, nearest first.
static NEIGHBOURS: LazyLock<Vec<(i32, i32)>> = LazyLock::new(|| {
    let all = (0..8).flat_map(|y| (-7..=8).map(move |x| (x, y)));
    let mut neighbours: Vec<_> = all.filter(|&(x, y)| y > 0 || x > 0).collect();
    neighbours.sort_by_key(|&(x, y): &(i32, i32)| (x * x + y * y, x.abs(), x < 0));
    neighbours
});

/// Converts a distance code to a distance in pixels.
fn distance(code: u32, width: u32) -> u32 {
    let near = NEIGHBOURS.len() as u32;
    if code > near {
        return code - near;
    }
    let (x, y) = NEIGHBOURS[code as usize - 1];
    (y * width as i32 + x).max(1) as u32
}
