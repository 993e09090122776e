//! Counts colours: which pixels are looked at, and the histogram of five bits a channel over them.
//!
//! Unlike `ColorThief`'s, a bin remembers the sum of its pixels too, so that a colour of the palette is the
//! mean of real pixels and not of bin centres (a black picture is black, not `#040404`).

use super::{Counted, WHITE};

/// Bits that a channel keeps.
pub(super) const BITS: u32 = 5;
const DROPPED: u32 = u8::BITS - BITS;
const BINS: usize = 1 << (3 * BITS);

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

/// Count and channel sums of every bin, and behind the last bin those of the near-white pixels.
pub(super) struct Histogram(Vec<[u32; 4]>);

impl Histogram {
    /// The histogram over at most `limit` of the pixels. A sum cannot overflow: `limit` × 255 is below 2³².
    pub(super) fn of(pixels: &[[u8; 3]], limit: usize) -> Self {
        let mut histogram = Self(vec![[0; 4]; BINS + 1]);
        sample(pixels, limit, |pixel| {
            histogram.add(pixel);
            true
        });
        histogram
    }

    #[inline]
    fn add(&mut self, pixel: [u8; 3]) {
        let [r, g, b] = pixel.map(usize::from);
        let bin = ((r >> DROPPED) << (2 * BITS)) | ((g >> DROPPED) << BITS) | (b >> DROPPED);
        let slot = if is_white(pixel) { BINS } else { bin };
        let add = [1, r as u32, g as u32, b as u32];
        for (cell, part) in self.0[slot].iter_mut().zip(add) {
            *cell += part;
        }
    }

    /// The occupied bins without the near-white pixels, and those as one colour if there are any.
    pub(super) fn into_bins(self) -> (Vec<Bin>, Option<Counted>) {
        let axis = |index: usize, shift: u32| (index >> shift) as u8 & ((1 << BITS) - 1);
        let bins = self.0[..BINS].iter().enumerate().filter(|(_, cell)| cell[0] > 0);
        let bins = bins.map(|(index, &[count, r, g, b])| Bin {
            at: [axis(index, 2 * BITS), axis(index, BITS), axis(index, 0)],
            count,
            sum: [r, g, b],
        });
        let [count, r, g, b] = self.0[BINS].map(u64::from);
        let white = (count > 0).then(|| Counted { rgb: mean([r, g, b], count), count });
        (bins.collect(), white)
    }
}

/// The different colours among the pixels looked at with their counts, or `None` when more than `most`.
pub(super) fn distinct(pixels: &[[u8; 3]], limit: usize, most: usize) -> Option<Vec<Counted>> {
    let mut found: Vec<Counted> = Vec::with_capacity(most);
    let mut last = 0;
    let complete = sample(pixels, limit, |rgb| {
        if found.get(last).is_none_or(|color| color.rgb != rgb) {
            last = found.iter().position(|color| color.rgb == rgb).unwrap_or(found.len());
            if last == most {
                return false;
            }
            if last == found.len() {
                found.push(Counted { rgb, count: 0 });
            }
        }
        found[last].count += 1;
        true
    });
    complete.then_some(found)
}

/// The mean colour, each channel rounded to the nearest whole number.
pub(super) fn mean(sum: [u64; 3], count: u64) -> [u8; 3] {
    sum.map(|channel| ((channel + count / 2) / count) as u8)
}

fn is_white(pixel: [u8; 3]) -> bool {
    pixel.iter().all(|&channel| channel > WHITE)
}

/// Shows `visit` at most `limit` pixels, always the same ones, until it returns false; whether it never did.
///
/// A larger picture is divided into `limit` equal runs and one pixel of each is taken, at a place that jumps
/// about from run to run: a fixed stride would see one column of a striped picture only.
fn sample(pixels: &[[u8; 3]], limit: usize, mut visit: impl FnMut([u8; 3]) -> bool) -> bool {
    if pixels.len() <= limit {
        return pixels.iter().all(|&pixel| visit(pixel));
    }
    let run = pixels.len() as f64 / limit as f64;
    let mut state = 0_u64;
    (0..limit).all(|index| {
        let place = (index as f64 + jitter(&mut state)) * run;
        visit(pixels[(place as usize).min(pixels.len() - 1)])
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
