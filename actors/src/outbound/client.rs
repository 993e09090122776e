//! The client: downloads that follow redirects under guard, and posts that follow nothing.
//!
//! Held by the actors of the net arbiter; a clone is cheap and may be sent anywhere, its requests run on an actix
//! arbiter only. Each request ends by its time limit, whatever the server does, and reads no more than it may.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use awc::http::header::{self, HeaderName, HeaderValue};
use awc::http::{Method, StatusCode};
use bytes::{Bytes, BytesMut};
use rustls::ClientConfig;
use tokio::time::timeout;

use super::connector::ConnectNotes;
use super::exchange::{Exchange, OutboundRequest};
use super::{AddressPolicy, DownloadError, OutboundError, Reason, RequestFailure, SetupError, Target, trust};

const USER_AGENT: &str = concat!("Huemill/", env!("CARGO_PKG_VERSION"));

/// What pictures come as; servers that choose by this header should not choose what cannot be read.
const ACCEPT: &str = "image/jpeg, image/png, image/webp, image/gif, image/bmp, image/tiff, */*;q=0.1";

/// The guarded client.
#[derive(Clone)]
pub struct Outbound {
    policy: Arc<AddressPolicy>,
    tls: Arc<ClientConfig>,
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// How a download went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// How many bytes there were.
    pub bytes: u64,
    /// Where they came from, after all redirects.
    pub target: Target,
    /// How many redirects that took.
    pub redirects: u8,
}

/// What one post may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostLimits {
    /// Time in all.
    pub total: Duration,
    /// The most bytes of the answer that are read and kept.
    pub answer: usize,
}

impl Default for PostLimits {
    fn default() -> Self {
        Self { total: Duration::from_secs(15), answer: 16 * 1_024 }
    }
}

/// What came of a post, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The `Retry-After` header as it was sent.
    pub retry_after: Option<String>,
    /// The beginning of the body.
    pub body: Bytes,
}

/// The notes of the hop that a request is at.
#[derive(Default)]
struct RedirectChain(RefCell<Rc<ConnectNotes>>);

impl RedirectChain {
    fn hop(&self) -> Rc<ConnectNotes> {
        let notes = Rc::new(ConnectNotes::default());
        *self.0.borrow_mut() = Rc::clone(&notes);
        notes
    }

    fn late(&self) -> OutboundError {
        OutboundError::Timeout(self.0.borrow().phase.get())
    }
}

impl Outbound {
    /// The client of a policy. Reads the system's certificate authorities and the policy's file of them.
    pub fn new(policy: AddressPolicy) -> Result<Self, SetupError> {
        let tls = trust::config(policy.roots.as_deref())?;
        Ok(Self { policy: Arc::new(policy), tls })
    }

    /// What it lets through: the policy by which a [`Target`] should be parsed.
    #[must_use]
    pub fn policy(&self) -> &AddressPolicy {
        &self.policy
    }

    /// Downloads what a URL leads to, at most `cap` bytes of it, and hands it on piece by piece. Redirects are
    /// followed as far as the policy says, each judged as the first URL was. Only status 200 is success. What was
    /// handed on before an error is to be thrown away.
    pub async fn get<E>(
        &self,
        target: &Target,
        cap: u64,
        sink: impl AsyncFnMut(Bytes) -> Result<(), E>,
    ) -> Result<Download, DownloadError<E>> {
        let course = RedirectChain::default();
        match timeout(self.policy.total, self.download(target, cap, sink, &course)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(course.late().into()),
        }
    }

    async fn download<E>(
        &self,
        target: &Target,
        cap: u64,
        mut sink: impl AsyncFnMut(Bytes) -> Result<(), E>,
        course: &RedirectChain,
    ) -> Result<Download, DownloadError<E>> {
        let (mut exchange, target, redirects) = self.follow(target.clone(), course).await?;
        let large = OutboundError::TooLarge { limit: cap };
        if exchange.declared().is_some_and(|length| length > cap) {
            return Err(large.into());
        }
        let mut bytes = 0;
        while let Some(chunk) = exchange.chunk().await? {
            bytes += chunk.len() as u64;
            if bytes > cap {
                return Err(large.into());
            }
            sink(chunk).await.map_err(DownloadError::Sink)?;
        }
        Ok(Download { bytes, target, redirects })
    }

    /// The answer at the end of the redirects.
    async fn follow(
        &self,
        mut target: Target,
        course: &RedirectChain,
    ) -> Result<(Exchange, Target, u8), OutboundError> {
        let headers = [
            (header::USER_AGENT, HeaderValue::from_static(USER_AGENT)),
            (header::ACCEPT, HeaderValue::from_static(ACCEPT)),
        ];
        for redirects in 0..=self.policy.redirects {
            let question = OutboundRequest {
                method: Method::GET,
                target: &target,
                headers: &headers,
                body: Bytes::new(),
            };
            let exchange = Exchange::begin(question, &self.policy, &self.tls, course.hop()).await?;
            match (exchange.status(), exchange.header(header::LOCATION)) {
                (StatusCode::OK, _) => return Ok((exchange, target, redirects)),
                (status, Some(location)) if is_redirect(status) => {
                    target = target.join(location, &self.policy)?;
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

    /// Posts a body. The answer is what the URL itself gives, a redirect included; its body is read up to the limit
    /// and no further.
    pub async fn post(
        &self,
        target: &Target,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
        limits: PostLimits,
    ) -> Result<Answer, OutboundError> {
        let course = RedirectChain::default();
        let question = OutboundRequest { method: Method::POST, target, headers, body };
        let answer = async {
            let mut exchange = Exchange::begin(question, &self.policy, &self.tls, course.hop()).await?;
            let body = beginning(&mut exchange, limits.answer).await;
            Ok(Answer {
                status: exchange.status().as_u16(),
                retry_after: exchange.header(header::RETRY_AFTER).map(str::to_owned),
                body,
            })
        };
        timeout(limits.total, answer).await.unwrap_or_else(|_| Err(course.late()))
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The first bytes of a body. The status says what became of the request, so a body that breaks is kept as far as it
/// came.
async fn beginning(exchange: &mut Exchange, limit: usize) -> Bytes {
    let mut body = BytesMut::new();
    while body.len() < limit {
        let Ok(Some(chunk)) = exchange.chunk().await else { break };
        body.extend_from_slice(&chunk[..chunk.len().min(limit - body.len())]);
    }
    body.freeze()
}
