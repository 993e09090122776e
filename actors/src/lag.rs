//! How late an event loop is: a timer in it that is due every second and tells how long after that its turn came.
//! Whatever holds a loop up (a handler that blocks, too little processor time) holds its timer up as well.
//!
//! It ends with the loop. A beat costs some microseconds; a tick of the timers themselves, a millisecond, is no lag.

use std::time::Duration;

use huemill_observability::{Event, EventLoop};
use tokio::time::sleep_until;

use crate::clock::Instant;
use crate::metrics::Recorder;

/// Between two beats.
const BEAT: Duration = Duration::from_secs(1);

/// Watches the loop that this is spawned in, which is of this kind.
pub async fn watch(kind: EventLoop, recorder: Recorder) {
    loop {
        let due = Instant::now() + BEAT;
        sleep_until(due).await;
        recorder.record(Event::LoopLagged { kind, time: due.elapsed() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_was_held_up_tells_for_how_long() {
        let (recorder, mut events) = Recorder::channel(8);
        tokio::spawn(watch(EventLoop::Http, recorder));
        for late in [0, 400, 3_000, 0] {
            tokio::task::yield_now().await;
            let late = Duration::from_millis(late);
            tokio::time::advance(BEAT + late).await;
            let told = events.recv().await;
            let Some(Event::LoopLagged { kind: EventLoop::Http, time }) = told else { panic!("{told:?}") };
            // The clock of timers ticks in milliseconds.
            assert!(time >= late && time <= late + Duration::from_millis(1), "{time:?} instead of {late:?}");
        }
    }
}
