//! The metrics registry: counts [`Event`]s in metric families and renders them for a scrape.
//!
//! The Metrics actor owns the registry and is the only one that writes to it. Each file below holds the families of one
//! subject. Labels come from closed sets, so the number of series is bounded; the series of [`LabelValues`] start at 0.
//! Building the registry fails only if two families have the same name. Nothing fails after that.

mod clients;
mod families;
mod health;
mod http;
mod images;
mod jobs;
mod leases;
mod outbound;
mod polls;
mod process;
mod receivers;
mod store;
mod workers;

use std::sync::Mutex;

use prometheus::TextEncoder;

use crate::event::Event;
use families::Families;

pub use families::{LabelValues, RouteLabels};

/// The content type of [`Registry::render`]'s text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metric families of the process.
#[derive(Debug)]
pub struct Registry {
    families: prometheus::Registry,
    http: http::HttpMetrics,
    clients: clients::ClientMetrics,
    images: images::ImageMetrics,
    jobs: jobs::JobMetrics,
    leases: leases::LeaseMetrics,
    store: store::StoreMetrics,
    workers: workers::WorkerMetrics,
    health: health::HealthMetrics,
    polls: polls::PollMetrics,
    outbound: outbound::OutboundMetrics,
    receivers: receivers::ReceiverMetrics,
    process: process::ProcessMetrics,
    /// Serializes scrapes: the process collector's CPU counter may count twice if two of them collect at once.
    scrape: Mutex<()>,
}

impl Registry {
    /// Creates all families, with the series of `known` at 0. `version` goes into `build_info`.
    pub fn new(version: &str, known: &LabelValues<'_>) -> Result<Self, prometheus::Error> {
        let families = prometheus::Registry::new();
        Ok(Self {
            http: http::HttpMetrics::new(Families(&families), known)?,
            clients: clients::ClientMetrics::new(Families(&families))?,
            images: images::ImageMetrics::new(Families(&families), known)?,
            jobs: jobs::JobMetrics::new(Families(&families), known)?,
            leases: leases::LeaseMetrics::new(Families(&families))?,
            store: store::StoreMetrics::new(Families(&families), known)?,
            workers: workers::WorkerMetrics::new(Families(&families))?,
            health: health::HealthMetrics::new(Families(&families), known)?,
            polls: polls::PollMetrics::new(Families(&families))?,
            outbound: outbound::OutboundMetrics::new(Families(&families), known)?,
            receivers: receivers::ReceiverMetrics::new(Families(&families), known)?,
            process: process::ProcessMetrics::new(Families(&families), version)?,
            families,
            scrape: Mutex::new(()),
        })
    }

    /// Counts an event.
    pub fn record(&self, event: &Event) {
        match event {
            Event::RequestFinished(facts) => self.http.finished(facts),
            Event::AnswerBroken { endpoint } => self.http.broken(endpoint),
            Event::CallerSeen(caller) => self.clients.seen(*caller),
            Event::UploadsInFlight(bytes) => self.http.uploads(*bytes),
            Event::ImageProcessed { endpoint } => self.images.processed(endpoint),
            Event::AttemptEnded { format, outcome } => self.images.ended(format, outcome),
            Event::PictureShaped(aspect) => self.images.shaped(*aspect),
            Event::StageTimed { stage, time } => self.images.timed(stage, *time),
            Event::JobCreated { kind } => self.jobs.created(kind),
            Event::JobStarted { waited } => self.jobs.started(*waited),
            Event::JobEnded { status, processing, error_code } => {
                self.jobs.ended(status, *processing, *error_code);
            }
            Event::Jobs { by_state, queued_items, oldest_queued } => {
                self.jobs.count(by_state, *queued_items, *oldest_queued);
            }
            Event::LeasesExpired { returned, given_up } => self.leases.expired(*returned, *given_up),
            Event::StaleCompletion => self.leases.stale(),
            Event::ClaimsOrphaned(pictures) => self.leases.orphaned(*pictures),
            Event::PictureDeferred => self.leases.deferred(),
            Event::JobsStalled(jobs) => self.leases.stalled(*jobs),
            Event::QueuePaused(pauses) => self.leases.paused(*pauses),
            Event::Processes(alive) => self.leases.processes(*alive),
            Event::BlobsNotRemoved => self.store.not_removed(),
            Event::Collected { kind, count } => self.store.collected(kind, *count),
            Event::BlobBytes(bytes) => self.store.blobs(*bytes),
            Event::StoreCalled { operation, ok, time } => self.store.called(operation, *ok, *time),
            Event::Slots { total, busy, guests, abandoned } => {
                self.workers.slots(*total, *busy, *guests, *abandoned);
            }
            Event::QueueDepth(depth) => self.workers.depth(*depth),
            Event::QueueWaited(time) => self.workers.waited(*time),
            Event::Budget { used, total } => self.workers.budget(*used, *total),
            Event::ActorUp { actor, up } => self.health.actor(actor, *up),
            Event::ActorRestarted { actor, cause } => self.health.restarted(actor, cause),
            Event::MailboxWaited { actor, time } => self.health.mailbox_waited(actor, *time),
            Event::LoopLagged { kind, time } => self.health.loop_lagged(*kind, *time),
            Event::DependencyChecked { dependency, ok } => self.health.dependency(dependency, *ok),
            Event::DiskFree(bytes) => self.health.disk(*bytes),
            Event::Memory { used, limit } => self.health.memory(*used, *limit),
            Event::Ready(ready) => self.health.ready(*ready),
            Event::Spool { memory, disk } => self.process.spool(*memory, *disk),
            Event::AuthFailed { reason } => self.polls.auth_failed(reason),
            Event::RateLimited { policy } => self.polls.rate_limited(policy),
            Event::LogLinesSampled(lines) => self.process.sampled(*lines),
            Event::IdempotencyConflict => self.polls.conflict(),
            Event::StatusPolled(poll) => self.polls.polled(*poll),
            Event::RetryAfterSent { seconds } => self.polls.retry_after(*seconds),
            Event::ResultsDownloaded { kind } => self.polls.downloaded(kind),
            Event::JobFetched => self.polls.fetched(),
            Event::OutboundBlocked { reason } => self.outbound.blocked(reason),
            Event::Downloaded { outcome, time } => self.outbound.downloaded(outcome, *time),
            Event::WebhookTried { again, reason, time } => self.outbound.attempted(*again, *reason, *time),
            Event::ReceiverFailed(receiver) => self.receivers.failed(receiver),
            Event::DeadLetter => self.outbound.dead_letter(),
            Event::Outbox { pending, dead } => self.outbound.outbox(*pending, *dead),
        }
    }

    /// Sets the number of events dropped since the start because the Metrics actor's queue was full. It never falls.
    pub fn set_dropped(&self, total: u64) {
        self.process.dropped(total);
    }

    /// Renders all series in the text format 0.0.4, with families sorted by name.
    #[must_use]
    pub fn render(&self) -> String {
        // The lock guards no data, so a poisoned one is harmless.
        let _guard = self.scrape.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.process.refresh();
        self.clients.refresh();
        let mut text = String::with_capacity(32 * 1024);
        // This fails only on a family without series, which `gather` leaves out.
        let complete = TextEncoder::new().encode_utf8(&self.families.gather(), &mut text);
        debug_assert!(complete.is_ok(), "{complete:?}");
        self.receivers.rendered();
        text
    }
}
