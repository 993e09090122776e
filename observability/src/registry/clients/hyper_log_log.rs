//! `HyperLogLog`: estimates how many distinct numbers were added, without storing them.
//!
//! It takes 4 KB and has a standard error of 1.6 %. The estimator is Ertl's (2017, "New cardinality estimation algorithms for `HyperLogLog` sketches"): one formula for
//! small and large counts, without correction tables.

/// The number of bits that select a register.
const BITS: u32 = 12;
const REGISTERS: usize = 1 << BITS;
/// The highest rank: all other bits are 0.
const MAX_RANK: usize = 64 - BITS as usize + 1;

/// A sketch of a set of numbers, which must be distributed evenly over `u64`, as hashes are.
#[derive(Debug, Clone)]
pub(super) struct HyperLogLog(Box<[u8]>);

impl Default for HyperLogLog {
    fn default() -> Self {
        Self(vec![0; REGISTERS].into())
    }
}

impl HyperLogLog {
    /// Adds a number. A register holds the maximum rank: one more than the leading zeros after the bits that select it.
    pub(super) fn add(&mut self, number: u64) {
        let register = (number >> (64 - BITS)) as usize;
        let end = 1 << (BITS - 1);
        let rank = ((number << BITS) | end).leading_zeros() as u8 + 1;
        self.0[register] = self.0[register].max(rank);
    }

    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }

    /// Adds all numbers of the other sketch.
    pub(super) fn merge(&mut self, other: &Self) {
        for (own, others) in self.0.iter_mut().zip(&other.0) {
            *own = (*own).max(*others);
        }
    }

    /// Estimates the number of distinct numbers.
    pub(super) fn count(&self) -> u64 {
        let mut by_rank = [0_f64; MAX_RANK + 1];
        self.0.iter().for_each(|rank| by_rank[usize::from(*rank)] += 1.0);
        let all = REGISTERS as f64;
        // A register reaches the highest rank only after 2^52 numbers, so no correction is needed for it.
        let ranked = by_rank[1..].iter().rev().fold(0.0, |sum, count| f64::midpoint(sum, *count));
        let divisor = ranked + all * empty(by_rank[0] / all);
        (all * all / (2.0 * std::f64::consts::LN_2 * divisor)).round() as u64
    }
}

/// The estimator's term for empty registers, given their share x: x + Σ x^(2^k) · 2^(k-1).
fn empty(share: f64) -> f64 {
    let (mut power, mut weight, mut sum) = (share, 1.0, share);
    while sum.is_finite() {
        power *= power;
        let more = sum + power * weight;
        if more <= sum {
            break;
        }
        (sum, weight) = (more, weight * 2.0);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes a number (splitmix64).
    fn hash(number: u64) -> u64 {
        let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn sketch_of(numbers: std::ops::Range<u64>) -> HyperLogLog {
        let mut sketch = HyperLogLog::default();
        numbers.for_each(|number| sketch.add(hash(number)));
        sketch
    }

    #[test]
    fn small_counts_are_exact_and_large_ones_within_five_per_cent() {
        for count in [0, 1, 2, 10] {
            assert_eq!(sketch_of(0..count).count(), count);
        }
        for count in [1_000, 5_000, 12_000, 50_000, 1_000_000] {
            let (estimate, count) = (sketch_of(0..count).count() as f64, count as f64);
            assert!((estimate - count).abs() < count * 0.05, "estimated {estimate}, expected {count}");
        }
    }

    #[test]
    fn a_repeated_number_counts_once() {
        let mut sketch = sketch_of(0..3_000);
        let once = sketch.count();
        (0..3_000).for_each(|number| sketch.add(hash(number)));
        assert_eq!(sketch.count(), once);
    }

    #[test]
    fn a_merged_sketch_counts_the_numbers_of_both() {
        let mut merged = sketch_of(0..2_000);
        merged.merge(&sketch_of(1_000..3_000));
        assert_eq!(merged.count(), sketch_of(0..3_000).count());
        merged.clear();
        assert_eq!(merged.count(), 0);
    }

    #[test]
    fn the_smallest_and_largest_numbers_select_the_first_and_last_register() {
        let mut sketch = HyperLogLog::default();
        sketch.add(0);
        sketch.add(u64::MAX);
        assert_eq!((sketch.0[0], sketch.0[REGISTERS - 1]), (MAX_RANK as u8, 1));
    }
}
