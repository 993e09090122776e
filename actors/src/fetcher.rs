//! The Fetcher: pictures from the addresses that people name, through the outbound guard into a spool.
//!
//! A few downloads at a time for each endpoint and in all; the others wait in line, those of somebody who waits no
//! longer than a request may. What may pass is tried once more where nobody waits. A download ends by its time and
//! its bytes, whatever the server does; what comes of it is the caller's, and nothing is kept here.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix::{Actor, Context, Handler, Message, ResponseFuture, Supervised};
use bytes::Bytes;
use huemill_observability::trace::{KeyValue, Scope, SpanKind};
use huemill_observability::{Event, log};
use huemill_store::{Spool, SpoolRoom};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::Instant;
use crate::fault::{Code, Fault};
use crate::metrics::Recorder;
use crate::outbound::{DownloadError, Outbound, OutboundError, Target};
use crate::pictures;
use crate::supervise::{Ping, Pong};

/// Asks for what a URL leads to: a picture, by its first bytes.
#[derive(Debug)]
pub struct Fetch {
    /// The URL, as it was sent.
    pub url: String,
    /// How long a place in line is waited for; without it, as long as it takes, and failures that may pass are tried
    /// once more.
    pub wait: Option<Duration>,
    /// The request that named the URL.
    pub request_id: String,
    /// The job that it is for.
    pub job_id: Option<String>,
    /// The trace that it belongs to.
    pub scope: Scope,
}

impl Message for Fetch {
    type Result = Result<Spool, Fault>;
}

/// How downloads are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetcherSettings {
    /// Downloads at a time, for those who wait and for jobs each.
    pub at_once: usize,
    /// Downloads at a time from one host and port.
    pub each: usize,
    /// The most bytes of one.
    pub longest: u64,
    /// The pause before one is tried once more.
    pub pause: Duration,
}

impl Default for FetcherSettings {
    fn default() -> Self {
        Self { at_once: 64, each: 4, longest: 50_000_000, pause: Duration::from_millis(500) }
    }
}

/// The actor.
pub struct Fetcher {
    settings: FetcherSettings,
    line: Downloader,
    outbound: Outbound,
    /// For those who wait, and for jobs: a job of slow servers must not turn away who waits.
    places: [Arc<Semaphore>; 2],
    endpoints: HashMap<String, Weak<Semaphore>>,
}

/// What a download needs.
#[derive(Clone)]
struct Downloader {
    room: SpoolRoom,
    recorder: Recorder,
}

/// Endpoints that are remembered before those without a download are forgotten.
const REMEMBERED: usize = 1_024;

impl Fetcher {
    /// Nothing under way.
    #[must_use]
    pub fn new(settings: FetcherSettings, outbound: Outbound, room: SpoolRoom, recorder: Recorder) -> Self {
        Self {
            places: std::array::from_fn(|_| Arc::new(Semaphore::new(settings.at_once.max(1)))),
            line: Downloader { room, recorder },
            endpoints: HashMap::new(),
            settings,
            outbound,
        }
    }

    /// The places of an endpoint, shared by all who wait for one.
    fn places_of(&mut self, endpoint: String) -> Arc<Semaphore> {
        if self.endpoints.len() >= REMEMBERED {
            self.endpoints.retain(|_, places| places.strong_count() > 0);
        }
        let known = self.endpoints.get(&endpoint).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let places = Arc::new(Semaphore::new(self.settings.each.max(1)));
            self.endpoints.insert(endpoint, Arc::downgrade(&places));
            places
        })
    }
}

impl Downloader {
    /// One download.
    async fn download(
        &self,
        outbound: &Outbound,
        target: &Target,
        longest: u64,
    ) -> Result<Spool, DownloadError<std::io::Error>> {
        let facts = || {
            let endpoint = KeyValue::new("server.address", target.endpoint());
            [KeyValue::new("http.request.method", "GET"), endpoint]
        };
        let span = Scope::here().span("download", SpanKind::Client, facts);
        let outcome = span.scope().run(async {
            let mut writer = self.room.writer();
            outbound.get(target, longest, async |chunk: Bytes| writer.write(chunk).await).await?;
            writer.finish().await.map_err(DownloadError::Sink)
        });
        let outcome = outcome.await;
        if let Err(error) = &outcome {
            span.fail(word(error));
        }
        outcome
    }

    fn tell(
        &self,
        fetch: &Fetch,
        host: &str,
        outcome: Option<&DownloadError<std::io::Error>>,
        started: Instant,
    ) {
        if let Some(DownloadError::Outbound(OutboundError::Refused(reason))) = outcome {
            self.refused(fetch, host, reason.as_str());
        }
        let outcome = outcome.map_or("ok", word);
        self.recorder.record(Event::Downloaded { outcome, time: started.elapsed() });
    }

    fn refused(&self, fetch: &Fetch, host: &str, reason: &'static str) {
        self.recorder.record(Event::OutboundBlocked { reason });
        let (request_id, job_id) = (&*fetch.request_id, fetch.job_id.as_deref());
        log!(OUTBOUND_BLOCKED, request_id, job_id, host, reason);
    }
}

/// How a download failed, as metrics and traces say it.
fn word(error: &DownloadError<std::io::Error>) -> &'static str {
    match error {
        DownloadError::Sink(_) => "overloaded",
        DownloadError::Outbound(OutboundError::Refused(_)) => "invalid_url",
        DownloadError::Outbound(OutboundError::Timeout(_)) => "url_timeout",
        DownloadError::Outbound(OutboundError::TooLarge { .. }) => "payload_too_large",
        DownloadError::Outbound(OutboundError::Upstream { .. }) => "upstream_error",
    }
}

/// A place among all, and one of the endpoint's.
type Place = (OwnedSemaphorePermit, OwnedSemaphorePermit);

/// The endpoint's first: who waits for a slow server holds up nobody else.
async fn place(each: Arc<Semaphore>, all: Arc<Semaphore>, wait: Option<Duration>) -> Result<Place, Fault> {
    let both = async { Some((each.acquire_owned().await.ok()?, all.acquire_owned().await.ok()?)) };
    let place = match wait {
        Some(wait) => tokio::time::timeout(wait, both).await.ok().flatten(),
        None => both.await,
    };
    place.ok_or_else(|| Fault::new(Code::Overloaded).with_cause("no place for a download"))
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
                // Text that is no URL names no host that could be told.
                self.line.refused(&fetch, "", reason.as_str());
                return Box::pin(std::future::ready(Err(reason.into())));
            }
        };
        let (settings, line, outbound) = (self.settings, self.line.clone(), self.outbound.clone());
        let (all, each) =
            (Arc::clone(&self.places[usize::from(fetch.wait.is_none())]), self.places_of(target.endpoint()));
        Box::pin(fetch.scope.clone().run(async move {
            let _place = place(each, all, fetch.wait).await?;
            let mut again = fetch.wait.is_none();
            loop {
                let started = Instant::now();
                let outcome = line.download(&outbound, &target, settings.longest).await;
                line.tell(&fetch, &target.endpoint(), outcome.as_ref().err(), started);
                match outcome {
                    Err(DownloadError::Outbound(error)) if again && error.may_retry() => {
                        again = false;
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

impl Handler<Ping> for Fetcher {
    type Result = Pong;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Pong {
        Pong::now()
    }
}
