//! The estimate: how long pictures take here, and so when a job will be done.
//!
//! The pace is the time in which one picture leaves, all slots taken together, averaged over the last pictures
//! with the newest counting most. It is a guess that is told to clients, never a rule.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Before any picture was measured.
const FIRST_GUESS_US: u64 = 100_000;

/// Of the average, what a new picture replaces: 1 in so many.
const MEMORY: u64 = 16;

/// See the module. Clones share.
#[derive(Debug, Clone)]
pub struct Estimate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    picture_us: AtomicU64,
    waiting: AtomicU64,
    slots: AtomicU64,
}

impl Estimate {
    /// For so many slots.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        let (picture_us, waiting) = (AtomicU64::new(FIRST_GUESS_US), AtomicU64::new(0));
        Self(Arc::new(Inner { picture_us, waiting, slots: AtomicU64::new(slots.max(1) as u64) }))
    }

    /// So many slots work on the pictures of the store, those of all processes that live; none says nothing.
    pub fn set_slots(&self, slots: u64) {
        if slots > 0 {
            self.0.slots.store(slots, Ordering::Relaxed);
        }
    }

    /// A picture took this long on its slot.
    pub fn took(&self, time: Duration) {
        let new = time.as_micros() as u64;
        let blend = |old: u64| Some((old * (MEMORY - 1) + new) / MEMORY);
        let _ = self.0.picture_us.fetch_update(Ordering::Relaxed, Ordering::Relaxed, blend);
    }

    /// So many pictures wait in the store.
    pub fn set_waiting(&self, pictures: u64) {
        self.0.waiting.store(pictures, Ordering::Relaxed);
    }

    /// How many pictures waited in the store when that was last looked at.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.0.waiting.load(Ordering::Relaxed)
    }

    /// Milliseconds in which one picture leaves, 1 at least.
    #[must_use]
    pub fn pace_ms(&self) -> u64 {
        (self.0.picture_us.load(Ordering::Relaxed) / self.0.slots.load(Ordering::Relaxed) / 1000).max(1)
    }

    /// Seconds until so many new pictures are done, those before them counted in; 1 at least.
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
    fn the_pace_follows_what_is_measured() {
        let estimate = Estimate::new(2);
        assert_eq!(estimate.pace_ms(), 50);
        for _ in 0..200 {
            estimate.took(Duration::from_millis(400));
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
