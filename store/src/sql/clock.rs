//! The times that a transaction works with. PostgreSQL's own clock, so that all processes agree; for SQLite the
//! wall clock for what clients see, and for leases a tick that no setting of the wall clock moves.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::steady_clock::SteadyClock;

type Reading = Arc<dyn Fn() -> i64 + Send + Sync>;

/// SQLite's clock: two closures, so that tests can turn both.
#[derive(Clone)]
pub struct StoreClock {
    wall: Reading,
    tick: Reading,
}

impl StoreClock {
    /// `wall` gives milliseconds since 1970 and may jump; `tick` milliseconds since any moment of this process,
    /// not below 0 and never backwards.
    pub fn new(
        wall: impl Fn() -> i64 + Send + Sync + 'static,
        tick: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Self {
        Self { wall: Arc::new(wall), tick: Arc::new(tick) }
    }

    /// The process's own clocks: a wall clock that does not jump, and the monotonic one.
    #[must_use]
    pub fn system() -> Self {
        let start = Instant::now();
        Self::new(|| SteadyClock::of_process().millis(), move || start.elapsed().as_millis() as i64)
    }

    /// Both, read now.
    pub(super) fn now(&self) -> Now {
        Now { wall: (self.wall)(), tick: (self.tick)() }
    }
}

impl fmt::Debug for StoreClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreClock").finish_non_exhaustive()
    }
}

/// One moment, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// Since 1970.
    pub(super) wall: i64,
    /// By the clock of leases.
    pub(super) tick: i64,
}

/// A span in milliseconds, as columns hold it.
pub(super) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX / 4)
}

/// The span between two moments, nothing if the clock went back.
pub(super) fn span(from: i64, to: i64) -> Duration {
    Duration::from_millis(u64::try_from(to.saturating_sub(from)).unwrap_or_default())
}
