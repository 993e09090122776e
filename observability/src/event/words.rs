//! The closed sets that labels come from, and the figures of a request.

use std::time::Duration;

/// Why a webhook's try failed.
pub const WEBHOOK_REASONS: [&str; 11] = [
    "blocked",
    "client_error",
    "connection",
    "gone",
    "malformed",
    "rate_limited",
    "redirect",
    "server_error",
    "timeout",
    "tls",
    "unresolvable",
];

/// Why a caller was refused.
pub const AUTH_REASONS: [&str; 8] = [
    "missing_signature",
    "invalid_timestamp",
    "timestamp_out_of_range",
    "nonce_reused",
    "invalid_signature",
    "unauthorized",
    "link_expired",
    "link_forged",
];

/// What is downloaded of a job.
pub const DOWNLOADS: [&str; 2] = ["zip", "card"];

/// What a poll of a job's status brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poll {
    /// 304: the client had the current version.
    NotModified,
    /// The whole answer, though this version had been given out before.
    Unchanged,
    /// The whole answer, in a version that nobody had been given yet.
    Changed,
}

impl Poll {
    /// Every member.
    pub const ALL: [Self; 3] = [Self::NotModified, Self::Unchanged, Self::Changed];

    /// The label.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotModified => "not_modified",
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
        }
    }
}

/// The figures of one finished request.
#[derive(Debug, Clone)]
pub struct RequestFacts {
    /// Route template (`/process`), or `unmatched`.
    pub endpoint: &'static str,
    /// `GET`, `HEAD`, `POST`, `OPTIONS`, … or `OTHER`.
    pub method: &'static str,
    /// Status code.
    pub code: u16,
    /// The body's `error_code`, if it has one, or that of the fault over which the answer broke off.
    pub error_code: Option<&'static str>,
    /// From the request's first byte (uploads: from the last byte of the body) to the response's end.
    pub duration: Duration,
    /// Body bytes received.
    pub bytes_in: u64,
    /// Body bytes sent.
    pub bytes_out: u64,
}
