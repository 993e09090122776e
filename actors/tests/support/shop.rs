//! Workers under test.

use std::sync::Arc;
use std::time::Duration;

use actix::{Addr, System};
use huemill_actors::fault::Fault;
use huemill_actors::metrics::Recorder;
use huemill_actors::supervise::{
    ActorRegistry, FatalErrorReceiver, RestartPolicy, ShutdownTrigger, Supervision, ask, start,
};
use huemill_actors::workers::{Answer, Ping, Run, SlotFigures, Workers, WorkersSettings};
use huemill_observability::Event;
use huemill_store::{Spool, SpoolRoom, SpoolSettings};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{AGES, Begun, Mine, engines, io};

/// Workers with a mill that does as its picture says.
pub struct Shop {
    pub workers: Addr<Workers>,
    pub mine: Arc<Mine>,
    pub begun: mpsc::UnboundedReceiver<Begun>,
    pub events: mpsc::Receiver<Event>,
    pub fatal_error: FatalErrorReceiver,
}

/// One slot, a queue of two, ample times: each test shortens what it is about.
pub fn settings() -> WorkersSettings {
    WorkersSettings {
        slots: 1,
        queue: 2,
        queue_wait: AGES,
        memory: 100 << 10,
        longest_input: 50 << 10,
        grace: AGES,
        most_abandoned: 1,
        ..WorkersSettings::default()
    }
}

impl Shop {
    pub fn open(settings: WorkersSettings) -> Self {
        let (recorder, events) = Recorder::channel(10_000);
        let (shutdown_trigger, fatal_error) = ShutdownTrigger::new();
        let (engines, mine, begun) = engines();
        let policy = RestartPolicy { first_backoff: Duration::from_millis(1), ..RestartPolicy::default() };
        let supervision = Supervision {
            policy,
            recorder: recorder.clone(),
            shutdown_trigger: shutdown_trigger.clone(),
            actor_registry: ActorRegistry::default(),
        };
        let actor = Workers::new(settings, engines, io(), recorder, shutdown_trigger);
        let workers = start(System::current().arbiter(), "workers", &supervision, |_| actor);
        Self { workers, mine, begun, events, fatal_error }
    }

    /// Sends a picture without waiting for its answer.
    pub fn send(&self, run: Run) -> actix_rt::task::JoinHandle<Answer> {
        let workers = self.workers.clone();
        actix_rt::spawn(async move { huemill_actors::workers::run(&workers, run).await })
    }

    pub async fn fault(&self, run: Run) -> Fault {
        huemill_actors::workers::run(&self.workers, run).await.unwrap_err()
    }

    pub async fn begun(&mut self) -> String {
        self.begun.recv().await.unwrap().0
    }

    pub async fn pulse(&self) -> SlotFigures {
        ask(&self.workers, Ping).await.unwrap()
    }

    /// Waits until the figures are these.
    pub async fn comes_to(&self, busy: usize, queued: usize, abandoned: usize) {
        let deadline = Instant::now() + AGES;
        loop {
            let pulse = self.pulse().await;
            if (pulse.busy, pulse.queued, pulse.abandoned) == (busy, queued, abandoned) {
                return;
            }
            assert!(Instant::now() < deadline, "it stays {pulse:?}");
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

pub fn in_file(text: &str) -> Spool {
    let room = SpoolRoom::open(SpoolSettings { memory_each: 0, ..SpoolSettings::default() }).unwrap();
    Spool::from_bytes(&room, text.into()).unwrap()
}

/// Time enough to begin.
pub fn soon() -> Instant {
    Instant::now() + Duration::from_millis(300)
}
