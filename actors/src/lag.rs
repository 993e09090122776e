//! Event-loop lag: measures how late a loop runs its tasks.
//!
//! A timer in the loop fires every second and records how long after its due time it ran. Whatever delays the loop
//! (a blocking handler, too little CPU time) delays the timer as well. It ends with the loop. One measurement costs
//! a few microseconds; the timer's own resolution of a millisecond is not counted as lag.

use std::time::Duration;

use huemill_observability::{Event, EventLoop};
use tokio::time::sleep_until;

use crate::clock::Instant;
use crate::recorder::Recorder;

/// Time between two measurements.
const INTERVAL: Duration = Duration::from_secs(1);

/// Measures the lag of the loop that runs this task; `kind` names the loop in the metrics.
pub async fn watch(kind: EventLoop, recorder: Recorder) {
    loop {
        let due = Instant::now() + INTERVAL;
        sleep_until(due).await;
        recorder.record(Event::LoopLagged { kind, time: due.elapsed() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_delayed_loop_records_its_delay() {
        let (recorder, mut events) = Recorder::channel(8);
        tokio::spawn(watch(EventLoop::Http, recorder));
        for late in [0, 400, 3_000, 0] {
            tokio::task::yield_now().await;
            let late = Duration::from_millis(late);
            tokio::time::advance(INTERVAL + late).await;
            let event = events.recv().await;
            let Some(Event::LoopLagged { kind: EventLoop::Http, time }) = event else { panic!("{event:?}") };
            // Timers have a resolution of one millisecond.
            assert!(time >= late && time <= late + Duration::from_millis(1), "{time:?} instead of {late:?}");
        }
    }
}
