//! Rates: how many requests and pictures a caller may send a minute.
//!
//! Each caller has a bucket for requests and one for pictures, which GCRA (the generic cell rate algorithm of ITU-T I.371)
//! keeps as one time each: when the bucket will be full again. A bucket holds a minute's worth, so that a caller may send
//! it all at once. Callers are forgotten when they are the least recently seen of too many; one that is forgotten has full
//! buckets. The edge asks once a request, without a message to an actor. Nothing here fails.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use huemill_store::Caller;
use huemill_store::access_key::KeyLimits;
use lru::LruCache;

use crate::clock::{Clock, Instant};
use crate::fault::{Code, Fault};
use crate::reached_limit::{ReachedLimit, Unit};

/// The most callers that are remembered, in about 100 bytes each.
const MAX_CALLERS: NonZeroUsize = NonZeroUsize::new(65_536).expect("not zero");

/// The names of the limits.
const REQUESTS: &str = "requests";
const PICTURES: &str = "pictures";

const MINUTE: Duration = Duration::from_secs(60);

/// What a caller may send in a minute. 0 stands for any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests of any kind.
    pub requests: u32,
    /// Pictures, in requests and in jobs.
    pub pictures: u32,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// A request.
    Request,
    /// This many pictures.
    Pictures(u32),
}

/// A limit that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// The name of the limit.
    pub policy: &'static str,
    /// How many a minute are allowed.
    pub per_minute: u32,
    /// How long until the same can be sent.
    pub wait: Duration,
}

impl From<Exceeded> for Fault {
    fn from(exceeded: Exceeded) -> Self {
        let Exceeded { policy, per_minute, wait } = exceeded;
        // As in the header.
        let seconds = wait.as_secs().max(1);
        let message = format!(
            "You have sent too much in a short time: {per_minute} {policy} a minute are allowed (limit `{policy}`). \
             Try again in {seconds} s."
        );
        let unit = if policy == REQUESTS { Unit::Requests } else { Unit::Pictures };
        let limit = ReachedLimit::rate(policy, u64::from(per_minute), unit, MINUTE);
        let mut fault = Self::new(Code::RateLimited).with_message(message).with_limit(limit);
        fault.retry_after = Some(wait);
        fault
    }
}

/// The buckets of all callers.
#[derive(Debug)]
pub struct Rates {
    limits: RateLimits,
    clock: Clock,
    callers: Mutex<LruCache<Caller, Buckets>>,
}

#[derive(Debug, Clone, Copy)]
struct Buckets {
    requests: Bucket,
    pictures: Bucket,
}

/// When the bucket will be full again.
#[derive(Debug, Clone, Copy)]
struct Bucket(Instant);

impl Bucket {
    /// Takes from the bucket, or returns how long until there is enough in it. A full bucket gives more than it holds,
    /// and is the longer empty: whoever sends nothing else may send a large job.
    fn take(&mut self, amount: u32, per_minute: u32, now: Instant) -> Result<(), Duration> {
        let full = self.0.max(now);
        let after = full + MINUTE.mul_f64(f64::from(amount) / f64::from(per_minute));
        let debt = after.saturating_duration_since(now).saturating_sub(MINUTE);
        if full > now && !debt.is_zero() {
            return Err(debt.min(full.duration_since(now)));
        }
        self.0 = after;
        Ok(())
    }
}

impl Rates {
    /// Full buckets for everybody.
    #[must_use]
    pub fn new(limits: RateLimits, clock: Clock) -> Self {
        Self { limits, clock, callers: Mutex::new(LruCache::new(MAX_CALLERS)) }
    }

    /// Counts what a caller sends whose key has these limits.
    ///
    /// # Errors
    /// The limit that it has reached. Nothing is counted then.
    pub fn count(&self, caller: Caller, limits: &KeyLimits, counted: Counted) -> Result<(), Exceeded> {
        let (policy, amount) = match counted {
            Counted::Request => (REQUESTS, 1),
            Counted::Pictures(amount) => (PICTURES, amount),
        };
        let per_minute = self.per_minute(limits, policy).unwrap_or_default();
        if per_minute == 0 || caller == Caller::Service {
            return Ok(());
        }
        let now = self.clock.now();
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let full = Buckets { requests: Bucket(now), pictures: Bucket(now) };
        let buckets = callers.get_or_insert_mut(caller, || full);
        let bucket = match counted {
            Counted::Request => &mut buckets.requests,
            Counted::Pictures(_) => &mut buckets.pictures,
        };
        bucket.take(amount, per_minute, now).map_err(|wait| Exceeded { policy, per_minute, wait })
    }

