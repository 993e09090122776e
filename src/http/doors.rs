//! What every request may reach: the actors, the spool, the limits. One for all HTTP threads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use huemill_actors::actor_system::ActorSystem;
use huemill_actors::budget::{Budget, Refusal};
use huemill_actors::clock::Instant as Deadline;
use huemill_actors::delivery::{self, Delivery};
use huemill_actors::dispatcher::{self, CancelJob, Dispatcher};
use huemill_actors::fault::{Code, Fault};
use huemill_actors::fetcher::{Fetch, Fetcher};
use huemill_actors::health::HealthCell;
use huemill_actors::idempotency::{Idempotency, KeyReservation, Reserve};
use huemill_actors::intake::{Admission, Admit, DrainFlag, Intake, Submit};
use huemill_actors::janitor::{self, Janitor};
use huemill_actors::job_end::JobEndNotifier;
use huemill_actors::metrics::{Metrics, Recorder, Render};
use huemill_actors::observed::Observed;
use huemill_actors::outbound::{Outbound, Target};
use huemill_actors::pictures::AlbumLimits;
use huemill_actors::repository::Repository;
use huemill_actors::submission::Submission;
use huemill_actors::supervise::ask;
use huemill_actors::traced::traced;
use huemill_actors::workers::{self, Cancel, Class, Input, Run, Workers};
use huemill_imaging::{Options, Outcome};
use huemill_observability::trace::Scope;
use huemill_observability::{Event, log};
use huemill_store::archive::ArchiveLimits;
use huemill_store::job::JobId;
use huemill_store::store::{Created, Role};
use huemill_store::{Spool, SpoolRoom};
use secrecy::SecretString;

use super::callers::Callers;
use super::cors::Cors;
use super::jobs::{Links, Served};
use super::pace::Pace;
use super::pulse::Pulse;
use super::signature::Signatures;
use crate::settings::{LimitsSection as Limits, Settings};
use crate::storage::Keys;

/// See the module.
pub(crate) struct Doors {
    /// Where bodies go.
    pub spool: SpoolRoom,
    /// What may be sent.
    pub limits: Limits,
    /// How slowly it may come.
    pub pace: Pace,
    /// Who may read answers.
    pub cors: Cors,
    /// What this process does.
    pub role: Role,
    /// Pictures worked on at one time.
    pub slots: usize,
    /// The Health actor's last verdict.
    pub verdict: HealthCell,
    /// Where events go.
    pub recorder: Recorder,
    /// Who calls.
    pub callers: Callers,
    /// How the service does right now.
    pub pulse: Arc<Pulse>,
    /// What actors show of their state.
    pub observed: Observed,
    /// Jobs and blobs.
    pub repository: Repository,
    /// Download links.
    pub links: Links,
    /// What the operator proves to be the operator with.
    pub operator: SecretString,
    /// Which requests must be signed.
    pub signatures: Signatures,
    /// Where clients reach the service; empty for the request's own host.
    pub public_url: String,
    /// Which versions of jobs were given out.
    pub served: Served,
    /// Whom jobs' ends are told.
    pub ends: JobEndNotifier,
    /// Whether the service stops: what has no end of its own ends then.
    pub drain: DrainFlag,
    workers: actix::Addr<Workers>,
    intake: actix::Addr<Intake>,
    idempotency: actix::Addr<Idempotency>,
    dispatcher: actix::Addr<Dispatcher>,
    pub(super) janitor: actix::Addr<Janitor>,
    outbound: Outbound,
    fetcher: actix::Addr<Fetcher>,
    delivery: actix::Addr<Delivery>,
    metrics: actix::Addr<Metrics>,
    budget: Budget,
    queue_wait: Duration,
    request_time: Duration,
    started: Instant,
}

impl Doors {
    /// The doors to this crew.
    #[must_use]
    pub(crate) fn new(
        settings: &Settings,
        actor_system: &ActorSystem,
        spool: SpoolRoom,
        keys: Keys,
        outbound: Outbound,
    ) -> Self {
        let uploads = &settings.uploads;
        let signatures = if settings.security.require_signature {
            Signatures::required(keys.webhook, keys.previous)
        } else {
            Signatures::none()
        };
        Self {
            spool,
            outbound,
            limits: settings.limits.clone(),
            pace: Pace {
                min_bytes_per_second: uploads.min_bytes_per_second,
                grace: Duration::from_secs(uploads.pace_grace_seconds),
                idle: Duration::from_secs(uploads.idle_seconds),
            },
            cors: Cors::new(&settings.cors.origins),
            role: settings.server.role,
            slots: settings.worker_count(),
            verdict: actor_system.verdict.clone(),
            recorder: actor_system.recorder.clone(),
            callers: Callers::default(),
            pulse: Arc::default(),
            observed: actor_system.jobs.observed.clone(),
            repository: actor_system.repository.clone(),
            links: Links::new(keys.link),
            operator: keys.operator,
            signatures,
            public_url: settings.public.url.clone(),
            served: Served::default(),
            drain: actor_system.drain.clone(),
            ends: actor_system.jobs.ends.clone(),
            workers: actor_system.workers.clone(),
            intake: actor_system.jobs.intake.clone(),
            idempotency: actor_system.jobs.idempotency.clone(),
            dispatcher: actor_system.jobs.dispatcher.clone(),
            janitor: actor_system.jobs.janitor.clone(),
            fetcher: actor_system.jobs.fetcher.clone(),
            delivery: actor_system.jobs.delivery.clone(),
            metrics: actor_system.metrics.clone(),
            budget: actor_system.budget.clone(),
            queue_wait: Duration::from_secs(settings.workers.queue_wait_seconds),
            request_time: settings.request_time(),
            started: Instant::now(),
        }
    }

