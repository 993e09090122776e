//! The estimate of how long pictures take, and so of when a job will be done.
//!
//! The pace is the time per finished picture over all slots, a moving average in which the newest pictures count
//! most. It is only shown to clients; nothing depends on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The assumed time per picture before any was measured.
const INITIAL_PICTURE_US: u64 = 100_000;

/// A new picture replaces one part in this many of the average.
const SMOOTHING: u64 = 16;

/// The estimate. Clones share it.
#[derive(Debug, Clone)]
pub struct Estimate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    picture_us: AtomicU64,
    waiting: AtomicU64,
    slots: AtomicU64,
}

impl Estimate {
    /// The estimate for this many slots.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        let (picture_us, waiting) = (AtomicU64::new(INITIAL_PICTURE_US), AtomicU64::new(0));
        Self(Arc::new(Inner { picture_us, waiting, slots: AtomicU64::new(slots.max(1) as u64) }))
    }

    /// Sets the number of slots over all live processes that share the store. Zero means unknown and is ignored.
    pub fn set_slots(&self, slots: u64) {
        if slots > 0 {
            self.0.slots.store(slots, Ordering::Relaxed);
        }
    }

    /// Records how long a picture took on its slot.
    pub fn record(&self, time: Duration) {
        let new = time.as_micros() as u64;
        let blend = |old: u64| Some((old * (SMOOTHING - 1) + new) / SMOOTHING);
        let _ = self.0.picture_us.fetch_update(Ordering::Relaxed, Ordering::Relaxed, blend);
    }

    /// Sets how many pictures wait in the store.
    pub fn set_waiting(&self, pictures: u64) {
        self.0.waiting.store(pictures, Ordering::Relaxed);
    }

    /// How many pictures waited in the store at the last check.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.0.waiting.load(Ordering::Relaxed)
    }

    /// Milliseconds per finished picture, at least 1.
    #[must_use]
    pub fn pace_ms(&self) -> u64 {
        (self.0.picture_us.load(Ordering::Relaxed) / self.0.slots.load(Ordering::Relaxed) / 1000).max(1)
    }

    /// Seconds until this many new pictures are done, after those that already wait; at least 1.
    #[must_use]
    pub fn seconds_for(&self, pictures: u64) -> u32 {
        let all = pictures + self.0.waiting.load(Ordering::Relaxed);
        (all * self.pace_ms()).div_ceil(1000).clamp(1, u64::from(u32::MAX)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_follows_the_measurements() {
        let estimate = Estimate::new(2);
        assert_eq!(estimate.pace_ms(), 50);
        for _ in 0..200 {
            estimate.record(Duration::from_millis(400));
        }
        assert!((195..=200).contains(&estimate.pace_ms()), "{}", estimate.pace_ms());
        assert_eq!(estimate.seconds_for(50), 10);
        estimate.set_waiting(50);
        assert_eq!(estimate.seconds_for(50), 20);
        estimate.set_slots(4);
        estimate.set_slots(0);
        assert_eq!(estimate.seconds_for(50), 10);
    }
}
