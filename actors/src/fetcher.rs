//! The Fetcher: downloads pictures from the URLs that users send, through the outbound guard into a spool.
//!
//! The number of downloads is limited per endpoint and in total; further ones wait, an interactive one no longer
//! than its request may. A background download that fails temporarily is retried once. Every download has a time
//! limit and a byte limit, whatever the server does. The caller owns the result; nothing is kept here.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix::{Actor, Context, Handler, Message, ResponseFuture, Supervised};
use bytes::Bytes;
use huemill_observability::trace::{KeyValue, Scope, SpanKind};
use huemill_observability::{Event, log};
use huemill_store::{Caller, Spool, SpoolRoom};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::Instant;
use crate::fault::{Code, Fault};
use crate::outbound::{DownloadError, Outbound, OutboundError, Target};
use crate::pictures;
use crate::supervise::answer_pings;
use crate::telemetry::Recorder;

/// Downloads a URL and checks by the first bytes that it is a picture.
#[derive(Debug)]
pub struct Fetch {
    /// The URL, as it was sent.
    pub url: String,
    /// Who sent it.
    pub caller: Caller,
    /// How long to wait for a download permit. Without it, the wait has no limit and a temporary failure is retried
    /// once.
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
    /// Maximum number of concurrent downloads from one host and port.
    pub each: usize,
    /// Maximum bytes of one download.
    pub longest: u64,
    /// The pause before the retry.
    pub pause: Duration,
}

impl Default for FetcherSettings {
    fn default() -> Self {
        Self { at_once: 64, each: 4, longest: 50_000_000, pause: Duration::from_millis(500) }
    }
}

/// The actor that downloads pictures.
pub struct Fetcher {
    settings: FetcherSettings,
    downloader: Downloader,
    outbound: Outbound,
    /// Separate permits for interactive requests and for jobs: a job with slow servers must not block clients.
    permits: [Arc<Semaphore>; 2],
    endpoints: HashMap<String, Weak<Semaphore>>,
}

/// Performs and records downloads.
#[derive(Clone)]
struct Downloader {
    room: SpoolRoom,
    recorder: Recorder,
}

/// Number of endpoints at which those without a download are removed from the map.
const MAX_ENDPOINTS: usize = 1_024;

impl Fetcher {
    /// A fetcher with no download running.
    #[must_use]
    pub fn new(settings: FetcherSettings, outbound: Outbound, room: SpoolRoom, recorder: Recorder) -> Self {
        Self {
            permits: std::array::from_fn(|_| Arc::new(Semaphore::new(settings.at_once.max(1)))),
            downloader: Downloader { room, recorder },
            endpoints: HashMap::new(),
            settings,
            outbound,
        }
    }

    /// The permits of an endpoint, shared by all its downloads.
    fn endpoint_permits(&mut self, endpoint: String) -> Arc<Semaphore> {
        if self.endpoints.len() >= MAX_ENDPOINTS {
            self.endpoints.retain(|_, permits| permits.strong_count() > 0);
        }
        let known = self.endpoints.get(&endpoint).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let permits = Arc::new(Semaphore::new(self.settings.each.max(1)));
            self.endpoints.insert(endpoint, Arc::downgrade(&permits));
            permits
        })
    }
}

impl Downloader {
    /// Performs one download.
    async fn download(
        &self,
        outbound: &Outbound,
        target: &Target,
        longest: u64,
    ) -> Result<Spool, DownloadError<std::io::Error>> {
        let attributes = || {
            let endpoint = KeyValue::new("server.address", target.endpoint());
            [KeyValue::new("http.request.method", "GET"), endpoint]
        };
        let span = Scope::here().span("download", SpanKind::Client, attributes);
        let outcome = span.scope().run(async {
            let mut writer = self.room.writer();
            outbound.get(target, longest, async |chunk: Bytes| writer.write(chunk).await).await?;
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
        started: Instant,
    ) {
        if let Some(DownloadError::Outbound(OutboundError::Refused(reason))) = outcome {
            self.record_refused(fetch, host, reason.as_str());
        }
        let outcome = outcome.map_or("ok", outcome_label);
        self.recorder.record(Event::Downloaded { outcome, time: started.elapsed() });
    }

    fn record_refused(&self, fetch: &Fetch, host: &str, reason: &'static str) {
        self.recorder.record(Event::OutboundBlocked { reason });
        let (request_id, job_id) = (&*fetch.request_id, fetch.job_id.as_deref());
        log!(OUTBOUND_BLOCKED, request_id, job_id, host, reason);
    }
}

/// How a download failed, as metrics and traces name it.
fn outcome_label(error: &DownloadError<std::io::Error>) -> &'static str {
    match error {
        DownloadError::Sink(_) => "overloaded",
        DownloadError::Outbound(OutboundError::Refused(_)) => "invalid_url",
        DownloadError::Outbound(OutboundError::Timeout(_)) => "url_timeout",
        DownloadError::Outbound(OutboundError::TooLarge { .. }) => "payload_too_large",
        DownloadError::Outbound(OutboundError::Upstream { .. }) => "upstream_error",
    }
}

/// A permit of the endpoint, and one of all downloads.
type Permits = (OwnedSemaphorePermit, OwnedSemaphorePermit);

/// Acquires the endpoint's permit first, so that downloads waiting for a slow server do not block others.
async fn acquire(
    endpoint: Arc<Semaphore>,
    all: Arc<Semaphore>,
    wait: Option<Duration>,
) -> Result<Permits, Fault> {
    let both = async { Some((endpoint.acquire_owned().await.ok()?, all.acquire_owned().await.ok()?)) };
    let permits = match wait {
        Some(wait) => tokio::time::timeout(wait, both).await.ok().flatten(),
        None => both.await,
    };
    permits.ok_or_else(|| Fault::new(Code::Overloaded).with_cause("too many downloads at a time"))
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
        let all = Arc::clone(&self.permits[usize::from(fetch.wait.is_none())]);
        let endpoint = self.endpoint_permits(target.endpoint());
        Box::pin(fetch.scope.clone().run(async move {
            let _permits = acquire(endpoint, all, fetch.wait).await?;
            let mut may_retry = fetch.wait.is_none();
            loop {
                let started = Instant::now();
                let outcome = downloader.download(&outbound, &target, settings.longest).await;
                downloader.record(&fetch, &target.endpoint(), outcome.as_ref().err(), started);
                match outcome {
                    Err(DownloadError::Outbound(error)) if may_retry && error.may_retry() => {
                        may_retry = false;
                        tokio::time::sleep(settings.pause).await;
                    }
                    outcome => {
                        let spool = outcome.map_err(fault)?;
                        pictures::format(&spool).await?;
                        return Ok(spool);
                    }
                }
            }
        }))
    }
}

fn fault(error: DownloadError<std::io::Error>) -> Fault {
    match error {
        DownloadError::Outbound(error) => error.into(),
        DownloadError::Sink(error) => Fault::new(Code::Overloaded).with_cause(error),
    }
}

answer_pings!(Fetcher);
