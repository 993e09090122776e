//! A wall clock that does not jump: it follows small corrections of the system clock, and continues on the monotonic
//! clock when the system clock jumps. Nothing expires because someone set the system clock.
//!
//! A jump is not followed until the process restarts. There is one clock per process, so that the store and the code
//! that compares times with it agree.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The largest difference in milliseconds that counts as a correction and not as a jump.
const MAX_CORRECTION: i64 = 60_000;

/// The clock. See the module documentation.
#[derive(Debug)]
pub struct SteadyClock {
    /// A time on the monotonic clock, and the same time in milliseconds since 1970.
    base: Mutex<(Instant, i64)>,
}

impl SteadyClock {
    /// The clock of this process, started by the first call.
    pub fn of_process() -> &'static Self {
        static CLOCK: OnceLock<SteadyClock> = OnceLock::new();
        CLOCK.get_or_init(|| Self { base: Mutex::new((Instant::now(), system_millis())) })
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn millis(&self) -> i64 {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        let now = reconcile(*base, Instant::now(), system_millis());
        match now {
            Source::System(base_now) => {
                *base = base_now;
                base_now.1
            }
            // The base stays, so that rounding errors do not add up.
            Source::Monotonic(millis) => millis,
        }
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        self.millis().div_euclid(1_000)
    }

    /// How far the system clock is ahead of this clock, in seconds. Zero unless the system clock has jumped.
    #[must_use]
    pub fn skew_seconds(&self) -> i64 {
        (system_millis() - self.millis()) / 1_000
    }
}

/// The clock that the time comes from.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    /// The system clock, with the new base.
    System((Instant, i64)),
    /// The monotonic clock, in milliseconds counted from the base.
    Monotonic(i64),
}

fn reconcile((at, millis): (Instant, i64), now: Instant, system: i64) -> Source {
    let steady = millis + now.saturating_duration_since(at).as_millis() as i64;
    if (system - steady).abs() <= MAX_CORRECTION {
        Source::System((now, system))
    } else {
        Source::Monotonic(steady)
    }
}

fn system_millis() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn small_corrections_are_followed_and_jumps_are_not() {
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let base = (start, 1_000_000);
        assert_eq!(reconcile(base, later(10), 1_010_500), Source::System((later(10), 1_010_500)));
        assert_eq!(reconcile(base, later(10), 1_009_000), Source::System((later(10), 1_009_000)));
        for jump in [86_400_000, -86_400_000] {
            assert_eq!(reconcile(base, later(10), 1_010_000 + jump), Source::Monotonic(1_010_000));
        }
    }
}
