//! The state behind the job routes: the repository, links, and the actors that accept, cancel and clean up
//! jobs.

use huemill_actors::actor_system::ActorSystem;
use huemill_actors::dispatcher::{CancelJob, Dispatcher, JobEndNotifier};
use huemill_actors::fault::{Code, Fault};
use huemill_actors::idempotency::{Idempotency, KeyReservation, Reserve};
use huemill_actors::intake::{Intake, Submit};
use huemill_actors::janitor::{self, Janitor};
use huemill_actors::line_sampler::LineSampler;
use huemill_actors::metrics::Recorder;
use huemill_actors::outbound::{Outbound, Reason, Target};
use huemill_actors::repository::Repository;
use huemill_actors::share::Places;
use huemill_actors::submission::Submission;
use huemill_actors::supervise::{DrainFlag, ask};
use huemill_observability::trace::Scope;
use huemill_observability::{Event, log};
use huemill_store::job::{Job, JobId, JobState};
use huemill_store::store::Created;
use secrecy::SecretString;

use crate::http::access::Identity;
use crate::http::context::Context;
use crate::http::jobs::links::Links;
use crate::http::jobs::poll_history::PollHistory;
use crate::http::jobs::shared_archives::SharedArchives;
use crate::settings::{AccessMode, Settings};

/// What the job routes need.
pub(crate) struct Jobs {
    /// Jobs and their blobs.
    pub repository: Repository,
    /// Makes and checks links.
    pub links: Links,
    /// Whether a job's bodies have an `events_url`: where keys are in force, since a browser's event source sends none.
    pub with_events_url: bool,
    /// The archives that are being downloaded.
    pub archives: SharedArchives,
    /// The places for event streams.
    pub streams: Places,
    /// Which versions of jobs clients have seen.
    pub poll_history: PollHistory,
    /// Records metric events.
    pub recorder: Recorder,
    line_sampler: LineSampler,
    /// Receives the ends of jobs.
    pub job_end: JobEndNotifier,
    /// Whether the service is draining. Event streams end then.
    pub drain: DrainFlag,
    /// The base URL for clients. Empty means the request's own host.
    pub public_url: String,
    intake: actix::Addr<Intake>,
    idempotency: actix::Addr<Idempotency>,
    dispatcher: actix::Addr<Dispatcher>,
    janitor: actix::Addr<Janitor>,
    outbound: Outbound,
}

impl Jobs {
    pub(super) fn new(
        settings: &Settings,
        actor_system: &ActorSystem,
        link_key: SecretString,
        outbound: Outbound,
    ) -> Self {
        let actors = &actor_system.jobs;
        Self {
            repository: actor_system.repository.clone(),
            links: Links::new(link_key),
            with_events_url: settings.access.mode == AccessMode::Keys,
            archives: SharedArchives::default(),
            streams: Places::limited(settings.server.event_streams, settings.access.event_streams),
            poll_history: PollHistory::default(),
            recorder: actor_system.recorder.clone(),
            line_sampler: actor_system.line_sampler.clone(),
            job_end: actors.ends.clone(),
            drain: actor_system.drain.clone(),
            public_url: settings.public.url.clone(),
            intake: actors.intake.clone(),
            idempotency: actors.idempotency.clone(),
            dispatcher: actors.dispatcher.clone(),
            janitor: actors.janitor.clone(),
            outbound,
        }
    }

    /// Reads the job that a path names from the store. Unknown and expired jobs are 404, and so are those of others.
    pub(crate) async fn find(&self, id: &str, identity: &Identity) -> Result<Job, Fault> {
        let job = self.repository.store.job(&parse_id(id)?).await?;
        let job = job.filter(|job| identity.may_see(job.caller)).ok_or(Code::JobNotFound)?;
        check_not_expired(job.state)?;
        Ok(job)
    }

    /// Reads the job of a link from the store. Whoever has the link may see what it gives, whosever the job is.
    pub(crate) async fn find_linked(&self, id: &JobId) -> Result<Job, Fault> {
        let job = self.repository.store.job(id).await?.ok_or(Code::JobNotFound)?;
        check_not_expired(job.state)?;
        Ok(job)
    }

    /// Reserves an idempotency key until the request is answered.
    pub(crate) async fn reserve_key(&self, scope: &str, key: &str) -> Result<KeyReservation, Fault> {
        ask(&self.idempotency, Reserve { scope: scope.to_owned(), key: key.to_owned() }).await?
    }

    /// Makes a job durable.
    pub(crate) async fn submit(&self, submission: Submission) -> Result<Created, Fault> {
        ask(&self.intake, Submit(submission, Scope::here())).await?
    }

    /// Tells the Dispatcher to stop working on a job's pictures.
    pub(crate) fn cancel_work(&self, id: &JobId) {
        self.dispatcher.do_send(CancelJob(id.clone()));
    }

    /// Tells the Janitor that a job's blobs can be removed.
    pub(crate) fn request_sweep(&self) {
        self.janitor.do_send(janitor::SweepSoon);
    }

    /// Checks a URL of this request without using the network. A refusal is counted and logged, but the URL itself is not
    /// logged.
    pub(crate) fn check_url(&self, url: &str, context: &Context) -> Result<Target, Fault> {
        Target::parse(url, self.outbound.policy()).map_err(|refused| self.refuse(refused, context))
    }

    /// The same, and where its host leads at the moment.
    pub(crate) async fn check_host(&self, url: &str, context: &Context) -> Result<(), Fault> {
        let target = self.check_url(url, context)?;
        let checked = self.outbound.check_host(&target, context.caller()).await;
        checked.map_err(|refused| self.refuse(refused, context))
    }

    fn refuse(&self, refused: Reason, context: &Context) -> Fault {
        let reason = refused.as_str();
        self.recorder.record(Event::OutboundBlocked { reason });
        if let Some(lines_left_out) = self.line_sampler.take(context.caller(), 1) {
            let request_id = context.id.as_str();
            log!(OUTBOUND_BLOCKED, request_id, host = "", reason, lines_left_out);
        }
        refused.into()
    }

    /// Where a URL leads, if it can be used as far as that can be told without the network.
    pub(crate) fn target(&self, url: &str) -> Option<Target> {
        Target::parse(url, self.outbound.policy()).ok()
    }

    /// Marks that results of a completed job were fetched. A job counts once, whichever client or process is first.
    /// No one waits for the mark: if it cannot be written, the next fetch writes it.
    pub(crate) fn mark_fetched(&self, job: &Job) {
        if job.fetched || job.state != JobState::Completed {
            return;
        }
        let (store, recorder, id) = (self.repository.store.clone(), self.recorder.clone(), job.id.clone());
        actix_web::rt::spawn(async move {
            if matches!(store.fetched(&id).await, Ok(true)) {
                recorder.record(Event::JobFetched);
            }
        });
    }
}

/// Parses the id in a path.
pub(crate) fn parse_id(text: &str) -> Result<JobId, Fault> {
    JobId::parse(text).ok_or_else(|| Code::JobNotFound.into())
}

/// Rejects an expired job. Only the sweep expires jobs, because it does not trust a clock that has jumped.
pub(crate) fn check_not_expired(state: JobState) -> Result<(), Fault> {
    if state == JobState::Expired { Err(Code::ExpiredJob.into()) } else { Ok(()) }
}
