//! Decides which requests are logged: of a caller that sends too many, only some. Each caller has a bucket of log lines,
//! kept by GCRA as one time, and a count of what was left out since its last line. Callers are forgotten when they are
//! the least recently seen of too many; then what was left out of theirs is known to the metrics alone. Never fails.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use huemill_actors::clock::{Clock, Instant};
use huemill_store::Caller;
use lru::LruCache;

/// The most callers that are remembered, in about 100 bytes each.
const MAX_CALLERS: NonZeroUsize = NonZeroUsize::new(16_384).expect("not zero");

/// How many seconds' worth of requests may be logged at once.
const BURST_SECONDS: u32 = 10;

/// Samples the requests of each caller.
#[derive(Debug)]
pub(crate) struct LineSampler {
    /// 0 stands for any number.
    per_second: u32,
    clock: Clock,
    callers: Mutex<LruCache<Caller, Tally>>,
}

#[derive(Debug, Clone, Copy)]
struct Tally {
    /// When the bucket will be full again.
    full: Instant,
    left_out: u64,
}

impl LineSampler {
    /// Logs so many requests of each caller a second.
    pub(crate) fn new(per_second: u32, clock: Clock) -> Self {
        Self { per_second, clock, callers: Mutex::new(LruCache::new(MAX_CALLERS)) }
    }

    /// Decides about a request that would be logged in so many lines. Returns how many lines were left out before it, or
    /// `None` if its lines are left out too.
    pub(crate) fn take(&self, caller: Caller, lines: u64) -> Option<u64> {
        if self.per_second == 0 {
            return Some(0);
        }
        let now = self.clock.now();
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = callers.get_or_insert_mut(caller, || Tally { full: now, left_out: 0 });
        let full = tally.full.max(now) + Duration::from_secs(1) / self.per_second;
        if full - now > Duration::from_secs(u64::from(BURST_SECONDS)) {
            tally.left_out += lines;
            return None;
        }
        tally.full = full;
        Some(std::mem::take(&mut tally.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(number: u32) -> Caller {
        Caller::of_address(std::net::Ipv4Addr::from_bits(number).into())
    }

    #[test]
    fn a_caller_that_floods_is_sampled_and_others_are_not() {
        let clock = Clock::manual();
        let sampler = LineSampler::new(5, clock.clone());
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
        let sampler = LineSampler::new(5, clock.clone());
        for _ in 0..1_000 {
            clock.advance(Duration::from_millis(200));
            assert_eq!(sampler.take(caller(1), 1), Some(0));
        }
    }

    #[test]
    fn the_callers_are_bounded_and_no_limit_remembers_none() {
        let sampler = LineSampler::new(1, Clock::manual());
        let unlimited = LineSampler::new(0, Clock::manual());
        for number in 0..20_000 {
            sampler.take(caller(number), 1);
            assert_eq!(unlimited.take(caller(1), 1), Some(0));
        }
        assert_eq!(sampler.callers.lock().unwrap().len(), MAX_CALLERS.get());
        assert_eq!(unlimited.callers.lock().unwrap().len(), 0);
    }
}
