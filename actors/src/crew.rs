//! The crew: all actors, started in their order on their arbiters, and stopped in the reverse order.
//!
//! The application starts it inside of an actix system, hands its addresses to HTTP, awaits
//! [`Crew::doom`] beside the signals, and stops it last of all but the io runtime. `control` carries Workers, Intake
//! and the actors of the jobs, `net` those that speak to servers of others, `health` and `metrics` their own actors
//! alone, so that neither a flood of events nor a hanging neighbour keeps a verdict or a scrape waiting.

mod jobs;
mod world;

use std::time::Duration;

use actix::Addr;
use actix_rt::Arbiter;
use huemill_observability::{Event, EventLoop};
use tokio::runtime::Handle;
use tokio::time::timeout;

pub use jobs::{Jobs, JobsWorld};
pub use world::{CrewSettings, Mail, World};

use crate::budget::Budget;
use crate::clock::Instant;
use crate::health::{Health, Patients, VerdictCell};
use crate::intake::Drain;
use crate::metrics::{Metrics, Recorder};
use crate::records::Records;
use crate::supervise::{self, Bell, DoomReceiver, Roster, Supervision, ask};
use crate::workers::Workers;
use crate::{delivery, dispatcher, lag};

/// The actors' nouns, as metrics spell them.
pub const ACTORS: [&str; 9] =
    ["delivery", "dispatcher", "fetcher", "health", "idempotency", "intake", "janitor", "metrics", "workers"];

/// How long an arbiter's thread may take to end.
const FAREWELL: Duration = Duration::from_secs(2);

/// The running crew. Its fields may be cloned freely.
pub struct Crew {
    /// Asked through [`workers::run`](crate::workers::run).
    pub workers: Addr<Workers>,
    /// The actors of the job system, and those who speak to servers of others.
    pub jobs: Jobs,
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
    net: Arbiter,
    metrics: Arbiter,
}

impl Crew {
    /// Starts everybody. Panics outside of an actix system, or where no thread can be had.
    #[must_use]
    pub fn start(settings: &CrewSettings, world: World) -> Self {
        let (recorder, events) = Recorder::channel(settings.events);
        let arbiters = Arbiters {
            health: arbiter(c"health", &recorder),
            control: arbiter(c"control", &recorder),
            net: arbiter(c"net", &recorder),
            metrics: arbiter(c"metrics", &recorder),
        };
        let (bell, doom) = Bell::new();
        let (drain, roster, io) = (Drain::default(), Roster::default(), world.io.clone());
        let verdict =
            VerdictCell::new(world.clock.clone(), settings.health.stale, drain.clone(), bell.clone());
        let supervision = Supervision {
            policy: settings.policy,
            recorder: recorder.clone(),
            bell: bell.clone(),
            roster: roster.clone(),
        };
        let actor = Metrics::new(world.registry.clone(), recorder.clone(), events);
        let metrics = supervise::start(&arbiters.metrics.handle(), "metrics", &supervision, |_| actor);
        let actor =
            Workers::new(settings.workers.clone(), world.mills.clone(), io.clone(), recorder.clone(), bell);
        let budget = actor.budget();
        let workers = supervise::start(&arbiters.control.handle(), "workers", &supervision, |_| actor);
        let (store, blobs, snapshots) = (world.store.clone(), world.blobs.clone(), world.snapshots.clone());
        let records = Records::new(store, blobs, snapshots, io.clone(), recorder.clone());
        let jobs = start_jobs(settings, &world, &arbiters, &supervision, &records, &workers, &drain);
        let patients = patients(world, &workers, &metrics, &jobs, &records, &roster);
        let actor = Health::new(settings.health, verdict.clone(), recorder.clone(), patients);
        let health = supervise::start(&arbiters.health.handle(), "health", &supervision, |_| actor);
        Self {
            workers,
            jobs,
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

    /// Stops everybody, in order: Dispatcher and Delivery come to rest (pictures and webhooks in flight end within
    /// `rest`, or are given back), then Health, then the actors of `control` (whoever still waits for a picture is
    /// told) and `net`, and Metrics last, so that it counts to the end. Drains if that has not begun. The store is
    /// closed.
    pub async fn stop(self, rest: Duration) {
        self.drain();
        let until = Instant::now() + rest;
        let pictures = timeout(rest + FAREWELL, ask(&self.jobs.dispatcher, dispatcher::Rest { until }));
        let webhooks = timeout(rest + FAREWELL, ask(&self.jobs.delivery, delivery::Rest { until }));
        let _ = tokio::join!(pictures, webhooks);
        let Arbiters { health, control, net, metrics } = self.arbiters;
        for arbiter in [health, control, net, metrics] {
            arbiter.stop();
            let ended = self.io.spawn_blocking(move || arbiter.join());
            // One that hangs ends with the process.
            let _ = timeout(FAREWELL, ended).await;
        }
        // What was committed stays; a connection whose network is dead would be waited for without end.
        let _ = timeout(FAREWELL, self.records.store.close()).await;
    }
}

fn start_jobs(
    settings: &CrewSettings,
    world: &World,
    arbiters: &Arbiters,
    supervision: &Supervision,
    records: &Records,
    workers: &Addr<Workers>,
    drain: &Drain,
) -> Jobs {
    Jobs::start(&JobsWorld {
        arbiter: &arbiters.control.handle(),
        net: &arbiters.net.handle(),
        supervision,
        records,
        workers,
        drain,
        room: &world.room,
        disk: &world.disk,
        owner: &world.owner,
        io: &world.io,
        mail: &world.mail,
        dispatcher: settings.dispatcher,
        fetcher: settings.fetcher,
        delivery: settings.delivery.clone(),
        janitor: settings.janitor,
        intake: settings.intake,
        blob_limit: settings.blob_limit,
    })
}

/// Whom and what Health asks.
fn patients(
    world: World,
    workers: &Addr<Workers>,
    metrics: &Addr<Metrics>,
    jobs: &Jobs,
    records: &Records,
    roster: &Roster,
) -> Patients {
    Patients {
        owner: world.owner,
        workers: workers.clone(),
        intake: jobs.intake.clone(),
        metrics: metrics.clone(),
        dispatcher: jobs.dispatcher.clone(),
        idempotency: jobs.idempotency.clone(),
        janitor: jobs.janitor.clone(),
        fetcher: jobs.fetcher.clone(),
        delivery: jobs.delivery.clone(),
        records: records.clone(),
        roster: roster.clone(),
        disk: world.disk,
        memory: world.memory,
        room: world.room,
        io: world.io,
    }
}

/// A new arbiter whose thread bears this name for the operating system, and whose delays are told.
fn arbiter(name: &'static std::ffi::CStr, recorder: &Recorder) -> Arbiter {
    let arbiter = Arbiter::new();
    arbiter.spawn(lag::watch(EventLoop::Actors, recorder.clone()));
    arbiter.spawn_fn(move || {
        // A name is a help to whoever looks, and no more.
        let _ = rustix::thread::set_name(name);
    });
    arbiter
}
