//! The two clocks that the service reads in Unix seconds. They differ: one is for the store's times, the other for
//! times that clients send.

use std::time::{SystemTime, UNIX_EPOCH};

use huemill_store::steady_clock::SteadyClock;

/// Seconds since 1970 by a clock that does not jump while the process runs. Compare it with the store's times.
pub(crate) fn steady_now() -> i64 {
    SteadyClock::of_process().seconds()
}

/// Seconds since 1970 by the machine's clock. Compare it with times that clients send.
pub(crate) fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() as i64)
}
