//! The actor system: starts all actors in order on their arbiters and stops them in reverse order.
//!
//! The application starts it inside an actix system, hands the addresses to HTTP, awaits
//! [`ActorSystem::fatal_error`] beside the signals, and stops it before the io runtime. The `control` arbiter runs
//! Workers, Intake and the job actors; `net` runs the actors that talk to other servers; `health` and `metrics` run
//! one actor each, so that neither a flood of events nor a hanging actor delays a health check or a scrape.

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

use crate::access::{Access, KeyRing};
use crate::budget::Budget;
use crate::clock::{Instant, watch_lag};
use crate::health::{Health, HealthCell, ProbeTargets};
use crate::line_sampler::LineSampler;
use crate::metrics::Metrics;
use crate::repository::Repository;
use crate::supervise::{
    self, ActorRegistry, Drain, DrainFlag, FatalErrorReceiver, ShutdownTrigger, Supervision, ask,
};
use crate::telemetry::Recorder;
use crate::workers::Workers;

/// The actors' names as metrics spell them.
pub const ACTORS: [&str; 10] = [
    "access",
    "delivery",
    "dispatcher",
    "fetcher",
    "health",
    "idempotency",
    "intake",
    "janitor",
    "metrics",
    "workers",
];

/// How long an arbiter's thread may take to end.
const JOIN_TIMEOUT: Duration = Duration::from_secs(2);

/// The running actors. Its fields can be cloned freely.
pub struct ActorSystem {
    /// Call it through [`workers::run`](crate::workers::run).
    pub workers: Addr<Workers>,
    /// The actors that process jobs, downloads and webhooks.
    pub jobs: Jobs,
    /// The access keys.
    pub keys: KeyRing,
    /// Jobs and blobs.
    pub repository: Repository,
    /// Renders a scrape when sent [`Render`](crate::metrics::Render).
    pub metrics: Addr<Metrics>,
    /// Records events for the metrics.
    pub recorder: Recorder,
    /// Decides about log lines that a caller can cause at will.
    pub line_sampler: LineSampler,
    /// The memory shared by all pictures; other large allocations count against it too.
    pub budget: Budget,
    /// What /ready reads.
    pub verdict: HealthCell,
    /// Set once the service drains.
    pub drain: DrainFlag,
    /// Receives the first fatal error. The application then drains, stops, and exits with
    /// [`EXIT_CODE`](crate::supervise::EXIT_CODE).
    pub fatal_error: FatalErrorReceiver,
    /// Which actors are up.
    pub actor_registry: ActorRegistry,
    /// No one sends messages to Health, but an actor without an address is not restarted.
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
    /// Starts all actors. Panics outside an actix system, or when a thread cannot be started.
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
        let line_sampler =
            LineSampler::new(settings.lines_per_second, dependencies.clock.clone(), recorder.clone());
        let actor = Metrics::new(dependencies.registry.clone(), recorder.clone(), events);
        let metrics = supervise::start(&arbiters.metrics.handle(), "metrics", &supervision, |_| actor);
        let actor = Workers::new(
            settings.workers.clone(),
            dependencies.engines.clone(),
            io.clone(),
            recorder.clone(),
            line_sampler.clone(),
            shutdown_trigger,
        );
        let budget = actor.budget();
        let workers = supervise::start(&arbiters.control.handle(), "workers", &supervision, |_| actor);
        let (store, blobs, snapshots) =
            (dependencies.store.clone(), dependencies.blobs.clone(), dependencies.snapshots.clone());
        let repository = Repository::new(store, blobs, snapshots, io.clone(), recorder.clone());
        let (actor, known) = Access::new(repository.store.clone(), dependencies.clock.clone());
        let access = supervise::start(&arbiters.control.handle(), "access", &supervision, |_| actor);
        let keys = KeyRing::new(repository.store.clone(), known, access.clone());
        let shared = Shared {
            supervision: &supervision,
            repository: &repository,
            workers: &workers,
            drain: &drain,
            line_sampler: &line_sampler,
        };
        let jobs = start_jobs(settings, &dependencies, &arbiters, &shared);
        let probe_targets =
            probe_targets(dependencies, access, &workers, &metrics, &jobs, &repository, &actor_registry);
        let actor = Health::new(settings.health, verdict.clone(), recorder.clone(), probe_targets);
        let health = supervise::start(&arbiters.health.handle(), "health", &supervision, |_| actor);
        Self {
            workers,
            jobs,
            keys,
            repository,
            metrics,
            recorder,
            line_sampler,
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

    /// Reports not ready from now on, so that balancers send their requests elsewhere. Everything goes on.
    pub fn announce_drain(&self) {
        self.drain.announce();
        self.recorder.record(Event::Ready(false));
    }

    /// Reports not ready, starts no more pictures and webhooks of jobs, and ends streams. Requests are still served, also
    /// those that bring new jobs, since the caller accepts no more connections.
    pub fn drain(&self) {
        self.drain.begin();
        self.recorder.record(Event::Ready(false));
    }

    /// The same, and refuses uploads. Accepted work continues.
    pub fn refuse_uploads(&self) {
        self.drain();
        self.drain.refuse_uploads();
    }

    /// Stops all actors in order. Dispatcher and Delivery finish the pictures and webhooks in flight within
    /// `drain_timeout` or give them back. Then Health stops, then the actors on `control` (pending picture requests
    /// get an error) and `net`, and Metrics last so that it counts to the end. Drains first if that has not begun,
    /// and closes the store.
    pub async fn stop(self, drain_timeout: Duration) {
        self.refuse_uploads();
        let until = Instant::now() + drain_timeout;
        let pictures = timeout(drain_timeout + JOIN_TIMEOUT, ask(&self.jobs.dispatcher, Drain { until }));
        let webhooks = timeout(drain_timeout + JOIN_TIMEOUT, ask(&self.jobs.delivery, Drain { until }));
        let _ = tokio::join!(pictures, webhooks);
        let Arbiters { health, control, net, metrics } = self.arbiters;
        for arbiter in [health, control, net, metrics] {
            arbiter.stop();
            let ended = self.io.spawn_blocking(move || arbiter.join());
            // A thread that hangs ends with the process.
            let _ = timeout(JOIN_TIMEOUT, ended).await;
        }
        // A connection whose network is dead would keep the process waiting for ever. What is committed is safe.
        let _ = timeout(JOIN_TIMEOUT, self.repository.store.close()).await;
    }
}

/// What the job actors share with the others.
struct Shared<'a> {
    supervision: &'a Supervision,
    repository: &'a Repository,
    workers: &'a Addr<Workers>,
    drain: &'a DrainFlag,
    line_sampler: &'a LineSampler,
}

