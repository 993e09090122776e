//! Errors of outbound requests, the closed set of reasons for which a URL or an address is refused, and the faults that
//! users see: these say of what class a reason is, and reveal no address.

use huemill_observability::label_set;
use thiserror::Error;

use crate::fault::{Code, Fault, mebibytes};

label_set! {
    /// Why a URL or an address is refused.
    pub enum Reason: as_str {
        /// This machine itself.
        Loopback = "loopback",
        /// A private network, unique local or site-local.
        Private = "private",
        /// Reachable on one link only.
        LinkLocal = "link_local",
        /// The metadata service of a cloud, which may return secrets.
        Metadata = "metadata",
        /// Multicast.
        Multicast = "multicast",
        /// Reserved by IANA for another purpose than global reachability.
        Reserved = "reserved",
        /// Reserved for documentation.
        Documentation = "documentation",
        /// Shared address space of carriers.
        Cgnat = "cgnat",
        /// The unspecified address.
        Unspecified = "unspecified",
        /// A port that is not allowed.
        Port = "port",
        /// Neither http nor https.
        Scheme = "scheme",
        /// A user name or a password in the URL.
        Userinfo = "userinfo",
        /// Not a URL, or written in a way that programs interpret differently.
        Form = "form",
        /// This service itself.
        Own = "own",
        /// A redirect from https to http.
        Downgrade = "downgrade",
        /// Too many redirects.
        Redirects = "redirects",
        /// A name without an address.
        Unresolvable = "unresolvable",
    }
}

impl std::error::Error for Reason {}

impl Reason {
    /// The message for the client's developer. All addresses that are not public have the same.
    fn detail(self) -> &'static str {
        match self {
            Self::Form => "The URL is malformed. Write it out in full, as in https://example.org/photo.jpg.",
            Self::Userinfo => "The URL is malformed: it must have no user and no password.",
            Self::Scheme => "The URL's scheme is not supported. Use http or https.",
            Self::Downgrade => "The URL redirects from https to http, which is not followed.",
            Self::Port => "The URL's port is not allowed.",
            Self::Unresolvable => "The URL's host is unresolvable: its name has no address.",
            Self::Redirects => "The URL redirects too many times. Send the URL where the redirects end.",
            Self::Loopback
            | Self::Private
            | Self::LinkLocal
            | Self::Metadata
            | Self::Multicast
            | Self::Reserved
            | Self::Documentation
            | Self::Cgnat
            | Self::Unspecified
            | Self::Own => "The URL's host is not public.",
        }
    }
}

/// Why an outbound request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OutboundError {
    /// The guard refuses it.
    #[error("refused: {0}")]
    Refused(Reason),
    /// It exceeded its time limit.
    #[error("too slow: {0}")]
    Timeout(RequestPhase),
    /// The response has more bytes than allowed.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// The maximum.
        limit: u64,
    },
    /// The server failed, or sent an invalid response.
    #[error("upstream: {what}, status {status:?}")]
    Upstream {
        /// The response's status, if there was a response.
        status: Option<u16>,
        /// How it failed.
        what: RequestFailure,
    },
    /// No request was made, for want of a place.
    #[error("not made: {0}")]
    NoPlace(Busy),
}

impl OutboundError {
    /// Whether a retry may help.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        match self {
            // A name server may have been unavailable.
            Self::Refused(reason) => *reason == Reason::Unresolvable,
            Self::TooLarge { .. }
            | Self::NoPlace(_)
            | Self::Upstream { what: RequestFailure::Oversized, .. } => false,
            Self::Upstream { what: RequestFailure::Status, status } => {
                status.is_some_and(|status| status >= 500 || matches!(status, 408 | 425 | 429))
            }
            Self::Timeout(_) | Self::Upstream { .. } => true,
        }
    }

    pub(super) fn upstream(what: RequestFailure) -> Self {
        Self::Upstream { status: None, what }
    }
}

label_set! {
    /// What a request was waiting for when it timed out.
    #[derive(Default)]
    pub enum RequestPhase: as_str {
        /// Look-up, connection and TLS handshake.
        #[default]
        Connect = "connect",
        /// The response's head.
        Head = "head",
        /// The response's body.
        Body = "body",
    }
}

label_set! {
    /// How a server failed.
    pub enum RequestFailure: as_str {
        /// It cannot be connected.
        Connect = "connect",
        /// The TLS handshake failed: its certificate is not trusted, or there is no common protocol.
        Tls = "tls",
        /// It does not send valid HTTP.
        Malformed = "malformed",
        /// It answered with another status than 200 or 203.
        Status = "status",
        /// The connection broke before the response was complete.
        Cut = "cut",
        /// It sends much more than the body: heads, framing or interim responses.
        Oversized = "oversized",
    }
}

label_set! {
    /// What a request found no place in.
    pub enum Busy: as_str {
        /// The caller's share of all requests is used.
        Share = "share",
        /// The endpoint's places are taken, or those of all requests.
        Endpoint = "endpoint",
    }
}

/// Why a download failed: in the network, or in the sink that takes the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DownloadError<E> {
    /// The request failed.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// The sink could not take the bytes.
    #[error("the bytes could not be kept")]
    Sink(E),
}

impl From<Reason> for OutboundError {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
}

impl From<Reason> for Fault {
    fn from(reason: Reason) -> Self {
        OutboundError::Refused(reason).into()
    }
}

impl From<OutboundError> for Fault {
    fn from(error: OutboundError) -> Self {
        let retryable = match error {
            OutboundError::Refused(Reason::Redirects)
            | OutboundError::Timeout(_)
            | OutboundError::Upstream { .. } => Some(error.may_retry()),
            _ => None,
        };
        let fault = match error {
            OutboundError::Refused(Reason::Redirects) => Self::new(Code::UpstreamError)
                .with_message(
                    "This address redirects too many times. Enter the address of the picture itself.",
                )
                .with_detail(Reason::Redirects.detail()),
            OutboundError::Refused(reason) => Self::new(Code::InvalidUrl).with_detail(reason.detail()),
            OutboundError::Timeout(_) => Self::new(Code::UrlTimeout),
            OutboundError::TooLarge { limit } => Self::new(Code::PayloadTooLarge).with_message(format!(
                "The picture at this address is larger than {}. Send a smaller one.",
                mebibytes(limit)
            )),
            OutboundError::Upstream { status: Some(status), what: RequestFailure::Status } => Self::new(
                Code::UpstreamError,
            )
            .with_message(format!(
                "The picture could not be loaded from this address (status {status}). Check the address."
            ))
            .with_detail(format!("The URL's server responded with status {status}. Check the URL.")),
            OutboundError::Upstream { .. } => Self::new(Code::UpstreamError),
            OutboundError::NoPlace(Busy::Share) => Self::new(Code::RateLimited),
            OutboundError::NoPlace(Busy::Endpoint) => Self::new(Code::Overloaded),
        };
        Self { retryable, ..fault.with_cause(error) }
    }
}

impl<E: Into<Fault>> From<DownloadError<E>> for Fault {
    fn from(error: DownloadError<E>) -> Self {
        match error {
            DownloadError::Outbound(error) => error.into(),
            DownloadError::Sink(error) => error.into(),
        }
    }
}
