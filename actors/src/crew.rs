//! The crew: all actors, started in their order on their arbiters, and stopped in the reverse order.
//!
//! The application starts it inside of an actix system, hands its addresses to HTTP, awaits
//! [`Crew::doom`] beside the signals, and stops it last of all but the io runtime. `control` carries Workers,
//! Intake and the actors of the jobs, `health` and `metrics` their own actors alone, so that neither a flood of events nor a hanging
//! neighbour keeps a verdict or a scrape waiting.

mod jobs;
mod world;

use std::time::Duration;

use actix::Addr;
use actix_rt::Arbiter;
use huemill_observability::Event;
use tokio::runtime::Handle;
use tokio::time::timeout;

pub use jobs::{Jobs, JobsWorld};
pub use world::{CrewSettings, World};

use crate::budget::Budget;
use crate::clock::Instant;
use crate::dispatcher::{Dispatcher, Rest};
use crate::health::{Health, Patients, VerdictCell};
use crate::idempotency::Idempotency;
use crate::intake::{Drain, Intake};
use crate::janitor::Janitor;
use crate::metrics::{Metrics, Recorder};
use crate::records::Records;
use crate::supervise::{self, Bell, DoomReceiver, Roster, Supervision, ask};
use crate::workers::Workers;

/// The actors' nouns, as metrics spell them.
pub const ACTORS: [&str; 7] =
    ["dispatcher", "health", "idempotency", "intake", "janitor", "metrics", "workers"];

/// How long an arbiter's thread may take to end.
const FAREWELL: Duration = Duration::from_secs(2);

/// The running crew. Its fields may be cloned freely.
pub struct Crew {
    /// Asked through [`workers::run`](crate::workers::run).
    pub workers: Addr<Workers>,
    /// Asked for an [`Admit`](crate::intake::Admit) before a body is read.
    pub intake: Addr<Intake>,
    /// Asked to [`Reserve`](crate::idempotency::Reserve) a key.
    pub idempotency: Addr<Idempotency>,
    /// Told of canceled jobs.
    pub dispatcher: Addr<Dispatcher>,
    /// Told of blobs that may go.
    pub janitor: Addr<Janitor>,
    /// Jobs and blobs.
    pub records: Records,
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
    pub fn start(settings: &CrewSettings, world: World) -> Self {
        let arbiters = Arbiters {
            health: arbiter(c"health"),
            control: arbiter(c"control"),
            metrics: arbiter(c"metrics"),
        };
        let (recorder, events) = Recorder::channel(settings.events);
        let (bell, doom) = Bell::new();
        let (drain, roster) = (Drain::default(), Roster::default());
        let clock = world.clock.clone();
        let verdict = VerdictCell::new(clock, settings.health.stale, drain.clone(), bell.clone());
        let supervision = Supervision {
            policy: settings.policy,
            recorder: recorder.clone(),
            bell: bell.clone(),
            roster: roster.clone(),
        };
        let (control, io) = (arbiters.control.handle(), world.io.clone());
        let actor = Metrics::new(world.registry.clone(), recorder.clone(), events);
        let metrics = supervise::start(&arbiters.metrics.handle(), "metrics", &supervision, |_| actor);
        let actor =
            Workers::new(settings.workers.clone(), world.mills.clone(), io.clone(), recorder.clone(), bell);
        let budget = actor.budget();
        let workers = supervise::start(&control, "workers", &supervision, |_| actor);
        let records = Records::new(
            world.store.clone(),
            world.blobs.clone(),
            world.snapshots.clone(),
            io.clone(),
            recorder.clone(),
        );
        let jobs = Jobs::start(&JobsWorld {
            arbiter: &control,
            supervision: &supervision,
            records: &records,
            workers: &workers,
            drain: &drain,
            room: &world.room,
            disk: &world.disk,
            owner: &world.owner,
            io: &io,
            dispatcher: settings.dispatcher,
            janitor: settings.janitor,
            intake: settings.intake,
            blob_limit: settings.blob_limit,
        });
        let patients = Patients {
            workers: workers.clone(),
            intake: jobs.intake.clone(),
            metrics: metrics.clone(),
            dispatcher: jobs.dispatcher.clone(),
            idempotency: jobs.idempotency.clone(),
            janitor: jobs.janitor.clone(),
            records: records.clone(),
            roster: roster.clone(),
            disk: world.disk,
            memory: world.memory,
            room: world.room,
            io: io.clone(),
        };
        let actor = Health::new(settings.health, verdict.clone(), recorder.clone(), patients);
        let health = supervise::start(&arbiters.health.handle(), "health", &supervision, |_| actor);
        let Jobs { intake, idempotency, dispatcher, janitor } = jobs;
        Self {
            workers,
            intake,
            idempotency,
            dispatcher,
            janitor,
            records,
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

    /// Stops everybody, in order: the Dispatcher comes to rest (its pictures in flight end within `rest`, or are
    /// given back), then Health, then the actors of `control` (whoever still waits for a picture is told), and
    /// Metrics last, so that it counts to the end. Drains if that has not begun. The store is closed.
    pub async fn stop(self, rest: Duration) {
        self.drain();
        let until = Instant::now() + rest;
        let _ = timeout(rest + FAREWELL, ask(&self.dispatcher, Rest { until })).await;
        let Arbiters { health, control, metrics } = self.arbiters;
        for arbiter in [health, control, metrics] {
            arbiter.stop();
            let ended = self.io.spawn_blocking(move || arbiter.join());
            // One that hangs ends with the process.
            let _ = timeout(FAREWELL, ended).await;
        }
        self.records.store.close().await;
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
