//! The Fetcher: downloads pictures from the URLs that users send, through the outbound guard into a spool.
//!
//! The number of downloads is limited per endpoint and in total, and shared among callers; further ones wait, an
//! interactive one no longer than its request may. An interactive one whose caller has used its share is refused at
//! once. Whoever waits holds nothing. A background download that fails temporarily is retried once. Every download has a
//! time limit and a byte limit, whatever the server does. The caller owns the result; nothing is kept here.

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

use actix::{Actor, Context, Handler, Message, ResponseFuture, Supervised};
use bytes::Bytes;
use huemill_observability::trace::{KeyValue, Scope, SpanKind};
use huemill_observability::{Event, log};
use huemill_store::{Caller, Spool, SpoolRoom};
use tokio::time::timeout_at;

use crate::clock::Instant;
use crate::fault::{Code, Fault};
use crate::line_sampler::LineSampler;
use crate::outbound::{
    Admission, Admitted, Busy, Destination, DownloadError, Endpoints, Outbound, OutboundError, Target,
};
use crate::pictures;
use crate::reached_limit::Unit;
use crate::share::{NoPlace, Places, share_used};
use crate::supervise::answer_pings;
use crate::telemetry::Recorder;

/// The name of the limit on a caller's downloads.
const POLICY: &str = "downloads";

/// Downloads a URL and checks by the first bytes that it is a picture.
#[derive(Debug)]
pub struct Fetch {
    /// The URL, as it was sent.
    pub url: String,
    /// Who sent it.
    pub caller: Caller,
    /// How long to wait for a place. Without it, the wait has no limit, even if the caller has used its share, and a
    /// temporary failure is retried once.
    pub wait: Option<Duration>,
    /// The request that named the URL.
    pub request_id: String,
    /// The job that needs the picture.
    pub job_id: Option<String>,
    /// The trace to which the download belongs.
    pub scope: Scope,
}

impl Message for Fetch {
    type Result = Result<Spool, Fault>;
}

/// Limits for downloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetcherSettings {
    /// Maximum number of concurrent downloads, separately for interactive requests and for jobs.
    pub at_once: usize,
    /// Maximum number of concurrent downloads from one host and port, and from one address and port.
    pub each: usize,
    /// Maximum bytes of one download.
    pub longest: u64,
    /// The pause before the retry.
    pub pause: Duration,
}

impl Default for FetcherSettings {
    fn default() -> Self {
        Self { at_once: 64, each: 4, longest: 50 << 20, pause: Duration::from_millis(500) }
    }
}

/// The actor that downloads pictures.
pub struct Fetcher {
    settings: FetcherSettings,
    downloader: Downloader,
    outbound: Outbound,
    /// Separate places for interactive requests and for jobs: a job with slow servers must not block clients.
    places: [Places; 2],
    endpoints: Endpoints,
}

/// Performs and records downloads.
#[derive(Clone)]
struct Downloader {
    room: SpoolRoom,
    recorder: Recorder,
    line_sampler: LineSampler,
}

impl Fetcher {
    /// A fetcher with no download running.
    #[must_use]
    pub fn new(
        settings: FetcherSettings,
        outbound: Outbound,
        room: SpoolRoom,
        recorder: Recorder,
        line_sampler: LineSampler,
    ) -> Self {
        Self {
            places: std::array::from_fn(|_| Places::new(settings.at_once.max(1) as u64)),
            endpoints: Endpoints::new(u32::try_from(settings.each).unwrap_or(u32::MAX)),
            downloader: Downloader { room, recorder, line_sampler },
            settings,
            outbound,
        }
    }

    fn admission(&self, fetch: &Fetch) -> DownloadAdmission {
        DownloadAdmission {
            places: self.places[usize::from(fetch.wait.is_none())].clone(),
            endpoints: self.endpoints.clone(),
            caller: fetch.caller,
            until: fetch.wait.map(|wait| Instant::now() + wait),
            waited: Cell::new(Duration::ZERO),
        }
    }
}

/// Admits a download, and waits for its places if it may.
struct DownloadAdmission {
    places: Places,
    endpoints: Endpoints,
    caller: Caller,
    /// Until when to wait, if it is interactive.
    until: Option<Instant>,
    /// For how long it waited.
    waited: Cell<Duration>,
}

impl DownloadAdmission {
    /// Waits for both places and holds neither meanwhile: downloads that wait for a slow server do not block others.
    async fn places(&self, destination: &Destination) -> Result<Admitted, OutboundError> {
        loop {
            let mut freed = pin!(self.endpoints.freed());
            freed.as_mut().enable();
            match self.places.try_take(self.caller, 1) {
                Ok(share) => {
                    if let Some(endpoint) = self.endpoints.try_enter(self.caller, destination) {
                        return Ok(Admitted { share: Some(share), endpoint });
                    }
                }
                Err(NoPlace::ShareUsed(_)) if self.until.is_some() => {
                    return Err(OutboundError::NoPlace(Busy::Share));
                }
                Err(NoPlace::ShareUsed(_) | NoPlace::AllTaken) => {}
            }
            freed.await;
        }
    }

