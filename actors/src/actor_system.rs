//! The crew: all actors, started in their order on their arbiters, and stopped in the reverse order.
//!
//! The application starts it inside of an actix system, hands its addresses to HTTP, awaits
//! [`ActorSystem::fatal_error`] beside the signals, and stops it last of all but the io runtime. `control` carries Workers, Intake
//! and the actors of the jobs, `net` those that speak to servers of others, `health` and `metrics` their own actors
//! alone, so that neither a flood of events nor a hanging neighbour keeps a verdict or a scrape waiting.

mod dependencies;
mod jobs;

use std::time::Duration;

use actix::Addr;
use actix_rt::Arbiter;
use huemill_observability::{Event, EventLoop};
use tokio::runtime::Handle;
use tokio::time::timeout;

pub use dependencies::{ActorSystemSettings, Dependencies, OutboundDependencies};
pub use jobs::{JobDependencies, Jobs};

use crate::budget::Budget;
use crate::clock::Instant;
use crate::health::{Health, HealthCell, ProbeTargets};
use crate::intake::DrainFlag;
use crate::metrics::{Metrics, Recorder};
use crate::repository::Repository;
use crate::supervise::{self, ActorRegistry, FatalErrorReceiver, ShutdownTrigger, Supervision, ask};
use crate::workers::Workers;
use crate::{delivery, dispatcher, lag};

/// The actors' nouns, as metrics spell them.
pub const ACTORS: [&str; 9] =
    ["delivery", "dispatcher", "fetcher", "health", "idempotency", "intake", "janitor", "metrics", "workers"];

/// How long an arbiter's thread may take to end.
const FAREWELL: Duration = Duration::from_secs(2);

/// The running crew. Its fields may be cloned freely.
pub struct ActorSystem {
    /// Asked through [`workers::run`](crate::workers::run).
    pub workers: Addr<Workers>,
    /// The actors of the job system, and those who speak to servers of others.
    pub jobs: Jobs,
    /// Jobs and blobs.
    pub repository: Repository,
    /// Asked to [`Render`](crate::metrics::Render) a scrape.
    pub metrics: Addr<Metrics>,
    /// Told what happened.
    pub recorder: Recorder,
    /// The memory that pictures share; whoever else holds much counts in it.
    pub budget: Budget,
    /// Read by /ready.
    pub verdict: HealthCell,
    /// The drain's flag.
    pub drain: DrainFlag,
    /// Holds a doom once there is one; then drain, stop, and exit with
    /// [`EXIT_CODE`](crate::supervise::EXIT_CODE).
    pub fatal_error: FatalErrorReceiver,
    /// Who is up.
    pub actor_registry: ActorRegistry,
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

impl ActorSystem {
    /// Starts everybody. Panics outside of an actix system, or where no thread can be had.
    #[must_use]
    pub fn start(settings: &ActorSystemSettings, dependencies: Dependencies) -> Self {
        let (recorder, events) = Recorder::channel(settings.events);
        let arbiters = Arbiters {
            health: arbiter(c"health", &recorder),
            control: arbiter(c"control", &recorder),
            net: arbiter(c"net", &recorder),
            metrics: arbiter(c"metrics", &recorder),
        };
        let (shutdown_trigger, fatal_error) = ShutdownTrigger::new();
        let (drain, actor_registry, io) =
            (DrainFlag::default(), ActorRegistry::default(), dependencies.io.clone());
        let verdict = HealthCell::new(
            dependencies.clock.clone(),
            settings.health.stale,
            drain.clone(),
            shutdown_trigger.clone(),
        );
        let supervision = Supervision {
            policy: settings.policy,
            recorder: recorder.clone(),
            shutdown_trigger: shutdown_trigger.clone(),
            actor_registry: actor_registry.clone(),
        };
        let actor = Metrics::new(dependencies.registry.clone(), recorder.clone(), events);
        let metrics = supervise::start(&arbiters.metrics.handle(), "metrics", &supervision, |_| actor);
        let actor = Workers::new(
            settings.workers.clone(),
            dependencies.engines.clone(),
            io.clone(),
            recorder.clone(),
            shutdown_trigger,
        );
        let budget = actor.budget();
        let workers = supervise::start(&arbiters.control.handle(), "workers", &supervision, |_| actor);
        let (store, blobs, snapshots) =
            (dependencies.store.clone(), dependencies.blobs.clone(), dependencies.snapshots.clone());
        let repository = Repository::new(store, blobs, snapshots, io.clone(), recorder.clone());
        let jobs =
            start_jobs(settings, &dependencies, &arbiters, &supervision, &repository, &workers, &drain);
        let probe_targets =
            probe_targets(dependencies, &workers, &metrics, &jobs, &repository, &actor_registry);
        let actor = Health::new(settings.health, verdict.clone(), recorder.clone(), probe_targets);
        let health = supervise::start(&arbiters.health.handle(), "health", &supervision, |_| actor);
        Self {
            workers,
            jobs,
            repository,
            metrics,
            recorder,
            budget,
            verdict,
            drain,
            fatal_error,
            actor_registry,
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
        let pictures = timeout(rest + FAREWELL, ask(&self.jobs.dispatcher, dispatcher::Drain { until }));
        let webhooks = timeout(rest + FAREWELL, ask(&self.jobs.delivery, delivery::Drain { until }));
        let _ = tokio::join!(pictures, webhooks);
        let Arbiters { health, control, net, metrics } = self.arbiters;
        for arbiter in [health, control, net, metrics] {
            arbiter.stop();
            let ended = self.io.spawn_blocking(move || arbiter.join());
            // One that hangs ends with the process.
            let _ = timeout(FAREWELL, ended).await;
        }
        self.repository.store.close().await;
    }
}

fn start_jobs(
    settings: &ActorSystemSettings,
    dependencies: &Dependencies,
    arbiters: &Arbiters,
    supervision: &Supervision,
    repository: &Repository,
    workers: &Addr<Workers>,
    drain: &DrainFlag,
) -> Jobs {
    Jobs::start(&JobDependencies {
        arbiter: &arbiters.control.handle(),
        net: &arbiters.net.handle(),
        supervision,
        repository,
        workers,
        drain,
        room: &dependencies.room,
        disk: &dependencies.disk,
        owner: &dependencies.owner,
        io: &dependencies.io,
        outbound_dependencies: &dependencies.outbound_dependencies,
        dispatcher: settings.dispatcher,
        fetcher: settings.fetcher,
        delivery: settings.delivery.clone(),
        janitor: settings.janitor,
        intake: settings.intake,
        blob_limit: settings.blob_limit,
    })
}

/// Whom and what Health asks.
fn probe_targets(
    dependencies: Dependencies,
    workers: &Addr<Workers>,
    metrics: &Addr<Metrics>,
    jobs: &Jobs,
    repository: &Repository,
    actor_registry: &ActorRegistry,
) -> ProbeTargets {
    ProbeTargets {
        owner: dependencies.owner,
        workers: workers.clone(),
        intake: jobs.intake.clone(),
        metrics: metrics.clone(),
        dispatcher: jobs.dispatcher.clone(),
        idempotency: jobs.idempotency.clone(),
        janitor: jobs.janitor.clone(),
        fetcher: jobs.fetcher.clone(),
        delivery: jobs.delivery.clone(),
        repository: repository.clone(),
        actor_registry: actor_registry.clone(),
        disk: dependencies.disk,
        memory: dependencies.memory,
        room: dependencies.room,
        io: dependencies.io,
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
