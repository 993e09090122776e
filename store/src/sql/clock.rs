//! The clocks that transactions use. With PostgreSQL it is the server's clock, so that all processes agree. With SQLite
//! it is the wall clock for the times that clients see, and a monotonic tick for leases, which setting the wall clock
//! does not affect.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::steady_clock::SteadyClock;

type Millis = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The clock of an SQLite store: two closures, so that tests can set both.
#[derive(Clone)]
pub struct StoreClock {
    wall: Millis,
    tick: Millis,
}

impl StoreClock {
    /// `wall` returns milliseconds since 1970 and may jump. `tick` returns milliseconds since some moment of this
    /// process; it is never negative and never goes back.
    pub fn new(
        wall: impl Fn() -> i64 + Send + Sync + 'static,
        tick: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Self {
        Self { wall: Arc::new(wall), tick: Arc::new(tick) }
    }

    /// This process's clocks: a wall clock that does not jump, and the monotonic clock.
    #[must_use]
    pub fn system() -> Self {
        let start = Instant::now();
        Self::new(|| SteadyClock::of_process().millis(), move || start.elapsed().as_millis() as i64)
    }

    /// The current time on both clocks.
    pub(super) fn now(&self) -> Now {
        Now { wall: (self.wall)(), tick: (self.tick)() }
    }
}

impl fmt::Debug for StoreClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreClock").finish_non_exhaustive()
    }
}

/// One moment, in milliseconds on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// Since 1970.
    pub(super) wall: i64,
    /// On the clock of leases.
    pub(super) tick: i64,
}

/// A duration in milliseconds, as columns store it.
pub(super) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX / 4)
}

/// The duration between two moments; zero if the clock went back.
pub(super) fn span(from: i64, to: i64) -> Duration {
    Duration::from_millis(u64::try_from(to.saturating_sub(from)).unwrap_or_default())
}