    /// Time since the start.
    #[must_use]
    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// What a ZIP may hold that is processed while the client waits.
    #[must_use]
    pub(crate) fn zip_limits(&self) -> AlbumLimits {
        self.album(self.limits.zip_pictures)
    }

    /// What a job's ZIP may hold.
    #[must_use]
    pub(crate) fn job_limits(&self) -> AlbumLimits {
        self.album(self.limits.job_pictures)
    }

    fn album(&self, pictures: usize) -> AlbumLimits {
        AlbumLimits {
            archive: ArchiveLimits {
                max_entries: self.limits.zip_entries as u64,
                max_entry_bytes: self.limits.image_bytes,
                ..ArchiveLimits::default()
            },
            pictures,
        }
    }

    /// Asks for an upload to be let in before its body is read; `job` where it is to become one.
    pub(crate) async fn admit(
        &self,
        declared: Option<u64>,
        limit: u64,
        job: bool,
    ) -> Result<Admission, Fault> {
        traced("admit", async { ask(&self.intake, Admit { declared, limit, job }).await? }).await
    }

    /// Asks to be the only request with this key until it is answered.
    pub(crate) async fn hold_key(&self, scope: &str, key: &str) -> Result<KeyReservation, Fault> {
        ask(&self.idempotency, Reserve { scope: scope.to_owned(), key: key.to_owned() }).await?
    }

    /// Has a job made durable.
    pub(crate) async fn submit(&self, submission: Submission) -> Result<Created, Fault> {
        ask(&self.intake, Submit(submission, Scope::here())).await?
    }

    /// Tells that a job's pictures need not go on.
    pub(crate) fn give_up(&self, id: &JobId) {
        self.dispatcher.do_send(CancelJob(id.clone()));
    }

    /// Tells that a job's blobs may go.
    pub(crate) fn clear_away(&self) {
        self.janitor.do_send(janitor::SweepSoon);
    }

    /// Tells that pictures may be claimed.
    pub(crate) fn wake_dispatcher(&self) {
        self.dispatcher.do_send(dispatcher::WorkAvailable);
    }

    /// Tells that a webhook is due.
    pub(crate) fn send_webhooks(&self) {
        self.delivery.do_send(delivery::DeliveryDue);
    }

    /// Has what a URL leads to downloaded, while somebody waits: until `deadline`, where there is one.
    pub(crate) async fn fetch(
        &self,
        url: String,
        request_id: &str,
        deadline: Option<Deadline>,
    ) -> Result<Spool, Fault> {
        let request_id = request_id.to_owned();
        let (wait, scope) = (Some(self.queue_wait), Scope::here());
        let fetch = Fetch { url, wait, request_id, job_id: None, scope };
        let fetched = ask(&self.fetcher, fetch);
        match deadline {
            None => fetched.await?,
            Some(deadline) => tokio::time::timeout_at(deadline, fetched)
                .await
                .map_err(|_| Fault::new(Code::UrlTimeout).with_cause("the request's own time was over"))??,
        }
    }

    /// Judges a URL as far as that can be told without the network. A refusal is counted and logged, the URL is not.
    pub(crate) fn target(&self, url: &str, request_id: &str) -> Result<Target, Fault> {
        Target::parse(url, self.outbound.policy()).map_err(|refused| {
            let reason = refused.as_str();
            self.recorder.record(Event::OutboundBlocked { reason });
            log!(OUTBOUND_BLOCKED, request_id, host = "", reason);
            refused.into()
        })
    }

    /// Reserves memory that a request holds itself, from the budget that all pictures share.
    pub(crate) async fn reserve(
        &self,
        bytes: u64,
    ) -> Result<huemill_actors::budget::MemoryReservation, Fault> {
        let deadline = Deadline::now() + self.queue_wait;
        self.budget.reserve(bytes, deadline, &Cancel::new()).await.map_err(|refusal| match refusal {
            Refusal::TooLarge { .. } => Fault::new(Code::PayloadTooLarge)
                .with_message(
                    "This is too large to be sent as JSON. Send it as a form field or as the body itself.",
                )
                .with_cause(refusal),
            Refusal::Late | Refusal::Canceled => Fault::new(Code::Overloaded).with_cause(refusal),
        })
    }

    /// When a request's time is over that begins now.
    #[must_use]
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::now() + self.request_time
    }

    /// Has a picture worked on until `deadline`. Dropping the future cancels the work.
    pub(crate) async fn run(
        &self,
        input: Input,
        options: Options,
        deadline: Deadline,
    ) -> Result<Outcome, Fault> {
        let cancel = Cancel::new();
        let (class, scope) = (Class::Interactive, Scope::here());
        let run = Run { input, options, deadline, cancel, class, counted: true, scope };
        workers::run(&self.workers, run).await.map(|done| done.outcome)
    }

    /// The metrics in the text format.
    pub(crate) async fn scrape(&self) -> Result<String, Fault> {
        ask(&self.metrics, Render).await
    }
}
