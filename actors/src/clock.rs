//! Time: a monotonic clock that a test can move by hand, and how late event loops run their tasks.
//!
//! Actors' timers run on tokio's own clock; [`Clock`] measures ages that are judged outside an actor, such as that of
//! the last health report. [`watch_lag`] runs a timer in a loop that fires every second and records how long after its
//! due time it ran. Whatever delays the loop (a blocking handler, too little CPU time) delays the timer as well. It
//! ends with the loop. One measurement costs a few microseconds; the timer's own resolution of a millisecond is not
//! counted as lag. Nothing here fails.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use huemill_observability::{Event, EventLoop};
use tokio::time::sleep_until;

pub use tokio::time::Instant;

use crate::telemetry::Recorder;

/// Where the time comes from: the system, or a test.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<Mutex<Instant>>>);

impl Clock {
    /// The system's monotonic clock.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until [`Clock::advance`] moves it; clones share the time.
    #[must_use]
    pub fn manual() -> Self {
        Self(Some(Arc::new(Mutex::new(Instant::now()))))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Instant {
        match &self.0 {
            None => Instant::now(),
            Some(hand) => *hand.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a manual clock forward. The system clock ignores it.
    pub fn advance(&self, by: Duration) {
        if let Some(hand) = &self.0 {
            *hand.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }
}

/// Time between two measurements.
const LAG_INTERVAL: Duration = Duration::from_secs(1);

/// Measures the lag of the loop that runs this task; `kind` names the loop in the metrics.
pub async fn watch_lag(kind: EventLoop, recorder: Recorder) {
    loop {
        let due = Instant::now() + LAG_INTERVAL;
        sleep_until(due).await;
        recorder.record(Event::LoopLagged { kind, time: due.elapsed() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand_and_with_its_clones() {
        let clock = Clock::manual();
        let before = clock.now();
        clock.clone().advance(Duration::from_secs(31));
        assert_eq!(clock.now() - before, Duration::from_secs(31));
    }

    #[tokio::test(start_paused = true)]
    async fn a_delayed_loop_records_its_delay() {
        let (recorder, mut events) = Recorder::channel(8);
        tokio::spawn(watch_lag(EventLoop::Http, recorder));
        for late in [0, 400, 3_000, 0] {
            tokio::task::yield_now().await;
            let late = Duration::from_millis(late);
            tokio::time::advance(LAG_INTERVAL + late).await;
            let event = events.recv().await;
            let Some(Event::LoopLagged { kind: EventLoop::Http, time }) = event else { panic!("{event:?}") };
            // Timers have a resolution of one millisecond.
            assert!(time >= late && time <= late + Duration::from_millis(1), "{time:?} instead of {late:?}");
        }
    }
}
