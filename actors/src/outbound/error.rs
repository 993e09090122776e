//! How an outbound request fails, and what of it users are told: no address, no reason.

use thiserror::Error;

use super::Reason;
use crate::fault::{Code, Fault};

/// Why an outbound request brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OutboundError {
    /// The guard does not let it through.
    #[error("refused: {0}")]
    Refused(Reason),
    /// It passed its time limit.
    #[error("too slow: {0}")]
    Timeout(RequestPhase),
    /// It brings more bytes than it may.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// The most that was allowed.
        limit: u64,
    },
    /// The server failed, or sent nonsense.
    #[error("upstream: {what}, status {status:?}")]
    Upstream {
        /// The answer's status, where there was an answer.
        status: Option<u16>,
        /// In what way.
        what: RequestFailure,
    },
}

impl OutboundError {
    /// Whether trying again may help.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        match self {
            // A name server may have been away.
            Self::Refused(reason) => *reason == Reason::Unresolvable,
            Self::TooLarge { .. } => false,
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

/// What a request waited for when its time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestPhase {
    /// The name, the connection, the TLS handshake.
    #[default]
    Connect,
    /// The answer's head.
    Head,
    /// The answer's bytes.
    Body,
}

impl RequestPhase {
    /// The phase as the log spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Head => "head",
            Self::Body => "body",
        }
    }
}

impl std::fmt::Display for RequestPhase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// In what way a server failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestFailure {
    /// It cannot be connected.
    Connect,
    /// It does not prove who it is, or speaks no TLS that we do.
    Tls,
    /// What it sent is no HTTP.
    Malformed,
    /// Another status than 200.
    Status,
    /// The connection broke before the answer was whole.
    Cut,
}

impl RequestFailure {
    /// The failure as the log spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Malformed => "malformed",
            Self::Status => "status",
            Self::Cut => "cut",
        }
    }
}

impl std::fmt::Display for RequestFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a download brought nothing: the network's side, or whoever takes the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DownloadError<E> {
    /// The request failed.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// The bytes could not be put where they belong.
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
                .with_message("The URL redirects too often. Send the URL where it ends."),
            OutboundError::Refused(_) => Self::new(Code::InvalidUrl),
            OutboundError::Timeout(_) => Self::new(Code::UrlTimeout),
            OutboundError::TooLarge { limit } => Self::new(Code::PayloadTooLarge).with_message(format!(
                "What the URL leads to is larger than {} MB. Send a smaller one.",
                limit / 1_000_000
            )),
            OutboundError::Upstream { status: Some(status), what: RequestFailure::Status } => {
                Self::new(Code::UpstreamError).with_message(format!(
                    "The URL's server answered with status {status} instead of the file. Check the URL."
                ))
            }
            OutboundError::Upstream { .. } => Self::new(Code::UpstreamError),
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
