//! Checks that a lossy WebP frame contains all its partitions (RFC 6386, section 9.5). Up to eight partitions state a
//! size of up to 16 MB each, and a decoder allocates that much before it reads them.

/// Whether the frame contains all the partitions that it lists.
pub(super) fn are_complete(frame: &[u8]) -> bool {
    last_partition_size(frame).is_some()
}

/// Number of bytes that remain for the last partition.
fn last_partition_size(frame: &[u8]) -> Option<usize> {
    let &[t1, t2, t3] = frame.first_chunk()?;
    let first = (u32::from_le_bytes([t1, t2, t3, 0]) >> 5) as usize;
    let body = frame.get(10..)?;
    let (first, rest) = body.split_at_checked(first)?;
    let listed = (1 << partition_count_log2(first)) - 1;
    let (sizes, rest) = rest.split_at_checked(3 * listed)?;
    let size = |bytes: &[u8; 3]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) as usize;
    rest.len().checked_sub(sizes.as_chunks().0.iter().map(size).sum())
}

/// Reads the frame header up to the number of partitions, which is stored as its logarithm.
fn partition_count_log2(first: &[u8]) -> u32 {
    let mut bits = BoolDecoder::new(first);
    // Colour space and clamping.
    bits.read(2);
    if bits.read(1) == 1 {
        skip_segmentation(&mut bits);
    }
    // Loop filter: type, level and sharpness, then adjustments by reference frame and mode.
    bits.read(1 + 6 + 3);
    if bits.read(1) == 1 && bits.read(1) == 1 {
        (0..8).for_each(|_| bits.skip_optional_signed(6));
    }
    bits.read(2)
}

/// Skips the segmentation (section 9.3).
fn skip_segmentation(bits: &mut BoolDecoder<'_>) {
    let (map, features) = (bits.read(1) == 1, bits.read(1) == 1);
    if features {
        bits.read(1);
        (0..4).for_each(|_| bits.skip_optional_signed(7));
        (0..4).for_each(|_| bits.skip_optional_signed(6));
    }
    if map {
        for _ in 0..3 {
            if bits.read(1) == 1 {
                bits.read(8);
            }
        }
    }
}

/// The boolean entropy decoder (section 7), for bits with equal probabilities. It reads zeros past the end.
struct BoolDecoder<'a> {
    bytes: std::slice::Iter<'a, u8>,
    value: u32,
    range: u32,
    /// Number of bits by which the value was shifted since its last byte was read.
    shift: u32,
}

impl<'a> BoolDecoder<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let mut bytes = bytes.iter();
        let mut next = || u32::from(bytes.next().copied().unwrap_or(0));
        let value = next() << 8 | next();
        Self { bytes, value, range: 255, shift: 0 }
    }

    /// Reads a number of `count` bits, highest bit first.
    fn read(&mut self, count: u32) -> u32 {
        (0..count).fold(0, |value, _| value << 1 | self.bit())
    }

    /// Skips an optional signed number.
    fn skip_optional_signed(&mut self, count: u32) {
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
            self.shift += 1;
            if self.shift == 8 {
                self.shift = 0;
                self.value |= u32::from(self.bytes.next().copied().unwrap_or(0));
            }
        }
        bit
    }
}
