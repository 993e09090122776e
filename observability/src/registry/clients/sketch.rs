//! A `HyperLogLog`: how many different numbers were seen, without keeping them. 4 KB, and 1.6 % off in the mean.
//!
//! The estimate is Ertl's (2017, "New cardinality estimation algorithms for `HyperLogLog` sketches"): one formula for
//! few and for many, without tables of corrections.

/// Bits of a number that choose its register.
const BITS: u32 = 12;
const REGISTERS: usize = 1 << BITS;
/// The highest rank: all other bits are 0.
const MOST: usize = 64 - BITS as usize + 1;

/// See the module. Numbers must be spread evenly over all of `u64`, as a hash's are.
#[derive(Debug, Clone)]
pub(super) struct Sketch(Box<[u8]>);

impl Default for Sketch {
    fn default() -> Self {
        Self(vec![0; REGISTERS].into())
    }
}

impl Sketch {
    /// A register keeps the longest run of zeros, and one more, behind the bits that chose it.
    pub(super) fn add(&mut self, number: u64) {
        let register = (number >> (64 - BITS)) as usize;
        let end = 1 << (BITS - 1);
        let rank = ((number << BITS) | end).leading_zeros() as u8 + 1;
        self.0[register] = self.0[register].max(rank);
    }

    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }

    /// Has seen what the other has seen, too.
    pub(super) fn unite(&mut self, other: &Self) {
        for (own, others) in self.0.iter_mut().zip(&other.0) {
            *own = (*own).max(*others);
        }
    }

    /// About how many different numbers it has seen.
    pub(super) fn count(&self) -> u64 {
        let mut of_rank = [0_f64; MOST + 1];
        self.0.iter().for_each(|rank| of_rank[usize::from(*rank)] += 1.0);
        let all = REGISTERS as f64;
        // Registers of the highest rank need 2^52 callers: no correction for those.
        let ranked = of_rank[1..].iter().rev().fold(0.0, |sum, count| f64::midpoint(sum, *count));
        let divisor = ranked + all * empty(of_rank[0] / all);
        (all * all / (2.0 * std::f64::consts::LN_2 * divisor)).round() as u64
    }
}

/// What empty registers say, by their share: x + Σ x^(2^k) · 2^(k-1).
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

    /// Numbers spread as a hash's are (splitmix64).
    fn spread(number: u64) -> u64 {
        let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn of(numbers: std::ops::Range<u64>) -> Sketch {
        let mut sketch = Sketch::default();
        numbers.for_each(|number| sketch.add(spread(number)));
        sketch
    }

    #[test]
    fn few_are_counted_exactly_and_many_within_five_per_cent() {
        for count in [0, 1, 2, 10] {
            assert_eq!(of(0..count).count(), count);
        }
        for count in [1_000, 5_000, 12_000, 50_000, 1_000_000] {
            let (found, count) = (of(0..count).count() as f64, count as f64);
            assert!((found - count).abs() < count * 0.05, "{found} instead of {count}");
        }
    }

    #[test]
    fn what_was_seen_before_counts_once() {
        let mut sketch = of(0..3_000);
        let once = sketch.count();
        (0..3_000).for_each(|number| sketch.add(spread(number)));
        assert_eq!(sketch.count(), once);
    }

    #[test]
    fn united_sketches_are_one_that_saw_it_all() {
        let mut united = of(0..2_000);
        united.unite(&of(1_000..3_000));
        assert_eq!(united.count(), of(0..3_000).count());
        united.clear();
        assert_eq!(united.count(), 0);
    }

    #[test]
    fn the_ends_of_the_range_have_their_place() {
        let mut sketch = Sketch::default();
        sketch.add(0);
        sketch.add(u64::MAX);
        assert_eq!((sketch.0[0], sketch.0[REGISTERS - 1]), (MOST as u8, 1));
    }
}
