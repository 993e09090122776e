//! Quantises colours by modified median cut (MMCQ; Bloomberg 2008, in Leptonica), with the rules of `ColorThief`. The
//! palette calls it; it cannot fail.
//!
//! One box around all pixels is split repeatedly: first the box with the most pixels, until three quarters of the
//! colours are found, then the box with the largest product of pixels and volume. A split goes across the longest side,
//! within the larger part beside the median.
//!
//! The known implementations count an empty box as a colour. This one continues until every box has pixels, or lies in
//! one bin and cannot be split. The work is proportional to the occupied bins, not to the volume of the boxes.

use std::ops::Range;

use super::histogram::{BITS, Bin, ColorCount, mean};

const SIDE: usize = 1 << BITS;

/// A box in colour space, and the bins in it ("vbox" in other implementations).
#[derive(Debug, Clone)]
struct ColorBox {
    /// The bins in the box, as a range of the slice that is quantised.
    bins: Range<usize>,
    /// First and last position of the box on each axis. The box does not shrink to its occupied bins.
    low: [u8; 3],
    high: [u8; 3],
    count: u64,
}

/// Quantises `bins` to at most `colors` colours, and to fewer where there are fewer bins. Reorders `bins`.
pub(super) fn quantize(bins: &mut [Bin], colors: usize) -> Vec<ColorCount> {
    let Some(whole) = ColorBox::around(bins) else {
        return Vec::new();
    };
    let mut queue = BoxQueue { open: vec![whole], closed: Vec::new() };
    queue.split_until(bins, (3 * colors).div_ceil(4), |color_box| color_box.count);
    // ColorThief, too, reverses the order of boxes with equal ranks here.
    queue.open.reverse();
    queue.split_until(bins, colors, |color_box| color_box.count * color_box.volume());
    queue.open.iter().chain(&queue.closed).map(|color_box| color_box.color(bins)).collect()
}

/// The boxes that can still be split, and those with one bin.
struct BoxQueue {
    open: Vec<ColorBox>,
    closed: Vec<ColorBox>,
}

impl BoxQueue {
    /// Splits the box with the highest rank until there are `target` boxes or none can be split.
    fn split_until(&mut self, bins: &mut [Bin], target: usize, rank: impl Fn(&ColorBox) -> u64) {
        self.open.sort_by_key(&rank);
        while self.open.len() + self.closed.len() < target {
            let Some(color_box) = self.open.pop() else {
                return;
            };
            if color_box.bins.len() == 1 {
                self.closed.push(color_box);
                continue;
            }
            self.open.extend(color_box.split(bins));
            self.open.sort_by_key(&rank);
        }
    }
}

impl ColorBox {
    /// Returns the smallest box around all bins, or `None` without bins.
    fn around(bins: &[Bin]) -> Option<Self> {
        let first = bins.first()?.at;
        let count = bins.iter().map(|bin| u64::from(bin.count)).sum();
        let mut color_box = Self { bins: 0..bins.len(), low: first, high: first, count };
        for bin in bins {
            for axis in 0..3 {
                color_box.low[axis] = color_box.low[axis].min(bin.at[axis]);
                color_box.high[axis] = color_box.high[axis].max(bin.at[axis]);
            }
        }
        Some(color_box)
    }

    fn side(&self, axis: usize) -> u64 {
        u64::from(self.high[axis] - self.low[axis]) + 1
    }

    fn volume(&self) -> u64 {
        (0..3).map(|axis| self.side(axis)).product()
    }

    /// Splits the box. Returns the parts that have pixels: two, or one that is smaller than the box. The box must have
    /// at least two bins, so that it has a side to split.
    fn split(self, bins: &mut [Bin]) -> impl Iterator<Item = Self> {
        let longest = (0..3).map(|axis| self.side(axis)).max();
        let axis = (0..3).find(|&axis| Some(self.side(axis)) == longest).unwrap_or(0);
        let own = &mut bins[self.bins.clone()];
        let last = self.split_position(own, axis);

        let (left_bins, left_count) = partition(own, |bin| bin.at[axis] <= last);
        let middle = self.bins.start + left_bins;
        let mut left = Self { bins: self.bins.start..middle, count: left_count, ..self };
        let mut right = Self { bins: middle..self.bins.end, count: self.count - left_count, ..self };
        if last == self.high[axis] {
            // All pixels lie in the last layer. Without shrinking, the box would be split there for ever.
            left.low[axis] = last;
        } else {
            left.high[axis] = last;
            right.low[axis] = last + 1;
        }
        [left, right].into_iter().filter(|part| part.count > 0)
    }

    /// Returns the last position along `axis` that belongs to the left part.
    fn split_position(&self, bins: &[Bin], axis: usize) -> u8 {
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
            // Half of an odd number is rounded up, so the difference is rounded down.
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

    /// Returns the mean colour of the pixels in the box.
    fn color(&self, bins: &[Bin]) -> ColorCount {
        let mut sum = [0_u64; 3];
        for bin in &bins[self.bins.clone()] {
            for (total, channel) in sum.iter_mut().zip(bin.sum) {
                *total += u64::from(channel);
            }
        }
        ColorCount { rgb: mean(sum, self.count), count: self.count }
    }
}

/// Moves the bins of the left part to the front. Returns their number and their number of pixels.
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
    fn a_box_with_all_pixels_in_its_last_layer_is_still_split() {
        // After a split along red, the upper part spans red 16 to 31 but has pixels only in 31, so it cannot be split
        // there.
        let mut bins = vec![bin([0, 0, 0], 90), bin([31, 4, 0], 6), bin([31, 9, 0], 4)];
        let mut colors = quantize(&mut bins, 3);
        colors.sort_unstable_by_key(|color| color.count);
        assert_eq!(colors.iter().map(|color| color.count).collect::<Vec<_>>(), [4, 6, 90]);
    }

    #[test]
    fn every_bin_becomes_a_colour_if_there_are_no_more_bins_than_colours() {
        let corner = |index: u8| [index & 1, index >> 1 & 1, index >> 2].map(|bit| bit * 31);
        let mut bins: Vec<_> = (0..8).map(|index| bin(corner(index), 1 << (2 * index))).collect();
        assert_eq!(quantize(&mut bins, 20).len(), 8);
    }
}
