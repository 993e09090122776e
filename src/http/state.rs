//! The application state: what request handlers share. It has six parts, one for each group of routes, and each is its
//! own `web::Data`, so that a handler's signature shows which actors and settings it can reach. A failing actor is a
//! [`Fault`] for the client.

pub(crate) mod jobs;
mod uploads;

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig};
use huemill_actors::access::KeyRing;
use huemill_actors::actor_system::ActorSystem;
use huemill_actors::clock::{Clock, Instant as Deadline};
use huemill_actors::delivery::{self, Delivery, KeySecrets};
use huemill_actors::dispatcher::{self, Dispatcher};
use huemill_actors::fault::Fault;
use huemill_actors::health::HealthCell;
use huemill_actors::line_sampler::LineSampler;
use huemill_actors::metrics::{Metrics, Recorder, Render};
use huemill_actors::observed::Observed;
use huemill_actors::outbound::Outbound;
use huemill_actors::rates::{RateLimits, Rates};
use huemill_actors::supervise::{DrainFlag, ask};
use huemill_actors::workers::{self, CancellationToken, Class, Input, Run, Workers};
use huemill_imaging::{Options, Outcome};
use huemill_observability::trace::Scope;
use huemill_store::store::{Role, Store};
use huemill_store::{Caller, SpoolRoom};
use secrecy::SecretString;

pub(crate) use jobs::Jobs;
pub(crate) use uploads::Uploads;

use super::access::{Access, OperatorToken};
use super::client::TrustedProxies;
use super::middleware::body_rate::BodyRate;
use super::middleware::cors::Cors;
use super::request_stats::{ClientSketch, RequestStats};
use super::signature::Signatures;
use crate::settings::{ClientAddress, Settings};
use crate::storage;

/// All parts of the application state. Clones share them.
#[derive(Clone)]
pub(crate) struct State {
    /// What every request passes through.
    pub edge: Data<Edge>,
    uploads: Data<Uploads>,
    processing: Data<Processing>,
    jobs: Data<Jobs>,
    operations: Data<Operations>,
    keys: Data<Keys>,
}

impl State {
    /// Builds the parts from the settings and the running actors.
    pub(crate) fn new(
        settings: &Settings,
        actor_system: &ActorSystem,
        spool: SpoolRoom,
        keys: storage::Keys,
        outbound: Outbound,
    ) -> Self {
        let limits = RateLimits {
            requests: settings.access.requests_per_minute,
            pictures: settings.access.pictures_per_minute,
        };
        let rates = Arc::new(Rates::new(limits, Clock::system()));
        let operator = OperatorToken::new(&keys.operator);
        let access = Access::new(settings.access.mode, actor_system.keys.clone(), operator);
        let edge = Edge::new(settings, actor_system, rates.clone(), access, keys.webhook, keys.previous);
        let operations = Operations::new(actor_system, edge.stats.clone());
        let secrets = KeySecrets::new(keys.callbacks);
        Self {
            edge: Data::new(edge),
            uploads: Data::new(Uploads::new(settings, actor_system, rates, spool.clone())),
            processing: Data::new(Processing::new(settings, actor_system, spool)),
            jobs: Data::new(Jobs::new(settings, actor_system, keys.link, outbound)),
            operations: Data::new(operations),
            keys: Data::new(Keys { ring: actor_system.keys.clone(), secrets }),
        }
    }

    /// Makes every part available to the handlers that ask for it.
    pub(crate) fn configure(&self, config: &mut ServiceConfig) {
        config
            .app_data(self.edge.clone())
            .app_data(self.uploads.clone())
            .app_data(self.processing.clone())
            .app_data(self.jobs.clone())
            .app_data(self.operations.clone())
            .app_data(self.keys.clone());
    }
}

/// What every request passes through: the middleware and the handlers of signed routes use it.
pub(crate) struct Edge {
    /// Whether this process answers users, works on jobs, or both.
    pub role: Role,
    /// The proxies whose word on a request's sender is taken.
    pub proxies: TrustedProxies,
    /// Which origins may read responses.
    pub cors: Cors,
    /// Who may send what.
    pub access: Access,
    /// The minimum upload rate.
    pub body_rate: BodyRate,
    /// How long a client may read its answer.
    pub answer_time: Duration,
    /// How much each caller may send a minute.
    pub rates: Arc<Rates>,
    /// Which requests must be signed.
    pub signatures: Signatures,
    /// Records metric events.
    pub recorder: Recorder,
    /// Counts distinct clients without storing their addresses.
    pub clients: ClientSketch,
    /// How the log names clients.
    pub logged_address: ClientAddress,
    /// Requests in flight and the recent error rate.
    pub stats: Arc<RequestStats>,
    /// Which lines are logged of those that a caller can cause at will.
    pub line_sampler: LineSampler,
    /// Whether the service drains. Each answer is its connection's last one then.
    pub drain: DrainFlag,
}