    /// The number of a limit for a caller whose key has these limits.
    fn per_minute(&self, limits: &KeyLimits, policy: &str) -> Option<u32> {
        match policy {
            REQUESTS => Some(limits.requests_per_minute.unwrap_or(self.limits.requests)),
            PICTURES => Some(limits.pictures_per_minute.unwrap_or(self.limits.pictures)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// No key.
    const NONE: KeyLimits = KeyLimits::NONE;

    fn caller(number: u32) -> Caller {
        Caller::of_address(std::net::Ipv4Addr::from_bits(number).into())
    }

    fn rates() -> (Rates, Clock) {
        let clock = Clock::manual();
        (Rates::new(RateLimits { requests: 60, pictures: 100 }, clock.clone()), clock)
    }

    #[test]
    fn a_minutes_worth_may_come_at_once_and_then_at_the_rate() {
        let (rates, clock) = rates();
        for _ in 0..60 {
            rates.count(caller(1), &NONE, Counted::Request).unwrap();
        }
        let exceeded = rates.count(caller(1), &NONE, Counted::Request).unwrap_err();
        assert_eq!(exceeded, Exceeded { policy: "requests", per_minute: 60, wait: Duration::from_secs(1) });
        rates.count(caller(2), &NONE, Counted::Request).unwrap();
        clock.advance(Duration::from_secs(1));
        rates.count(caller(1), &NONE, Counted::Request).unwrap();
        assert!(rates.count(caller(1), &NONE, Counted::Request).is_err());
    }

    #[test]
    fn a_large_job_needs_a_full_bucket_and_empties_it_for_long() {
        let (rates, clock) = rates();
        rates.count(caller(1), &NONE, Counted::Pictures(1)).unwrap();
        assert!(rates.count(caller(1), &NONE, Counted::Pictures(200)).is_err());
        clock.advance(Duration::from_secs(1));
        rates.count(caller(1), &NONE, Counted::Pictures(200)).unwrap();
        clock.advance(Duration::from_secs(59));
        assert_eq!(rates.count(caller(1), &NONE, Counted::Pictures(1)).unwrap_err().policy, "pictures");
        clock.advance(Duration::from_secs(2));
        rates.count(caller(1), &NONE, Counted::Pictures(1)).unwrap();
    }

    #[test]
    fn a_key_may_have_limits_of_its_own() {
        let (rates, _) = rates();
        let limits = KeyLimits { requests_per_minute: Some(1), pictures_per_minute: Some(0), ..NONE };
        rates.count(caller(1), &limits, Counted::Request).unwrap();
        assert_eq!(rates.count(caller(1), &limits, Counted::Request).unwrap_err().policy, "requests");
        for _ in 0..200 {
            rates.count(caller(1), &limits, Counted::Pictures(1_000)).unwrap();
        }
    }

    #[test]
    fn no_limit_counts_nothing() {
        let rates = Rates::new(RateLimits { requests: 0, pictures: 0 }, Clock::manual());
        for _ in 0..1_000 {
            rates.count(caller(1), &NONE, Counted::Request).unwrap();
        }
        assert_eq!(rates.callers.lock().unwrap().len(), 0);
    }

    #[test]
    fn the_callers_are_bounded() {
        let (rates, _) = rates();
        for number in 0..70_000 {
            rates.count(caller(number), &NONE, Counted::Request).unwrap();
        }
        assert_eq!(rates.callers.lock().unwrap().len(), MAX_CALLERS.get());
    }

    proptest! {
        /// In any stretch of time a caller gets at most a minute's worth more than the rate.
        #[test]
        fn the_rate_holds(waits in proptest::collection::vec(0u64..3_000, 1..400)) {
            let (rates, clock) = rates();
            let (mut elapsed, mut taken) = (Duration::ZERO, 0_u32);
            for wait in waits {
                let wait = Duration::from_millis(wait);
                clock.advance(wait);
                elapsed += wait;
                if let Err(exceeded) = rates.count(caller(1), &NONE, Counted::Request) {
                    prop_assert!(exceeded.wait <= Duration::from_secs(1));
                } else {
                    taken += 1;
                }
                prop_assert!(f64::from(taken) <= 60.0 + elapsed.as_secs_f64() + 1e-6);
            }
        }
    }
}