fn start_jobs(
    settings: &ActorSystemSettings,
    dependencies: &Dependencies,
    arbiters: &Arbiters,
    shared: &Shared<'_>,
) -> Jobs {
    let Shared { supervision, repository, workers, drain, line_sampler } = *shared;
    Jobs::start(&JobDependencies {
        arbiter: &arbiters.control.handle(),
        net: &arbiters.net.handle(),
        supervision,
        repository,
        workers,
        drain,
        line_sampler,
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
        quotas: settings.quotas,
    })
}

/// The actors and resources that Health checks.
fn probe_targets(
    dependencies: Dependencies,
    access: Addr<Access>,
    workers: &Addr<Workers>,
    metrics: &Addr<Metrics>,
    jobs: &Jobs,
    repository: &Repository,
    actor_registry: &ActorRegistry,
) -> ProbeTargets {
    ProbeTargets {
        owner: dependencies.owner,
        access,
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

/// A new arbiter whose thread has this name in the operating system and whose event-loop lag is recorded.
fn arbiter(name: &'static std::ffi::CStr, recorder: &Recorder) -> Arbiter {
    let arbiter = Arbiter::new();
    arbiter.spawn(watch_lag(EventLoop::Actors, recorder.clone()));
    arbiter.spawn_fn(move || {
        // The name only helps with debugging, so a failure does not matter.
        let _ = rustix::thread::set_name(name);
    });
    arbiter
}