impl Edge {
    /// Requests must be signed with `key`, or with the `previous` one, if the settings require signatures.
    fn new(
        settings: &Settings,
        actor_system: &ActorSystem,
        rates: Arc<Rates>,
        access: Access,
        key: SecretString,
        previous: Option<SecretString>,
    ) -> Self {
        let uploads = &settings.uploads;
        let is_required = settings.security.require_signature;
        let keys = [key].into_iter().chain(previous).filter(|_| is_required).collect();
        Self {
            role: settings.server.role,
            proxies: TrustedProxies::of(&settings.server),
            cors: Cors::new(&settings.cors.origins),
            access,
            body_rate: BodyRate {
                min_bytes_per_second: uploads.min_bytes_per_second,
                grace: Duration::from_secs(uploads.pace_grace_seconds),
                idle: Duration::from_secs(uploads.idle_seconds),
                total: Duration::from_secs(uploads.total_seconds),
            },
            answer_time: Duration::from_secs(settings.answers.total_seconds),
            rates,
            signatures: Signatures::new(keys, actor_system.repository.store.clone()),
            recorder: actor_system.recorder.clone(),
            clients: ClientSketch::default(),
            logged_address: settings.log.client_address,
            stats: Arc::default(),
            line_sampler: actor_system.line_sampler.clone(),
            drain: actor_system.drain.clone(),
        }
    }
}

/// What processes pictures for a waiting client.
pub(crate) struct Processing {
    /// How many pictures are processed at the same time.
    pub slots: usize,
    /// Where results are stored until the client has read them.
    pub spool: SpoolRoom,
    /// Records metric events.
    pub recorder: Recorder,
    workers: actix::Addr<Workers>,
    request_time: Duration,
    archive_time: Duration,
}

impl Processing {
    fn new(settings: &Settings, actor_system: &ActorSystem, spool: SpoolRoom) -> Self {
        Self {
            slots: settings.worker_count(),
            spool,
            recorder: actor_system.recorder.clone(),
            workers: actor_system.workers.clone(),
            request_time: settings.request_time(),
            archive_time: Duration::from_secs(settings.limits.zip_seconds),
        }
    }

    /// The deadline of an attempt that starts now.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::now() + self.request_time
    }

    /// When the pictures of an archive must be done that is received now.
    pub(crate) fn archive_deadline(&self) -> Deadline {
        Deadline::now() + self.archive_time
    }

    /// Processes a picture until `deadline`. Dropping the future cancels the work.
    pub(crate) async fn run(
        &self,
        caller: Caller,
        input: Input,
        options: Options,
        deadline: Deadline,
    ) -> Result<Outcome, Fault> {
        let cancel = CancellationToken::new();
        let (class, scope) = (Class::Interactive, Scope::here());
        let run = Run { input, options, deadline, cancel, caller, class, counted: true, scope };
        workers::run(&self.workers, run).await.map(|done| done.outcome)
    }
}

/// What the operators' routes for access keys need.
pub(crate) struct Keys {
    /// The keys.
    pub ring: KeyRing,
    /// Makes their webhook secrets.
    pub secrets: KeySecrets,
}

/// What probes and the operators' routes need.
pub(crate) struct Operations {
    /// Jobs, deliveries, processes and pauses.
    pub store: Arc<dyn Store>,
    /// The Health actor's last verdict.
    pub health: HealthCell,
    /// What actors publish about their state.
    pub observed: Observed,
    /// Requests in flight and the recent error rate.
    pub stats: Arc<RequestStats>,
    /// Receives injected faults.
    pub janitor: actix::Addr<huemill_actors::janitor::Janitor>,
    dispatcher: actix::Addr<Dispatcher>,
    delivery: actix::Addr<Delivery>,
    metrics: actix::Addr<Metrics>,
}

impl Operations {
    fn new(actor_system: &ActorSystem, stats: Arc<RequestStats>) -> Self {
        Self {
            store: actor_system.repository.store.clone(),
            health: actor_system.verdict.clone(),
            observed: actor_system.jobs.observed.clone(),
            stats,
            janitor: actor_system.jobs.janitor.clone(),
            dispatcher: actor_system.jobs.dispatcher.clone(),
            delivery: actor_system.jobs.delivery.clone(),
            metrics: actor_system.metrics.clone(),
        }
    }

    /// Tells the Dispatcher that pictures can be claimed.
    pub(crate) fn wake_dispatcher(&self) {
        self.dispatcher.do_send(dispatcher::WorkAvailable);
    }

    /// Tells the Delivery actor that a webhook is due.
    pub(crate) fn wake_delivery(&self) {
        self.delivery.do_send(delivery::DeliveryDue);
    }

    /// Renders the metrics in Prometheus' text format.
    pub(crate) async fn render_metrics(&self) -> Result<String, Fault> {
        ask(&self.metrics, Render).await
    }
}
