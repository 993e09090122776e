//! Whether the partitions of a lossy WebP frame are within it (RFC 6386, section 9.5), found before a decoder makes
//! room for them: each states its size, up to 16 MB, and there may be eight.

/// Whether the frame holds all the partitions that it lists.
pub(super) fn fit(frame: &[u8]) -> bool {
    measure(frame).is_some()
}

/// What is left for the last partition.
fn measure(frame: &[u8]) -> Option<usize> {
    let &[t1, t2, t3] = frame.first_chunk()?;
    let first = (u32::from_le_bytes([t1, t2, t3, 0]) >> 5) as usize;
    let body = frame.get(10..)?;
    let (first, rest) = body.split_at_checked(first)?;
    let listed = (1 << partition_bits(first)) - 1;
    let (sizes, rest) = rest.split_at_checked(3 * listed)?;
    let size = |bytes: &[u8; 3]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) as usize;
    rest.len().checked_sub(sizes.as_chunks().0.iter().map(size).sum())
}

/// How many bits it takes to count the partitions: the header is read up to there.
fn partition_bits(first: &[u8]) -> u32 {
    let mut bits = Bits::new(first);
    // Colour space and clamping.
    bits.read(2);
    if bits.read(1) == 1 {
        segments(&mut bits);
    }
    // The loop filter: kind, level, sharpness, and its changes by reference and mode.
    bits.read(1 + 6 + 3);
    if bits.read(1) == 1 && bits.read(1) == 1 {
        (0..8).for_each(|_| bits.skip_signed(6));
    }
    bits.read(2)
}

/// Section 9.3.
fn segments(bits: &mut Bits<'_>) {
    let (map, features) = (bits.read(1) == 1, bits.read(1) == 1);
    if features {
        bits.read(1);
        (0..4).for_each(|_| bits.skip_signed(7));
        (0..4).for_each(|_| bits.skip_signed(6));
    }
    if map {
        for _ in 0..3 {
            if bits.read(1) == 1 {
                bits.read(8);
            }
        }
    }
}

/// The boolean decoder (section 7) for bits that are as likely 0 as 1. Behind the end there are zeros.
struct Bits<'a> {
    bytes: std::slice::Iter<'a, u8>,
    value: u32,
    range: u32,
    /// Bits of the value's lower byte that have moved up.
    moved: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let mut bytes = bytes.iter();
        let mut next = || u32::from(bytes.next().copied().unwrap_or(0));
        let value = next() << 8 | next();
        Self { bytes, value, range: 255, moved: 0 }
    }

    /// So many bits, the highest first.
    fn read(&mut self, count: u32) -> u32 {
        (0..count).fold(0, |value, _| value << 1 | self.bit())
    }

    /// A number with its sign, if it is there at all.
    fn skip_signed(&mut self, count: u32) {
        if self.bit() == 1 {
            self.read(count + 1);
        }
    }

    fn bit(&mut self) -> u32 {
        let split = 1 + ((self.range - 1) >> 1);
        let bit = u32::from(self.value >= split << 8);
        if bit == 1 {
            self.range -= split;
            self.value -= split << 8;
        } else {
            self.range = split;
        }
        while self.range < 128 {
            self.value <<= 1;
            self.range <<= 1;
            self.moved += 1;
            if self.moved == 8 {
                self.moved = 0;
                self.value |= u32::from(self.bytes.next().copied().unwrap_or(0));
            }
        }
        bit
    }
}
