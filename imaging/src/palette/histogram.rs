//! Counts colours: which pixels are looked at, and the histogram of five bits a channel over them.
//!
//! Unlike `ColorThief`'s, a bin remembers the sum of its pixels too, so that a colour of the palette is the
//! mean of real pixels and not of bin centres (a black picture is black, not `#040404`).

use super::{Counted, WHITE};

/// Bits that a channel keeps.
pub(super) const BITS: u32 = 5;
const DROPPED: u32 = u8::BITS - BITS;
const BINS: usize = 1 << (3 * BITS);

/// Neighbours that are taken together from a picture too large to look at whole.
const RUN: usize = 16;

/// Pairs of runs that are fetched together.
const BATCH: usize = 32;

/// Pixels of similar colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bin {
    /// Position on each axis, 0 to 31.
    pub(super) at: [u8; 3],
    /// How many pixels; 1 at least.
    pub(super) count: u32,
    /// Sum of their channels.
    pub(super) sum: [u32; 3],
}

/// Every bin, and behind the last one the near-white pixels. Two sums share a number, the upper one 32 bits up:
/// count and red, green and blue.
pub(super) struct Histogram(Vec<[u64; 2]>);

const UPPER: u32 = 32;

impl Histogram {
    /// The histogram over at most `limit` of the pixels. A sum cannot overflow: `limit` × 255 is below 2³².
    pub(super) fn of(pixels: &[[u8; 3]], limit: usize) -> Self {
        let mut histogram = Self(vec![[0; 2]; BINS + 1]);
        let [upper, lower] = sample(pixels, limit);
        let mut pairs = upper.zip(lower);
        if pixels.len() <= limit {
            pairs.for_each(|(upper, lower)| histogram.add_both(upper, lower));
            return histogram;
        }
        // Fetched first and counted then, so that the memory answers many requests at once.
        let mut batch = [[[[0; 3]; RUN]; 2]; BATCH];
        loop {
            let mut fetched = 0;
            for (places, (upper, lower)) in batch.iter_mut().zip(pairs.by_ref()) {
                places[0].copy_from_slice(upper);
                places[1].copy_from_slice(lower);
                fetched += 1;
            }
            if fetched == 0 {
                return histogram;
            }
            batch[..fetched].iter().for_each(|[upper, lower]| histogram.add_both(upper, lower));
        }
    }

    /// Two runs at once: neighbours mostly share a bin, and would wait for each other to be written.
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
        let slot = if is_white(pixel) { BINS } else { bin as usize };
        let [first, second] = &mut self.0[slot];
        *first += 1 | (r << UPPER);
        *second += g | (b << UPPER);
    }

    /// Count and channel sums of a bin.
    fn cell([first, second]: [u64; 2]) -> (u32, [u32; 3]) {
        (first as u32, [(first >> UPPER) as u32, second as u32, (second >> UPPER) as u32])
    }

    /// The occupied bins without the near-white pixels, and those as one colour if there are any.
    pub(super) fn into_bins(self) -> (Vec<Bin>, Option<Counted>) {
        let axis = |index: usize, shift: u32| (index >> shift) as u8 & ((1 << BITS) - 1);
        let bins = self.0[..BINS].iter().enumerate().filter(|(_, cell)| cell[0] > 0);
        let bins = bins.map(|(index, &cell)| {
            let (count, sum) = Self::cell(cell);
            Bin { at: [axis(index, 2 * BITS), axis(index, BITS), axis(index, 0)], count, sum }
        });
        let (count, sum) = Self::cell(self.0[BINS]);
        let count = u64::from(count);
        let white = (count > 0).then(|| Counted { rgb: mean(sum.map(u64::from), count), count });
        (bins.collect(), white)
    }
}

/// The different colours among the pixels looked at with their counts, or `None` when more than `most`.
pub(super) fn distinct(pixels: &[[u8; 3]], limit: usize, most: usize) -> Option<Vec<Counted>> {
    let mut found: Vec<Counted> = Vec::with_capacity(most);
    let mut last = 0;
    for &rgb in sample(pixels, limit).into_iter().flatten().flatten() {
        if found.get(last).is_none_or(|color| color.rgb != rgb) {
            last = found.iter().position(|color| color.rgb == rgb).unwrap_or(found.len());
            if last == most {
                return None;
            }
            if last == found.len() {
                found.push(Counted { rgb, count: 0 });
            }
        }
        found[last].count += 1;
    }
    Some(found)
}

/// The mean colour, each channel rounded to the nearest whole number.
pub(super) fn mean(sum: [u64; 3], count: u64) -> [u8; 3] {
    sum.map(|channel| ((channel + count / 2) / count) as u8)
}

fn is_white(pixel: [u8; 3]) -> bool {
    pixel.iter().all(|&channel| channel > WHITE)
}

/// The pixels that are looked at, always the same ones: at most `limit`, half of them from either half of the
/// picture. Both halves give the same number of runs; a run of the second half may be one pixel longer.
fn sample(pixels: &[[u8; 3]], limit: usize) -> [impl Iterator<Item = &[[u8; 3]]>; 2] {
    let (upper, lower) = pixels.split_at(pixels.len() / 2);
    let whole = pixels.len() <= limit;
    [upper, lower].map(|pixels| runs(pixels, (!whole).then_some(limit / RUN / 2)))
}

/// All pixels as one run, or a number of runs of [`RUN`] neighbours.
///
/// For these the picture is divided into equal parts, and one run is taken from each, at a place that jumps
/// about from part to part: a fixed stride would see one column of a striped picture only. Neighbours share a
/// cache line, and fetching these is what costs.
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

/// The next number from 0 up to 1 of a fixed sequence (Vigna's `SplitMix64`).
fn jitter(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
