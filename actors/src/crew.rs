//! The crew: all actors, started in their order on their arbiters, and stopped in the reverse order.
//!
//! The application starts it inside of an actix system, hands its addresses to HTTP, awaits
//! [`Crew::doom`] beside the signals, and stops it last of all but the io runtime. `control` carries Workers and
//! Intake, `health` and `metrics` their own actors alone, so that neither a flood of events nor a hanging
//! neighbour keeps a verdict or a scrape waiting.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use actix_rt::Arbiter;
use huemill_observability::{Event, Registry};
use huemill_store::SpoolRoom;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::budget::Budget;
use crate::clock::Clock;
use crate::health::{
    DiskProbe, Health, HealthSettings, MemoryProbe, Patients, VerdictCell, disk_free, memory_use,
};
use crate::intake::{Drain, Intake, IntakeSettings};
use crate::metrics::{Metrics, Recorder};
use crate::supervise::{self, Bell, DoomReceiver, Policy, Roster, Supervision};
use crate::workers::{Mills, Workers, WorkersSettings};

/// The actors' nouns, as metrics spell them.
pub const ACTORS: [&str; 4] = ["health", "intake", "metrics", "workers"];

/// How long an arbiter's thread may take to end.
const FAREWELL: Duration = Duration::from_secs(2);

/// Everything about the crew that can be set.
#[derive(Debug, Clone)]
pub struct CrewSettings {
    /// Restart intensity and backoff.
    pub policy: Policy,
    /// Slots, queue and memory.
    pub workers: WorkersSettings,
    /// What may be in flight.
    pub intake: IntakeSettings,
    /// What is ready.
    pub health: HealthSettings,
    /// Events that may wait to be counted.
    pub events: usize,
}

impl Default for CrewSettings {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            workers: WorkersSettings::default(),
            intake: IntakeSettings::default(),
            health: HealthSettings::default(),
            events: 16_384,
        }
    }
}

/// The world around the crew, each part of which a test may replace.
#[derive(Clone)]
pub struct World {
    /// The io runtime, started before the crew and ended after it.
    pub io: Handle,
    /// Where events are counted.
    pub registry: Arc<Registry>,
    /// The spools, whose bytes are reported.
    pub room: SpoolRoom,
    /// What works on pictures.
    pub mills: Mills,
    /// Free bytes of the data's disk.
    pub disk: DiskProbe,
    /// The memory in use.
    pub memory: MemoryProbe,
    /// By which a verdict ages.
    pub clock: Clock,
}

impl World {
    /// The real one; `data` is the folder whose disk counts.
    #[must_use]
    pub fn real(io: Handle, registry: Arc<Registry>, room: SpoolRoom, data: PathBuf, mills: Mills) -> Self {
        Self {
            io,
            registry,
            room,
            mills,
            disk: disk_free(data),
            memory: memory_use(),
            clock: Clock::system(),
        }
    }
}

/// The running crew. Its fields may be cloned freely.
pub struct Crew {
    /// Asked through [`workers::run`](crate::workers::run).
    pub workers: Addr<Workers>,
    /// Asked for an [`Admit`](crate::intake::Admit) before a body is read.
    pub intake: Addr<Intake>,
    /// Asked to [`Render`](crate::metrics::Render) a scrape.
    pub metrics: Addr<Metrics>,
    /// Told what happened.
    pub recorder: Recorder,
    /// The memory that pictures share; whoever else holds much counts in it.
    pub budget: Budget,
    /// Read by /ready.
    pub verdict: VerdictCell,
    /// The drain's flag.
    pub drain: Drain,
    /// Holds a doom once there is one; then drain, stop, and exit with
    /// [`EXIT_CODE`](crate::supervise::EXIT_CODE).
    pub doom: DoomReceiver,
    /// Who is up.
    pub roster: Roster,
    /// Nobody asks Health anything; but an actor whose address nobody holds is not restarted.
    _health: Addr<Health>,
    io: Handle,
    arbiters: Arbiters,
}

struct Arbiters {
    health: Arbiter,
    control: Arbiter,
    metrics: Arbiter,
}

impl Crew {
    /// Starts everybody. Panics outside of an actix system, or where no thread can be had.
    #[must_use]
    pub fn start(settings: CrewSettings, world: World) -> Self {
        let arbiters = Arbiters {
            health: arbiter(c"health"),
            control: arbiter(c"control"),
            metrics: arbiter(c"metrics"),
        };
        let World { io, registry, room, mills, disk, memory, clock } = world;
        let (recorder, events) = Recorder::channel(settings.events);
        let (bell, doom) = Bell::new();
        let (drain, roster) = (Drain::default(), Roster::default());
        let verdict = VerdictCell::new(clock, settings.health.stale, drain.clone(), bell.clone());
        let supervision = Supervision {
            policy: settings.policy,
            recorder: recorder.clone(),
            bell: bell.clone(),
            roster: roster.clone(),
        };
        let control = arbiters.control.handle();
        let actor = Metrics::new(registry, recorder.clone(), events);
        let metrics = supervise::start(&arbiters.metrics.handle(), "metrics", &supervision, |_| actor);
        let actor = Workers::new(settings.workers, mills, io.clone(), recorder.clone(), bell);
        let budget = actor.budget();
        let workers = supervise::start(&control, "workers", &supervision, |_| actor);
        let actor = Intake::new(settings.intake, drain.clone(), disk.clone(), io.clone(), recorder.clone());
        let intake = supervise::start(&control, "intake", &supervision, |_| actor);
        let patients = Patients {
            workers: workers.clone(),
            intake: intake.clone(),
            metrics: metrics.clone(),
            roster: roster.clone(),
            disk,
            memory,
            room,
            io: io.clone(),
        };
        let actor = Health::new(settings.health, verdict.clone(), recorder.clone(), patients);
        let health = supervise::start(&arbiters.health.handle(), "health", &supervision, |_| actor);
        Self {
            workers,
            intake,
            metrics,
            recorder,
            budget,
            verdict,
            drain,
            doom,
            roster,
            _health: health,
            io,
            arbiters,
        }
    }

    /// Not ready and nothing new is let in from now on; what was let in goes on.
    pub fn drain(&self) {
        self.drain.begin();
        self.recorder.record(Event::Ready(false));
    }

    /// Stops everybody, in order: Health, then Intake and Workers (whoever still waits for a picture is told),
    /// and Metrics last, so that it counts to the end. Drains if that has not begun.
    pub async fn stop(self) {
        self.drain();
        let Arbiters { health, control, metrics } = self.arbiters;
        for arbiter in [health, control, metrics] {
            arbiter.stop();
            let ended = self.io.spawn_blocking(move || arbiter.join());
            // One that hangs ends with the process.
            let _ = timeout(FAREWELL, ended).await;
        }
    }
}

/// A new arbiter whose thread bears this name for the operating system.
fn arbiter(name: &'static std::ffi::CStr) -> Arbiter {
    let arbiter = Arbiter::new();
    arbiter.spawn_fn(move || {
        // A name is a help to whoever looks, and no more.
        let _ = rustix::thread::set_name(name);
    });
    arbiter
}
