//! Counts the colours of a sample of pixels, in a histogram with five bits per channel. The palette uses it; it cannot
//! fail.
//!
//! A bin also stores the sum of its pixels. A palette colour is therefore the mean of real pixels and not of bin centres:
//! a black picture gives black, not `#040404`.

/// Number of bits kept per channel.
const BITS: u32 = 5;
/// Number of bits dropped per channel.
const DROPPED: u32 = u8::BITS - BITS;
const BINS: usize = 1 << (3 * BITS);

/// Number of neighbouring pixels that are sampled together from a large picture.
const RUN: usize = 16;

/// Number of pairs of runs that are copied before they are counted.
const BATCH: usize = 32;

/// A colour and the number of sampled pixels that it represents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ColorCount {
    pub(super) rgb: [u8; 3],
    pub(super) count: u64,
}

/// The pixels of similar colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bin {
    /// Number of pixels, at least 1.
    pub(super) count: u32,
    /// Sum of each channel.
    pub(super) sum: [u32; 3],
}

/// All bins. Each packs four 32-bit sums into two numbers: count and red, green and blue.
pub(super) struct Histogram(Vec<[u64; 2]>);

const UPPER: u32 = 32;

impl Histogram {
    /// Counts at most `limit` of the pixels. No sum can overflow, because `limit` × 255 is below 2³².
    pub(super) fn of(pixels: &[[u8; 3]], limit: usize) -> Self {
        let mut histogram = Self(vec![[0; 2]; BINS]);
        let [upper, lower] = sample(pixels, limit);
        let mut pairs = upper.zip(lower);
        if pixels.len() <= limit {
            pairs.for_each(|(upper, lower)| histogram.add_both(upper, lower));
            return histogram;
        }
        // Runs are copied before they are counted, so that many memory accesses overlap.
        let mut batch = [[[[0; 3]; RUN]; 2]; BATCH];
        loop {
            let mut copied = 0;
            for (places, (upper, lower)) in batch.iter_mut().zip(pairs.by_ref()) {
                places[0].copy_from_slice(upper);
                places[1].copy_from_slice(lower);
                copied += 1;
            }
            if copied == 0 {
                return histogram;
            }
            batch[..copied].iter().for_each(|[upper, lower]| histogram.add_both(upper, lower));
        }
    }

    /// Counts two runs in turn. Neighbours mostly share a bin, so counting one run alone would wait for each write.
    fn add_both(&mut self, upper: &[[u8; 3]], lower: &[[u8; 3]]) {
        for (&upper, &lower) in upper.iter().zip(lower) {
            self.add(upper);
            self.add(lower);
        }
        for &pixel in &lower[upper.len()..] {
            self.add(pixel);
        }
    }

    #[inline]
    fn add(&mut self, pixel: [u8; 3]) {
        let [r, g, b] = pixel.map(u64::from);
        let bin = ((r >> DROPPED) << (2 * BITS)) | ((g >> DROPPED) << BITS) | (b >> DROPPED);
        let [first, second] = &mut self.0[bin as usize];
        *first += 1 | (r << UPPER);
        *second += g | (b << UPPER);
    }

    /// Unpacks count and channel sums.
    fn unpack([first, second]: [u64; 2]) -> (u32, [u32; 3]) {
        (first as u32, [(first >> UPPER) as u32, second as u32, (second >> UPPER) as u32])
    }

    /// The occupied bins.
    pub(super) fn bins(&self) -> Vec<Bin> {
        let occupied = self.0.iter().filter(|bin| bin[0] > 0);
        occupied.map(|&bin| Self::unpack(bin)).map(|(count, sum)| Bin { count, sum }).collect()
    }
}

impl Bin {
    /// The mean colour of the bin's pixels.
    pub(super) fn mean(&self) -> [u8; 3] {
        let (half, count) = (self.count / 2, self.count);
        self.sum.map(|channel| ((channel + half) / count) as u8)
    }
}

/// Counts the distinct colours of the sampled pixels. Returns `None` if there are more than `max`.
pub(super) fn distinct(pixels: &[[u8; 3]], limit: usize, max: usize) -> Option<Vec<ColorCount>> {
    let mut found: Vec<ColorCount> = Vec::with_capacity(max);
    let mut last = 0;
    for &rgb in sample(pixels, limit).into_iter().flatten().flatten() {
        if found.get(last).is_none_or(|color| color.rgb != rgb) {
            last = found.iter().position(|color| color.rgb == rgb).unwrap_or(found.len());
            if last == max {
                return None;
            }
            if last == found.len() {
                found.push(ColorCount { rgb, count: 0 });
            }
        }
        found[last].count += 1;
    }
    Some(found)
}

/// A copy of at most `limit` pixels, always the same ones.
pub(super) fn sampled(pixels: &[[u8; 3]], limit: usize) -> Vec<[u8; 3]> {
    sample(pixels, limit).into_iter().flatten().flatten().copied().collect()
}

/// Selects at most `limit` pixels, always the same ones, and half of them from each half of the picture. Both halves
/// give the same number of runs. A run of the second half may be one pixel longer.
fn sample(pixels: &[[u8; 3]], limit: usize) -> [impl Iterator<Item = &[[u8; 3]]>; 2] {
    let (upper, lower) = pixels.split_at(pixels.len() / 2);
    let takes_all = pixels.len() <= limit;
    [upper, lower].map(|pixels| runs(pixels, (!takes_all).then_some(limit / RUN / 2)))
}

/// Returns all pixels as one run, or one run of [`RUN`] neighbours from each of `parts` equal parts.
///
/// The position of a run varies from part to part, because a fixed stride could hit only one column of a striped
/// picture. Neighbours are taken together because they share a cache line, and loading cache lines dominates the cost.
fn runs(pixels: &[[u8; 3]], parts: Option<usize>) -> impl Iterator<Item = &[[u8; 3]]> {
    let length = if parts.is_some() { RUN } else { pixels.len() };
    let parts = parts.unwrap_or(1);
    let part = pixels.len() as f64 / parts as f64;
    let mut state = 0;
    (0..parts).map(move |index| {
        let place = ((index as f64 + jitter(&mut state)) * part) as usize;
        let start = place.min(pixels.len() - length);
        &pixels[start..start + length]
    })
}

/// Returns the next number in [0, 1) of a fixed sequence (Vigna's `SplitMix64`).
fn jitter(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
