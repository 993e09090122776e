//! Modified median cut quantisation (Bloomberg 2008, in Leptonica), with the rules of `ColorThief`.
//!
//! Colour space starts as one box around all pixels. The box with most pixels is cut until three quarters of
//! the colours are found, then the one with most pixels × volume. A cut goes across the longest side, in the
//! larger part beside the median.
//!
//! Where the known implementations go on counting a box that came out empty as a colour, this one does not:
//! it cuts on until every box has pixels, or lies in one bin and cannot be cut.
//! Work is proportional to the occupied bins, not to the volume of the boxes.

use std::ops::Range;

use super::Counted;
use super::histogram::{BITS, Bin, mean};

const SIDE: usize = 1 << BITS;

/// A box of bins.
#[derive(Debug, Clone)]
struct Region {
    /// Its bins, as a range of the slice that is being cut.
    bins: Range<usize>,
    /// First and last bin of the box on each axis. Not shrunk to the bins that are occupied.
    low: [u8; 3],
    high: [u8; 3],
    count: u64,
}

/// Up to `colors` colours for `bins`, whose order it changes; fewer where there are fewer bins.
pub(super) fn quantize(bins: &mut [Bin], colors: usize) -> Vec<Counted> {
    let Some(whole) = Region::around(bins) else {
        return Vec::new();
    };
    let mut queue = Queue { open: vec![whole], closed: Vec::new() };
    queue.cut(bins, (3 * colors).div_ceil(4), |region| region.count);
    // Equally ranked boxes swap places here in ColorThief too.
    queue.open.reverse();
    queue.cut(bins, colors, |region| region.count * region.volume());
    queue.open.iter().chain(&queue.closed).map(|region| region.color(bins)).collect()
}

/// The boxes: those that may still be cut, and those of one bin.
struct Queue {
    open: Vec<Region>,
    closed: Vec<Region>,
}

impl Queue {
    /// Cuts the box of the highest rank until there are `target` boxes, or none is left to cut.
    fn cut(&mut self, bins: &mut [Bin], target: usize, rank: impl Fn(&Region) -> u64) {
        self.open.sort_by_key(&rank);
        while self.open.len() + self.closed.len() < target {
            let Some(region) = self.open.pop() else {
                return;
            };
            if region.bins.len() == 1 {
                self.closed.push(region);
                continue;
            }
            self.open.extend(region.split(bins).into_iter().filter(|part| part.count > 0));
            self.open.sort_by_key(&rank);
        }
    }
}

impl Region {
    /// The smallest box around all bins, or `None` where there is no bin.
    fn around(bins: &[Bin]) -> Option<Self> {
        let first = bins.first()?.at;
        let count = bins.iter().map(|bin| u64::from(bin.count)).sum();
        let mut region = Self { bins: 0..bins.len(), low: first, high: first, count };
        for bin in bins {
            for axis in 0..3 {
                region.low[axis] = region.low[axis].min(bin.at[axis]);
                region.high[axis] = region.high[axis].max(bin.at[axis]);
            }
        }
        Some(region)
    }

    fn side(&self, axis: usize) -> u64 {
        u64::from(self.high[axis] - self.low[axis]) + 1
    }

    fn volume(&self) -> u64 {
        (0..3).map(|axis| self.side(axis)).product()
    }

    /// The two parts of the box; one of them may be empty.
    fn split(self, bins: &mut [Bin]) -> [Self; 2] {
        let longest = (0..3).map(|axis| self.side(axis)).max();
        let axis = (0..3).find(|&axis| Some(self.side(axis)) == longest).unwrap_or(0);
        let own = &mut bins[self.bins.clone()];
        let last = self.cut_plane(own, axis);

        let (left_bins, left_count) = partition(own, |bin| bin.at[axis] <= last);
        let middle = self.bins.start + left_bins;
        let mut left = Self { bins: self.bins.start..middle, count: left_count, ..self };
        let mut right = Self { bins: middle..self.bins.end, count: self.count - left_count, ..self };
        left.high[axis] = last;
        right.low[axis] = last + 1;
        [left, right]
    }

    /// The last position along `axis` that goes to the left part.
    fn cut_plane(&self, bins: &[Bin], axis: usize) -> u8 {
        let mut counts = [0_u64; SIDE];
        for bin in bins {
            counts[usize::from(bin.at[axis])] += u64::from(bin.count);
        }
        let (low, high) = (usize::from(self.low[axis]), usize::from(self.high[axis]));
        let mut upto = [0_u64; SIDE];
        let mut sum = 0;
        for at in low..=high {
            sum += counts[at];
            upto[at] = sum;
        }
        let median = (low..=high).find(|&at| 2 * upto[at] > self.count).unwrap_or(high);

        let (left, right) = (median - low, high - median);
        let mut last = if left <= right {
            (high - 1).min(median + right / 2)
        } else {
            // Half of an odd number is rounded up: the difference is rounded down.
            low.max((median - 1).saturating_sub(left.div_ceil(2)))
        };
        // Neither part should be empty.
        while upto[last] == 0 {
            last += 1;
        }
        while upto[last] == self.count && last > low && upto[last - 1] > 0 {
            last -= 1;
        }
        last as u8
    }

    /// The mean of the box's pixels.
    fn color(&self, bins: &[Bin]) -> Counted {
        let mut sum = [0_u64; 3];
        for bin in &bins[self.bins.clone()] {
            for (total, channel) in sum.iter_mut().zip(bin.sum) {
                *total += u64::from(channel);
            }
        }
        Counted { rgb: mean(sum, self.count), count: self.count }
    }
}

/// Moves the bins that belong to the left to the front; how many they are, and how many pixels they have.
fn partition(bins: &mut [Bin], is_left: impl Fn(&Bin) -> bool) -> (usize, u64) {
    let (mut left, mut count) = (0, 0);
    for index in 0..bins.len() {
        if is_left(&bins[index]) {
            count += u64::from(bins[index].count);
            bins.swap(left, index);
            left += 1;
        }
    }
    (left, count)
}