    fn fault(&self, error: DownloadError<std::io::Error>) -> Fault {
        match error {
            DownloadError::Outbound(error @ OutboundError::NoPlace(Busy::Share)) => {
                let share = self.places.taken_by(self.caller) + self.places.room(self.caller);
                share_used(POLICY, "downloads", Unit::ConcurrentRequests, share).with_cause(error)
            }
            DownloadError::Outbound(error) => error.into(),
            DownloadError::Sink(error) => Fault::new(Code::Overloaded).with_cause(error),
        }
    }
}

impl Admission for DownloadAdmission {
    fn caller(&self) -> Caller {
        self.caller
    }

    async fn admit(&self, destination: &Destination) -> Result<Admitted, OutboundError> {
        let started = Instant::now();
        let places = self.places(destination);
        let admitted = match self.until {
            Some(until) => {
                timeout_at(until, places).await.unwrap_or(Err(OutboundError::NoPlace(Busy::Endpoint)))
            }
            None => places.await,
        };
        self.waited.set(self.waited.get() + started.elapsed());
        admitted
    }
}

impl Downloader {
    /// Performs one download.
    async fn download(
        &self,
        outbound: &Outbound,
        target: &Target,
        longest: u64,
        admission: &DownloadAdmission,
    ) -> Result<Spool, DownloadError<std::io::Error>> {
        let attributes = || {
            let endpoint = KeyValue::new("server.address", target.endpoint());
            [KeyValue::new("http.request.method", "GET"), endpoint]
        };
        let span = Scope::here().span("download", SpanKind::Client, attributes);
        let outcome = span.scope().run(async {
            let mut writer = self.room.writer();
            outbound.get(target, longest, admission, async |chunk: Bytes| writer.write(chunk).await).await?;
            writer.finish().await.map_err(DownloadError::Sink)
        });
        let outcome = outcome.await;
        if let Err(error) = &outcome {
            span.fail(outcome_label(error));
        }
        outcome
    }

    fn record(
        &self,
        fetch: &Fetch,
        host: &str,
        outcome: Option<&DownloadError<std::io::Error>>,
        time: Duration,
    ) {
        if let Some(DownloadError::Outbound(OutboundError::NoPlace(_))) = outcome {
            return;
        }
        if let Some(DownloadError::Outbound(OutboundError::Refused(reason))) = outcome {
            self.record_refused(fetch, host, reason.as_str());
        }
        let outcome = outcome.map_or("ok", outcome_label);
        self.recorder.record(Event::Downloaded { outcome, time });
    }

    fn record_refused(&self, fetch: &Fetch, host: &str, reason: &'static str) {
        self.recorder.record(Event::OutboundBlocked { reason });
        if let Some(lines_left_out) = self.line_sampler.take(fetch.caller, 1) {
            let (request_id, job_id) = (&*fetch.request_id, fetch.job_id.as_deref());
            log!(OUTBOUND_BLOCKED, request_id, job_id, host, reason, lines_left_out);
        }
    }
}

/// How a download failed, as metrics and traces name it.
fn outcome_label(error: &DownloadError<std::io::Error>) -> &'static str {
    match error {
        DownloadError::Sink(_) | DownloadError::Outbound(OutboundError::NoPlace(_)) => "overloaded",
        DownloadError::Outbound(OutboundError::Refused(_)) => "invalid_url",
        DownloadError::Outbound(OutboundError::Timeout(_)) => "url_timeout",
        DownloadError::Outbound(OutboundError::TooLarge { .. }) => "payload_too_large",
        DownloadError::Outbound(OutboundError::Upstream { .. }) => "upstream_error",
    }
}

impl Actor for Fetcher {
    type Context = Context<Self>;
}

impl Supervised for Fetcher {}

impl Handler<Fetch> for Fetcher {
    type Result = ResponseFuture<Result<Spool, Fault>>;

    fn handle(&mut self, fetch: Fetch, _: &mut Self::Context) -> Self::Result {
        let target = match Target::parse(&fetch.url, self.outbound.policy()) {
            Ok(target) => target,
            Err(reason) => {
                // Text that is not a URL names no host to report.
                self.downloader.record_refused(&fetch, "", reason.as_str());
                return Box::pin(std::future::ready(Err(reason.into())));
            }
        };
        let (settings, downloader, outbound) =
            (self.settings, self.downloader.clone(), self.outbound.clone());
        let admission = self.admission(&fetch);
        Box::pin(fetch.scope.clone().run(async move {
            let mut may_retry = fetch.wait.is_none();
            loop {
                let started = Instant::now();
                let outcome = downloader.download(&outbound, &target, settings.longest, &admission).await;
                let time = started.elapsed().saturating_sub(admission.waited.take());
                downloader.record(&fetch, &target.endpoint(), outcome.as_ref().err(), time);
                match outcome {
                    Err(DownloadError::Outbound(error)) if may_retry && error.may_retry() => {
                        may_retry = false;
                        tokio::time::sleep(settings.pause).await;
                    }
                    outcome => {
                        let spool = outcome.map_err(|error| admission.fault(error))?;
                        pictures::format(&spool).await?;
                        return Ok(spool);
                    }
                }
            }
        }))
    }
}

answer_pings!(Fetcher);
