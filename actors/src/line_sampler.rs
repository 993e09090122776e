//! Decides which log lines are written of those that a caller can cause at will: of a caller that causes too many, only
//! some. The edge, Fetcher, Delivery, Dispatcher and the slots ask it.
//!
//! Each caller has one bucket for all of its lines, kept by GCRA as one time, and a count of what was left out since its
//! last line. Callers are forgotten when they are the least recently seen of too many; then what was left out of theirs is
//! known to the metrics alone. Never fails.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use huemill_observability::Event;
use huemill_store::Caller;
use lru::LruCache;

use crate::clock::{Clock, Instant};
use crate::telemetry::Recorder;

/// The most callers that are remembered, in about 100 bytes each.
const MAX_CALLERS: NonZeroUsize = NonZeroUsize::new(16_384).expect("not zero");

/// How many seconds' worth of events may be logged at once.
const BURST_SECONDS: u32 = 10;

/// Samples the lines of each caller. Clones share the buckets.
#[derive(Debug, Clone)]
pub struct LineSampler {
    /// 0 stands for any number.
    per_second: u32,
    clock: Clock,
    recorder: Recorder,
    callers: Arc<Mutex<LruCache<Caller, Tally>>>,
}

#[derive(Debug, Clone, Copy)]
struct Tally {
    /// When the bucket will be full again.
    full: Instant,
    left_out: u64,
}

impl LineSampler {
    /// Logs so many events of each caller a second, a request being one of them. The recorder counts the lines that are
    /// left out.
    #[must_use]
    pub fn new(per_second: u32, clock: Clock, recorder: Recorder) -> Self {
        let callers = Arc::new(Mutex::new(LruCache::new(MAX_CALLERS)));
        Self { per_second, clock, recorder, callers }
    }

    /// Decides about an event that would be logged in so many lines. Returns how many lines were left out before it, for
    /// the line to tell, or `None` if its lines are left out too.
    #[must_use]
    pub fn take(&self, caller: Caller, lines: u64) -> Option<u64> {
        if self.per_second == 0 {
            return Some(0);
        }
        let now = self.clock.now();
        let mut callers = self.lock();
        let tally = callers.get_or_insert_mut(caller, || Tally { full: now, left_out: 0 });
        let full = tally.full.max(now) + Duration::from_secs(1) / self.per_second;
        if full - now > Duration::from_secs(u64::from(BURST_SECONDS)) {
            tally.left_out += lines;
            drop(callers);
            self.recorder.record(Event::LogLinesSampled(lines));
            return None;
        }
        tally.full = full;
        Some(std::mem::take(&mut tally.left_out))
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Caller, Tally>> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(number: u32) -> Caller {
        Caller::of_address(std::net::Ipv4Addr::from_bits(number).into())
    }

    fn sampler(per_second: u32, clock: &Clock) -> LineSampler {
        LineSampler::new(per_second, clock.clone(), Recorder::channel(1).0)
    }

    #[test]
    fn a_caller_that_floods_is_sampled_and_others_are_not() {
        let clock = Clock::manual();
        let sampler = sampler(5, &clock);
        let logged = (0..10_000).filter(|_| sampler.take(caller(1), 2).is_some()).count();
        assert_eq!(logged, 50);
        assert_eq!(sampler.take(caller(2), 2), Some(0));
        clock.advance(Duration::from_millis(200));
        assert_eq!(sampler.take(caller(1), 2), Some(2 * (10_000 - 50)));
        assert_eq!(sampler.take(caller(1), 1), None);
        clock.advance(Duration::from_secs(60));
        assert_eq!((sampler.take(caller(1), 1), sampler.take(caller(1), 1)), (Some(1), Some(0)));
    }

    #[test]
    fn whoever_sends_at_the_rate_is_logged_completely() {
        let clock = Clock::manual();
        let sampler = sampler(5, &clock);
        for _ in 0..1_000 {
            clock.advance(Duration::from_millis(200));
            assert_eq!(sampler.take(caller(1), 1), Some(0));
        }
    }

    #[test]
    fn the_callers_are_bounded_and_no_limit_remembers_none() {
        let (limited, unlimited) = (sampler(1, &Clock::manual()), sampler(0, &Clock::manual()));
        for number in 0..20_000 {
            assert_eq!(limited.take(caller(number), 1), Some(0));
            assert_eq!(unlimited.take(caller(1), 1), Some(0));
        }
        assert_eq!((limited.lock().len(), unlimited.lock().len()), (MAX_CALLERS.get(), 0));
    }

    #[test]
    fn clones_share_the_buckets_and_all_lines_that_are_left_out_are_counted() {
        let (recorder, mut events) = Recorder::channel(1_000);
        let sampler = LineSampler::new(1, Clock::manual(), recorder);
        let other = sampler.clone();
        let left_out =
            (0..50).filter(|_| sampler.take(caller(1), 1).or(other.take(caller(1), 2)).is_none()).count();
        let counted = std::iter::from_fn(|| events.try_recv().ok()).map(|event| match event {
            Event::LogLinesSampled(lines) => lines,
            other => panic!("{other:?}"),
        });
        assert_eq!((left_out, counted.sum::<u64>()), (45, 45 * 3));
    }
}
