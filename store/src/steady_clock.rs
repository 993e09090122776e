//! The wall clock as this process believes it: it follows the system's clock in small steps, and goes on by the
//! monotonic clock when the system's jumps. Nothing expires because somebody set a clock.
//!
//! A jump is not believed before the next start. One clock for the whole process, so that the store and whoever
//! compares times with it agree.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The largest difference that is a correction and not a jump.
const STEP: i64 = 60_000;

/// See the module.
#[derive(Debug)]
pub struct SteadyClock {
    /// A moment of the monotonic clock, and the milliseconds since 1970 that it stands for.
    base: Mutex<(Instant, i64)>,
}

impl SteadyClock {
    /// The clock of this process, started by the first who asks.
    pub fn of_process() -> &'static Self {
        static CLOCK: OnceLock<SteadyClock> = OnceLock::new();
        CLOCK.get_or_init(|| Self { base: Mutex::new((Instant::now(), system_millis())) })
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn millis(&self) -> i64 {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        let now = reconcile(*base, Instant::now(), system_millis());
        // While it goes by itself the base stays: otherwise roundings would add up.
        match now {
            Belief::System(base_now) => {
                *base = base_now;
                base_now.1
            }
            Belief::Own(millis) => millis,
        }
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        self.millis().div_euclid(1_000)
    }

    /// How far the system's clock is from this one, in seconds; zero unless it has jumped.
    #[must_use]
    pub fn skew_seconds(&self) -> i64 {
        (system_millis() - self.millis()) / 1_000
    }
}

/// Which clock is right.
#[derive(Debug, PartialEq, Eq)]
enum Belief {
    /// The system's: the new base.
    System((Instant, i64)),
    /// The monotonic one, counted from the base.
    Own(i64),
}

fn reconcile((at, millis): (Instant, i64), now: Instant, system: i64) -> Belief {
    let steady = millis + now.saturating_duration_since(at).as_millis() as i64;
    if (system - steady).abs() <= STEP { Belief::System((now, system)) } else { Belief::Own(steady) }
}

fn system_millis() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn small_steps_are_followed_and_jumps_are_not() {
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let base = (start, 1_000_000);
        assert_eq!(reconcile(base, later(10), 1_010_500), Belief::System((later(10), 1_010_500)));
        assert_eq!(reconcile(base, later(10), 1_009_000), Belief::System((later(10), 1_009_000)));
        for jump in [86_400_000, -86_400_000] {
            assert_eq!(reconcile(base, later(10), 1_010_000 + jump), Belief::Own(1_010_000));
        }
    }
}
