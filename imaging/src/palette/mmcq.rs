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
            self.open.extend(region.split(bins));
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

    /// The parts of the box that have pixels: two, or one that is smaller than the box. It has two bins at
    /// least, so there is a side to cut.
    fn split(self, bins: &mut [Bin]) -> impl Iterator<Item = Self> {
        let longest = (0..3).map(|axis| self.side(axis)).max();
        let axis = (0..3).find(|&axis| Some(self.side(axis)) == longest).unwrap_or(0);
        let own = &mut bins[self.bins.clone()];
        let last = self.cut_plane(own, axis);

        let (left_bins, left_count) = partition(own, |bin| bin.at[axis] <= last);
        let middle = self.bins.start + left_bins;
        let mut left = Self { bins: self.bins.start..middle, count: left_count, ..self };
        let mut right = Self { bins: middle..self.bins.end, count: self.count - left_count, ..self };
        if last == self.high[axis] {
            // All pixels lie in the last layer, and left as it is the box would be cut there for ever.
            left.low[axis] = last;
        } else {
            left.high[axis] = last;
            right.low[axis] = last + 1;
        }
        [left, right].into_iter().filter(|part| part.count > 0)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn bin(at: [u8; 3], count: u32) -> Bin {
        Bin { at, count, sum: at.map(|channel| u32::from(channel) * 8 * count) }
    }

    #[test]
    fn pixels_in_the_last_layer_of_a_box_are_cut_all_the_same() {
        // Cut along red, the upper part has red 16 to 31 and pixels in 31 alone, where no cut can divide it.
        let mut bins = vec![bin([0, 0, 0], 90), bin([31, 4, 0], 6), bin([31, 9, 0], 4)];
        let mut colors = quantize(&mut bins, 3);
        colors.sort_unstable_by_key(|color| color.count);
        assert_eq!(colors.iter().map(|color| color.count).collect::<Vec<_>>(), [4, 6, 90]);
    }

    #[test]
    fn every_bin_becomes_a_colour_where_there_are_no_more_bins_than_colours() {
        let corner = |index: u8| [index & 1, index >> 1 & 1, index >> 2].map(|bit| bit * 31);
        let mut bins: Vec<_> = (0..8).map(|index| bin(corner(index), 1 << (2 * index))).collect();
        assert_eq!(quantize(&mut bins, 20).len(), 8);
    }
}
