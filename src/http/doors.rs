//! What every request may reach: the actors, the spool, the limits. One for all HTTP threads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use huemill_actors::budget::{Budget, Refusal, Reservation};
use huemill_actors::clock::Instant as Deadline;
use huemill_actors::crew::Crew;
use huemill_actors::dispatcher::Dispatcher;
use huemill_actors::fault::{Code, Fault};
use huemill_actors::health::VerdictCell;
use huemill_actors::idempotency::Idempotency;
use huemill_actors::intake::{Admission, Admit, Intake};
use huemill_actors::janitor::Janitor;
use huemill_actors::metrics::{Metrics, Recorder, Render};
use huemill_actors::pictures::AlbumLimits;
use huemill_actors::records::Records;
use huemill_actors::supervise::ask;
use huemill_actors::workers::{self, Cancel, Class, Input, Run, Workers};
use huemill_imaging::{Options, Outcome};
use huemill_store::SpoolRoom;
use huemill_store::archive::ArchiveLimits;

use super::cors::Cors;
use super::pace::Pace;
use super::pulse::Pulse;
use crate::keep::Keys;
use crate::settings::{Limits, Settings};

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
    /// Pictures worked on at one time.
    pub slots: usize,
    /// The Health actor's last verdict.
    pub verdict: VerdictCell,
    /// Where events go.
    pub recorder: Recorder,
    /// How the service does right now.
    pub pulse: Arc<Pulse>,
    /// Jobs and blobs.
    pub records: Records,
    /// The keys of signatures and tokens.
    pub keys: Keys,
    /// Asked to reserve idempotency keys.
    pub idempotency: actix::Addr<Idempotency>,
    /// Told of canceled jobs.
    pub dispatcher: actix::Addr<Dispatcher>,
    /// Told of deleted jobs.
    pub janitor: actix::Addr<Janitor>,
    workers: actix::Addr<Workers>,
    intake: actix::Addr<Intake>,
    metrics: actix::Addr<Metrics>,
    budget: Budget,
    queue_wait: Duration,
    request_time: Duration,
    started: Instant,
}

impl Doors {
    /// The doors to this crew.
    #[must_use]
    pub(crate) fn new(settings: &Settings, crew: &Crew, spool: SpoolRoom, keys: Keys) -> Self {
        let uploads = &settings.uploads;
        Self {
            spool,
            limits: settings.limits.clone(),
            pace: Pace {
                min_bytes_per_second: uploads.min_bytes_per_second,
                grace: Duration::from_secs(uploads.pace_grace_seconds),
                idle: Duration::from_secs(uploads.idle_seconds),
            },
            cors: Cors::new(&settings.cors.origins),
            slots: settings.worker_count(),
            verdict: crew.verdict.clone(),
            recorder: crew.recorder.clone(),
            pulse: Arc::default(),
            records: crew.records.clone(),
            keys,
            idempotency: crew.idempotency.clone(),
            dispatcher: crew.dispatcher.clone(),
            janitor: crew.janitor.clone(),
            workers: crew.workers.clone(),
            intake: crew.intake.clone(),
            metrics: crew.metrics.clone(),
            budget: crew.budget.clone(),
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

    /// What a ZIP may hold.
    #[must_use]
    pub(crate) fn zip_limits(&self) -> AlbumLimits {
        AlbumLimits {
            archive: ArchiveLimits {
                max_entries: self.limits.zip_entries as u64,
                max_entry_bytes: self.limits.image_bytes,
                ..ArchiveLimits::default()
            },
            pictures: self.limits.zip_pictures,
        }
    }

    /// Asks for an upload to be let in before its body is read.
    pub(crate) async fn admit(&self, declared: Option<u64>, limit: u64) -> Result<Admission, Fault> {
        ask(&self.intake, Admit { declared, limit }).await?
    }

    /// Reserves memory that a request holds itself, from the budget that all pictures share.
    pub(crate) async fn reserve(&self, bytes: u64) -> Result<Reservation, Fault> {
        let deadline = Deadline::now() + self.queue_wait;
        self.budget.reserve(bytes, deadline, &Cancel::new()).await.map_err(|refusal| match refusal {
            Refusal::TooLarge { .. } => Fault::new(Code::PayloadTooLarge)
                .told("This is too large to be sent as JSON. Send it as a form field or as the body itself.")
                .because(refusal),
            Refusal::Late | Refusal::Canceled => Fault::new(Code::Overloaded).because(refusal),
        })
    }

    /// Has a picture worked on. Dropping the future cancels the work.
    pub(crate) async fn run(&self, input: Input, options: Options) -> Result<Outcome, Fault> {
        let deadline = Deadline::now() + self.request_time;
        let cancel = Cancel::new();
        let run = Run { input, options, deadline, cancel, class: Class::Interactive, counted: true };
        workers::run(&self.workers, run).await.map(|done| done.outcome)
    }

    /// The metrics in the text format.
    pub(crate) async fn scrape(&self) -> Result<String, Fault> {
        ask(&self.metrics, Render).await
    }
}
