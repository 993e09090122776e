//! The client: guarded downloads that follow redirects, and posts that follow none.
//!
//! The actors on the net arbiter hold it. A clone is cheap and may be sent to any thread, but requests run only on an
//! actix arbiter. Each request ends at its time limit, whatever the server does, and reads no more than allowed; only
//! the time that it waits for its [`Admission`] does not count.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use awc::http::header::{self, HeaderName, HeaderValue};
use awc::http::{Method, StatusCode};
use bytes::{Bytes, BytesMut};
use huemill_store::Caller;
use rustls::ClientConfig;
use tokio::time::{Instant, timeout};

use super::address_policy::AddressPolicy;
use super::connector::{ConnectNotes, Route, allowed_addresses, check_host};
use super::endpoints::{Admission, Destination};
use super::error::{DownloadError, OutboundError, Reason, RequestFailure, RequestPhase};
use super::exchange::{Exchange, Hop, OutboundRequest};
use super::resolver::Resolver;
use super::target::Target;
use super::trust::{SetupError, tls_config};

const USER_AGENT: &str = concat!("Huemill/", env!("CARGO_PKG_VERSION"));

/// The supported picture types, so that servers that negotiate do not choose another one.
const ACCEPT: &str = "image/jpeg, image/png, image/webp, image/gif, image/bmp, image/tiff, */*;q=0.1";

/// The guarded client.
#[derive(Clone)]
pub struct Outbound {
    policy: Arc<AddressPolicy>,
    tls: Arc<ClientConfig>,
    resolver: Resolver,
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// A finished download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Number of bytes.
    pub bytes: u64,
    /// The URL at the end of the redirects.
    pub target: Target,
    /// Number of redirects.
    pub redirects: u8,
}

/// Limits for one post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostLimits {
    /// Time limit in total.
    pub total: Duration,
    /// Maximum number of bytes of the response body that are read and kept.
    pub answer: usize,
}

impl Default for PostLimits {
    fn default() -> Self {
        Self { total: Duration::from_secs(15), answer: 16 * 1_024 }
    }
}

/// The response to a post, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostResponse {
    /// The status.
    pub status: u16,
    /// The `Retry-After` header as sent.
    pub retry_after: Option<String>,
    /// The beginning of the body.
    pub body: Bytes,
}

/// What is left of a request's total time limit. Time that passes outside of [`TimeLeft::run`] does not count.
struct TimeLeft(Duration);

impl TimeLeft {
    /// Runs a part of the request, no longer than `limit`; `None` if the time is over.
    async fn run<T>(&mut self, limit: Duration, part: impl Future<Output = T>) -> Option<T> {
        let started = Instant::now();
        let outcome = timeout(limit.min(self.0), part).await;
        self.0 = self.0.saturating_sub(started.elapsed());
        outcome.ok()
    }
}

/// How long a client waits for the check of a host.
const HOST_CHECK: Duration = Duration::from_secs(3);

impl Outbound {
    /// A client with this policy. Reads the system's certificate authorities and those of the policy's file.
    pub fn new(policy: AddressPolicy) -> Result<Self, SetupError> {
        let tls = tls_config(policy.roots.as_deref())?;
        Ok(Self { policy: Arc::new(policy), tls, resolver: Resolver::new() })
    }

    /// Its policy, with which a [`Target`] should be parsed.
    #[must_use]
    pub fn policy(&self) -> &AddressPolicy {
        &self.policy
    }

    /// Checks where the host of a URL leads at the moment, before anything is requested of it. A later request looks it
    /// up again. A resolver that is slow or fails is not the URL's fault, so that it passes.
    ///
    /// # Errors
    /// The name has no address, or one that may not be connected.
    pub async fn check_host(&self, target: &Target, caller: Caller) -> Result<(), Reason> {
        let check = check_host(&self.resolver, caller, target.host_and_port(), &self.policy);
        timeout(HOST_CHECK, check).await.unwrap_or(Ok(()))
    }

    /// Downloads a URL, at most `cap` bytes, and passes it to `sink` chunk by chunk. Redirects are followed as far
    /// as the policy allows; each is checked and admitted like the first URL. Only 200 and 203 are success. After an
    /// error, discard what was passed to `sink`.
    pub async fn get<E>(
        &self,
        target: &Target,
        cap: u64,
        admission: &impl Admission,
        mut sink: impl AsyncFnMut(Bytes) -> Result<(), E>,
    ) -> Result<Download, DownloadError<E>> {
        let mut left = TimeLeft(self.policy.total);
        let (mut exchange, target, redirects) =
            self.follow(target.clone(), cap, admission, &mut left).await?;
        let too_large = OutboundError::TooLarge { limit: cap };
        if exchange.declared().is_some_and(|length| length > cap) {
            return Err(too_large.into());
        }
        let body = async {
            let mut bytes = 0;
            while let Some(chunk) = exchange.chunk().await? {
                bytes += chunk.len() as u64;
                if bytes > cap {
                    return Err(too_large.into());
                }
                sink(chunk).await.map_err(DownloadError::Sink)?;
            }
            Ok(Download { bytes, target, redirects })
        };
        let outcome = left.run(Duration::MAX, body).await;
        outcome.unwrap_or_else(|| Err(OutboundError::Timeout(RequestPhase::Body).into()))
    }

