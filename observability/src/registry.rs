//! The metrics: every family under its name, fed by [`Event`]s and rendered for a scrape.
//!
//! The Metrics actor owns one and is the only one to write to it; a family lives in the file of its subject.
//! Labels come from closed sets, so the number of series is bounded. The sets of [`Known`] start at 0: a rate
//! over the first error exists only if the series was there before it. Building fails only where two families
//! claim one name; nothing fails after that.

mod clients;
mod health;
mod http;
mod images;
mod jobs;
mod loops;
mod outbound;
mod polls;
mod process;
mod workers;

use std::sync::Mutex;

use prometheus::TextEncoder;

use crate::Event;

/// The content type of [`Registry::render`]'s text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Label values that are known before anything happens. Empty lists are allowed: such series then appear with
/// their first event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Route templates, and `unmatched`.
    pub endpoints: &'a [&'a str],
    /// Status codes that the endpoints answer.
    pub statuses: &'a [u16],
    /// Error codes, as the wire spells them.
    pub error_codes: &'a [&'a str],
    /// The endpoints that turn pictures into results.
    pub image_endpoints: &'a [&'a str],
    /// Picture formats in lower case, and `unknown`.
    pub formats: &'a [&'a str],
    /// `ok`, and the lower-case error codes in which an attempt can end.
    pub outcomes: &'a [&'a str],
    /// A picture's stages in lower case.
    pub stages: &'a [&'a str],
    /// The actors' nouns in lower case.
    pub actors: &'a [&'a str],
    /// Those of them whose mailboxes are watched.
    pub mailboxes: &'a [&'a str],
    /// The dependencies of /ready.
    pub dependencies: &'a [&'a str],
    /// What jobs are made of.
    pub job_kinds: &'a [&'a str],
    /// The store's operations.
    pub store_operations: &'a [&'a str],
    /// Why the outbound guard lets something not through.
    pub outbound_reasons: &'a [&'a str],
}

/// All metric families of the process.
#[derive(Debug)]
pub struct Registry {
    families: prometheus::Registry,
    http: http::Http,
    clients: clients::Clients,
    images: images::Images,
    jobs: jobs::Jobs,
    workers: workers::Workers,
    health: health::Health,
    loops: loops::Loops,
    polls: polls::Polls,
    outbound: outbound::Outbound,
    process: process::Process,
    /// One scrape at a time: the process collector's CPU counter may count twice when two collect at once.
    scrape: Mutex<()>,
}

impl Registry {
    /// All families, with the series of `known` at 0; `version` goes into `build_info`.
    pub fn new(version: &str, known: &Known<'_>) -> Result<Self, prometheus::Error> {
        let families = prometheus::Registry::new();
        Ok(Self {
            http: http::Http::new(&families, known)?,
            clients: clients::Clients::new(&families)?,
            images: images::Images::new(&families, known)?,
            jobs: jobs::Jobs::new(&families, known)?,
            workers: workers::Workers::new(&families)?,
            health: health::Health::new(&families, known)?,
            loops: loops::Loops::new(&families, known)?,
            polls: polls::Polls::new(&families)?,
            outbound: outbound::Outbound::new(&families, known)?,
            process: process::Process::new(&families, version)?,
            families,
            scrape: Mutex::new(()),
        })
    }

    /// Counts one event.
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
            Event::LeasesExpired { returned, given_up } => self.jobs.expired(*returned, *given_up),
            Event::StaleCompletion => self.jobs.stale(),
            Event::ClaimsOrphaned(pictures) => self.jobs.orphaned(*pictures),
            Event::PictureDeferred => self.jobs.deferred(),
            Event::JobsStalled(jobs) => self.jobs.stalled(*jobs),
            Event::QueuePaused(pauses) => self.jobs.paused(*pauses),
            Event::Processes(alive) => self.jobs.processes(*alive),
            Event::BlobsNotRemoved => self.jobs.not_removed(),
            Event::Collected { kind, count } => self.jobs.collected(kind, *count),
            Event::BlobBytes(bytes) => self.jobs.blobs(*bytes),
            Event::StoreCalled { operation, ok, time } => self.jobs.store(operation, *ok, *time),
            Event::Slots { total, busy, abandoned } => self.workers.slots(*total, *busy, *abandoned),
            Event::QueueDepth(depth) => self.workers.depth(*depth),
            Event::QueueWaited(time) => self.workers.waited(*time),
            Event::Budget { used, total } => self.workers.budget(*used, *total),
            Event::ActorUp { actor, up } => self.health.actor(actor, *up),
            Event::ActorRestarted { actor, cause } => self.health.restarted(actor, cause),
            Event::MailboxWaited { actor, time } => self.loops.waited(actor, *time),
            Event::LoopLagged { kind, time } => self.loops.lagged(*kind, *time),
            Event::DependencyChecked { dependency, ok } => self.health.dependency(dependency, *ok),
            Event::DiskFree(bytes) => self.health.disk(*bytes),
            Event::Memory { used, limit } => self.health.memory(*used, *limit),
            Event::Ready(ready) => self.health.ready(*ready),
            Event::Spool { memory, disk } => self.process.spool(*memory, *disk),
            Event::AuthFailed { reason } => self.polls.refused(reason),
            Event::IdempotencyConflict => self.polls.conflict(),
            Event::StatusPolled(poll) => self.polls.polled(*poll),
            Event::RetryAfterTold { seconds } => self.polls.told(*seconds),
            Event::ResultsDownloaded { kind } => self.polls.downloaded(kind),
            Event::JobFetched => self.polls.fetched(),
            Event::OutboundBlocked { reason } => self.outbound.blocked(reason),
            Event::Downloaded { outcome, time } => self.outbound.downloaded(outcome, *time),
            Event::WebhookTried { again, reason, time } => self.outbound.tried(*again, *reason, *time),
            Event::DeadLetter => self.outbound.dead_letter(),
            Event::Outbox { pending, dead } => self.outbound.waiting(*pending, *dead),
        }
    }

    /// Sets how many events were dropped so far, because the way here was full. Never falls.
    pub fn set_dropped(&self, total: u64) {
        self.process.dropped(total);
    }

    /// All series in the text format 0.0.4, families sorted by name.
    #[must_use]
    pub fn render(&self) -> String {
        // A poisoned lock guards no data: the next scrape may go on.
        let _one = self.scrape.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.process.look();
        self.clients.look();
        let mut text = String::with_capacity(32 * 1024);
        // Fails only on a family without series, which `gather` leaves out.
        let complete = TextEncoder::new().encode_utf8(&self.families.gather(), &mut text);
        debug_assert!(complete.is_ok(), "{complete:?}");
        text
    }
}

/// A gauge's value; figures beyond `i64` do not occur, and would be clamped.
fn figure(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}
