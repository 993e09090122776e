//! Workers under test, with engines that do what their picture says.

use std::sync::Arc;
use std::time::Duration;

use actix::{Addr, System};
use huemill_actors::clock::Clock;
use huemill_actors::fault::Fault;
use huemill_actors::line_sampler::LineSampler;
use huemill_actors::supervise::{FatalErrorReceiver, ask, start};
use huemill_actors::workers::{PingSlots, Run, RunResult, SlotFigures, Workers, WorkersSettings};
use huemill_observability::Event;
use huemill_store::{Spool, SpoolRoom, SpoolSettings};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::test_supervision::TestSupervision;
use super::{AGES, EngineControl, StartedPicture, engines, io};

/// Workers with scripted engines.
pub struct TestWorkers {
    pub address: Addr<Workers>,
    pub engine: Arc<EngineControl>,
    pub started: mpsc::UnboundedReceiver<StartedPicture>,
    pub events: mpsc::Receiver<Event>,
    pub fatal_error: FatalErrorReceiver,
}

/// One slot, a queue of two and long time limits; each test shortens the one that it is about.
pub fn settings() -> WorkersSettings {
    WorkersSettings {
        slots: 1,
        queue: 3,
        queue_wait: AGES,
        memory: 100 << 10,
        longest_input: 50 << 10,
        grace: AGES,
        most_abandoned: 1,
        ..WorkersSettings::default()
    }
}

impl TestWorkers {
    pub fn start(settings: WorkersSettings) -> Self {
        let TestSupervision { supervision, events, fatal_error } = TestSupervision::quick();
        let (engines, engine, started) = engines();
        let (recorder, shutdown_trigger) =
            (supervision.recorder.clone(), supervision.shutdown_trigger.clone());
        // Its clock stands still, so ten events of each caller are logged.
        let line_sampler = LineSampler::new(1, Clock::manual(), recorder.clone());
        let actor = Workers::new(settings, engines, io(), recorder, line_sampler, shutdown_trigger);
        let address = start(System::current().arbiter(), "workers", &supervision, |_| actor);
        Self { address, engine, started, events, fatal_error }
    }

    /// Sends a picture without waiting for its answer.
    pub fn send(&self, run: Run) -> actix_rt::task::JoinHandle<RunResult> {
        let workers = self.address.clone();
        actix_rt::spawn(async move { huemill_actors::workers::run(&workers, run).await })
    }

    pub async fn fault(&self, run: Run) -> Fault {
        huemill_actors::workers::run(&self.address, run).await.unwrap_err()
    }

    /// The text of the next picture whose processing starts.
    pub async fn next_started(&mut self) -> String {
        self.started.recv().await.unwrap().0
    }

    pub async fn figures(&self) -> SlotFigures {
        ask(&self.address, PingSlots).await.unwrap()
    }

    /// Waits until the slots have these figures.
    pub async fn wait_for_slots(&self, busy: usize, queued: usize, abandoned: usize) {
        let deadline = Instant::now() + AGES;
        loop {
            let figures = self.figures().await;
            if (figures.busy, figures.queued, figures.abandoned) == (busy, queued, abandoned) {
                return;
            }
            assert!(Instant::now() < deadline, "the figures stay {figures:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until so many attempts are in the guest slot.
    pub async fn wait_for_guests(&self, guests: usize) {
        let deadline = Instant::now() + AGES;
        while self.figures().await.guests != guests {
            assert!(Instant::now() < deadline, "the guest slot does not have {guests} attempts");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub fn outcomes(&mut self) -> Vec<(&'static str, &'static str)> {
        let ended = |event| match event {
            Event::AttemptEnded { format, outcome } => Some((format, outcome)),
            _ => None,
        };
        std::iter::from_fn(|| self.events.try_recv().ok()).filter_map(ended).collect()
    }
}

/// A spool on disk with this text.
pub fn in_file(text: &str) -> Spool {
    let room = SpoolRoom::open(SpoolSettings { memory_each: 0, ..SpoolSettings::default() }).unwrap();
    Spool::from_bytes(&room, text.into()).unwrap()
}

/// A deadline that leaves time to begin.
pub fn soon() -> Instant {
    Instant::now() + Duration::from_millis(300)
}
