//! How much memory the prefix codes of a lossless WebP will take (RFC 9649, sections 3.5 to 3.7), found before a
//! decoder builds them: a few bytes can ask for tables of kilobytes, 327,680 times.
//!
//! Everything before the pixels is read: transforms, and the image that tells which group of codes a block uses,
//! are small images of their own. The pixels are not.

use std::sync::LazyLock;

/// Symbols of the five codes of a group: green with lengths, red, blue, alpha, distances.
const ALPHABETS: [usize; 5] = [256 + 24, 256, 256, 256, 40];
/// The order in which the lengths of the code that codes lengths are stored.
const LENGTH_ORDER: [usize; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// What a decoder looks up at once; longer codes go on in a tree.
const TABLE_BITS: usize = 10;

/// Bytes that a decoder's tables for a stream of this picture take at most, or `None` for a stream that makes no
/// sense. Counting stops at `enough`.
pub(super) fn memory(stream: &[u8], width: u32, height: u32, enough: u64) -> Option<u64> {
    let mut bits = Bits { bytes: stream, at: 0 };
    let mut across = width;
    let mut seen = 0;
    while bits.read(1)? == 1 {
        let transform = bits.read(2)?;
        if seen & 1 << transform != 0 {
            return None;
        }
        seen |= 1 << transform;
        match transform {
            0 | 1 => {
                let block = bits.read(3)? + 2;
                image(&mut bits, across.div_ceil(1 << block), height.div_ceil(1 << block))?;
            }
            2 => {}
            _ => {
                let colours = bits.read(8)? + 1;
                image(&mut bits, colours, 1)?;
                let packed = [(2, 3), (4, 2), (16, 1)].iter().find(|&&(most, _)| colours <= most);
                across = across.div_ceil(1 << packed.map_or(0, |&(_, bits)| bits));
            }
        }
    }
    let cache = cache_size(&mut bits)?;
    let mut groups = 1;
    if bits.read(1)? == 1 {
        let block = bits.read(3)? + 2;
        let used = image(&mut bits, across.div_ceil(1 << block), height.div_ceil(1 << block))?;
        groups = used.iter().map(|&pixel| u64::from(pixel >> 8 & 0xFFFF) + 1).max()?;
    }
    let mut memory = 0;
    for _ in 0..groups {
        if memory > enough {
            break;
        }
        // The group itself, twice while a list of them grows.
        memory += 1024;
        for (index, alphabet) in ALPHABETS.into_iter().enumerate() {
            let cached = if index == 0 { cache } else { 0 };
            memory += Code::read(&mut bits, alphabet + cached)?.memory();
        }
    }
    Some(memory)
}

/// Bits from the lowest of each byte on. Behind the end there is nothing.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn read(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for index in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value |= u32::from(byte >> (self.at % 8) & 1) << index;
            self.at += 1;
        }
        Some(value)
    }
}

/// How many colours the cache holds; 0 where there is none.
fn cache_size(bits: &mut Bits<'_>) -> Option<usize> {
    if bits.read(1)? == 0 {
        return Some(0);
    }
    let size = bits.read(4)?;
    (1..=11).contains(&size).then_some(1 << size)
}

/// A canonical prefix code: how many codes there are of each length, and their symbols in order.
struct Code {
    counts: [u16; 16],
    symbols: Vec<u16>,
}

impl Code {
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

    /// One of the five codes of a group.
    fn read(bits: &mut Bits<'_>, alphabet: usize) -> Option<Self> {
        if bits.read(1)? == 1 {
            return Self::read_simple(bits, alphabet);
        }
        let mut lengths = vec![0; alphabet];
        let count = 4 + bits.read(4)? as usize;
        let mut of_lengths = [0; 19];
        for &place in LENGTH_ORDER.get(..count)? {
            of_lengths[place] = bits.read(3)? as u8;
        }
        let code = Self::new(&of_lengths)?;
        let mut tokens = alphabet as u32;
        if bits.read(1)? == 1 {
            let width = 2 + 2 * bits.read(3)?;
            tokens = 2 + bits.read(width)?;
        }
        let (mut at, mut last) = (0, 8);
        while at < alphabet && tokens > 0 {
            tokens -= 1;
            let symbol = code.symbol(bits)?;
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

    /// A code of one or two symbols, as they come.
    fn read_simple(bits: &mut Bits<'_>, alphabet: usize) -> Option<Self> {
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

    /// The next symbol. A code of a single one takes no bits.
    fn symbol(&self, bits: &mut Bits<'_>) -> Option<u16> {
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

    /// Bytes of a decoder's table and tree: four an entry, and two nodes of sixteen a longer code.
    fn memory(&self) -> u64 {
        let longest = (0..16).rev().find(|&length| self.counts[length] > 0).unwrap_or(0);
        let long: u64 = self.counts.iter().skip(TABLE_BITS + 1).map(|&count| u64::from(count)).sum();
        if self.symbols.len() == 1 { 0 } else { (4 << longest.min(TABLE_BITS)) + 64 * long + 64 }
    }
}

/// A small image, as 0xAARRGGBB: one group of codes, back references and perhaps a colour cache.
fn image(bits: &mut Bits<'_>, width: u32, height: u32) -> Option<Vec<u32>> {
    let mut cache = vec![0; cache_size(bits)?];
    let shift = 32 - cache.len().max(2).ilog2();
    let mut codes = Vec::with_capacity(5);
    for (index, alphabet) in ALPHABETS.into_iter().enumerate() {
        codes.push(Code::read(bits, alphabet + if index == 0 { cache.len() } else { 0 })?);
    }
    let total = width as usize * height as usize;
    let mut pixels: Vec<u32> = Vec::with_capacity(total);
    while pixels.len() < total {
        let start = pixels.len();
        match u32::from(codes[0].symbol(bits)?) {
            green @ 0..256 => {
                let mut next = |code: usize| codes[code].symbol(bits).map(u32::from);
                let (red, blue, alpha) = (next(1)?, next(2)?, next(3)?);
                pixels.push(alpha << 24 | red << 16 | green << 8 | blue);
            }
            length @ 256..280 => {
                let length = number(bits, length - 256)? as usize;
                let symbol = codes[4].symbol(bits)?;
                let distance = distance(number(bits, symbol.into())?, width) as usize;
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

/// A length or distance: small ones are symbols, larger ones have bits behind them.
fn number(bits: &mut Bits<'_>, symbol: u32) -> Option<u32> {
    if symbol < 4 {
        return Some(symbol + 1);
    }
    let extra = (symbol - 2) >> 1;
    Some(((2 + (symbol & 1)) << extra) + bits.read(extra)? + 1)
}

/// The first 120 distances stand for neighbours on the rows above, the nearest first.
static NEIGHBOURS: LazyLock<Vec<(i32, i32)>> = LazyLock::new(|| {
    let all = (0..8).flat_map(|y| (-7..=8).map(move |x| (x, y)));
    let mut neighbours: Vec<_> = all.filter(|&(x, y)| y > 0 || x > 0).collect();
    neighbours.sort_by_key(|&(x, y): &(i32, i32)| (x * x + y * y, x.abs(), x < 0));
    neighbours
});

fn distance(code: u32, width: u32) -> u32 {
    let near = NEIGHBOURS.len() as u32;
    if code > near {
        return code - near;
    }
    let (x, y) = NEIGHBOURS[code as usize - 1];
    (y * width as i32 + x).max(1) as u32
}