    /// The response at the end of the redirects.
    async fn follow(
        &self,
        mut target: Target,
        cap: u64,
        admission: &impl Admission,
        left: &mut TimeLeft,
    ) -> Result<(Exchange, Target, u8), OutboundError> {
        let headers = [
            (header::USER_AGENT, HeaderValue::from_static(USER_AGENT)),
            (header::ACCEPT, HeaderValue::from_static(ACCEPT)),
        ];
        for redirects in 0..=self.policy.redirects {
            let request = OutboundRequest {
                method: Method::GET,
                target: &target,
                headers: &headers,
                body: Bytes::new(),
            };
            let exchange = self.begin(request, cap, admission, left).await?;
            match (exchange.status(), exchange.header(header::LOCATION)) {
                // A proxy has changed a response with status 203, such as one that makes pictures smaller.
                (StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION, _) => {
                    return Ok((exchange, target, redirects));
                }
                (status, Some(location)) if is_redirect(status) => {
                    let next = target.join(location, &self.policy);
                    target = next.map_err(|reason| refused_redirect(reason, status))?;
                }
                (status, _) => {
                    return Err(OutboundError::Upstream {
                        status: Some(status.as_u16()),
                        what: RequestFailure::Status,
                    });
                }
            }
        }
        Err(Reason::Redirects.into())
    }

    /// Looks up where a request goes, waits until it is admitted, and sends it. A body of `longest` bytes may follow.
    async fn begin(
        &self,
        request: OutboundRequest<'_>,
        longest: u64,
        admission: &impl Admission,
        left: &mut TimeLeft,
    ) -> Result<Exchange, OutboundError> {
        let policy = &self.policy;
        let started = Instant::now();
        let place = request.target.host_and_port();
        let lookup = allowed_addresses(&self.resolver, admission.caller(), place, policy);
        let addresses = left.run(policy.connect.min(policy.head), lookup).await;
        let addresses = addresses.ok_or(OutboundError::Timeout(RequestPhase::Connect))??;
        let lookup_time = started.elapsed();
        let destination = Destination { endpoint: request.target.endpoint(), addresses };
        let admitted = RefCell::new(admission.admit(&destination).await?);
        let notes = Rc::new(ConnectNotes::default());
        let hop = Hop {
            route: Rc::new(Route { addresses: destination.addresses, admitted }),
            notes: Rc::clone(&notes),
            connect: policy.connect.saturating_sub(lookup_time),
        };
        let exchange = Exchange::begin(request, longest, policy, &self.tls, hop);
        let exchange = left.run(policy.head.saturating_sub(lookup_time), exchange).await;
        exchange.unwrap_or_else(|| Err(OutboundError::Timeout(notes.phase.get())))
    }

    /// Posts a body. The result is the response of the URL itself, even if that is a redirect. Its body is read up
    /// to the limit.
    pub async fn post(
        &self,
        target: &Target,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
        limits: PostLimits,
        admission: &impl Admission,
    ) -> Result<PostResponse, OutboundError> {
        let mut left = TimeLeft(limits.total);
        let request = OutboundRequest { method: Method::POST, target, headers, body };
        let mut exchange = self.begin(request, limits.answer as u64, admission, &mut left).await?;
        let body = left.run(Duration::MAX, body_start(&mut exchange, limits.answer)).await;
        let body = body.ok_or(OutboundError::Timeout(RequestPhase::Body))?;
        Ok(PostResponse {
            status: exchange.status().as_u16(),
            retry_after: exchange.header(header::RETRY_AFTER).map(str::to_owned),
            body,
        })
    }
}

/// Why a redirect is not followed. A `Location` that is no URL is the server's fault; where a URL leads is its sender's.
fn refused_redirect(reason: Reason, status: StatusCode) -> OutboundError {
    match reason {
        Reason::Form => {
            OutboundError::Upstream { status: Some(status.as_u16()), what: RequestFailure::Malformed }
        }
        other => other.into(),
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The first bytes of a body. The status tells what became of the request, so a body that breaks off is kept as far
/// as it arrived.
async fn body_start(exchange: &mut Exchange, limit: usize) -> Bytes {
    let mut body = BytesMut::new();
    while body.len() < limit {
        let Ok(Some(chunk)) = exchange.chunk().await else { break };
        body.extend_from_slice(&chunk[..chunk.len().min(limit - body.len())]);
    }
    body.freeze()
}
