//! The closed sets of label values that events carry, and the data of a finished request.
//!
//! Actors and the HTTP edge use these types to build [`Event`](super::Event)s; the registry creates a series for each
//! value at start.

use std::time::Duration;

/// Why an attempt to deliver a webhook failed.
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

/// Why authentication failed.
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

/// What clients download of a job.
pub const DOWNLOADS: [&str; 2] = ["zip", "card"];

/// A class of aspect ratios, measured on the upright picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AspectClass {
    /// The width is at least twice the height.
    Panorama,
    /// The width exceeds the height by more than a tenth, but is less than twice the height.
    Landscape,
    /// Neither side exceeds the other by more than a tenth.
    Square,
    /// The height exceeds the width by more than a tenth, but is less than twice the width.
    Portrait,
    /// The height is at least twice the width.
    Tall,
}

impl AspectClass {
    /// All classes, from wide to tall.
    pub const ALL: [Self; 5] = [Self::Panorama, Self::Landscape, Self::Square, Self::Portrait, Self::Tall];

    /// The class of a picture of this size.
    #[must_use]
    pub fn of(width: u32, height: u32) -> Self {
        let (width, height) = (u64::from(width), u64::from(height));
        if width >= 2 * height {
            Self::Panorama
        } else if height >= 2 * width {
            Self::Tall
        } else if 10 * width > 11 * height {
            Self::Landscape
        } else if 10 * height > 11 * width {
            Self::Portrait
        } else {
            Self::Square
        }
    }

    /// The label's value.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Panorama => "panorama",
            Self::Landscape => "landscape",
            Self::Square => "square",
            Self::Portrait => "portrait",
            Self::Tall => "tall",
        }
    }
}

/// A kind of event loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventLoop {
    /// An arbiter, which runs actors.
    Actors,
    /// A thread of the HTTP server.
    Http,
}

impl EventLoop {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Actors, Self::Http];

    /// The label's value.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Actors => "actors",
            Self::Http => "http",
        }
    }
}

/// The result of a poll of a job's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollResult {
    /// 304: the client already had the current version.
    NotModified,
    /// The full status, in a version that had been sent before.
    Unchanged,
    /// The full status, in a version that had not been sent before.
    Changed,
}

impl PollResult {
    /// All results.
    pub const ALL: [Self; 3] = [Self::NotModified, Self::Unchanged, Self::Changed];

    /// The label's value.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotModified => "not_modified",
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
        }
    }
}

/// The data of a finished request.
#[derive(Debug, Clone)]
pub struct RequestFacts {
    /// The route template (`/process`), or `unmatched`.
    pub endpoint: &'static str,
    /// `GET`, `HEAD`, `POST`, `OPTIONS`, … or `OTHER`.
    pub method: &'static str,
    /// The status code.
    pub code: u16,
    /// The `error_code` of the body, or that of the fault that broke off the response.
    pub error_code: Option<&'static str>,
    /// The time from the request's first byte (for uploads: from the last byte of the body) to the end of the response.
    pub duration: Duration,
    /// Received body bytes.
    pub bytes_in: u64,
    /// Sent body bytes.
    pub bytes_out: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_starts_at_its_threshold_and_turns_with_the_picture() {
        for (width, height, wide, tall) in [
            (1, 1, AspectClass::Square, AspectClass::Square),
            (110, 100, AspectClass::Square, AspectClass::Square),
            (111, 100, AspectClass::Landscape, AspectClass::Portrait),
            (4000, 3000, AspectClass::Landscape, AspectClass::Portrait),
            (199, 100, AspectClass::Landscape, AspectClass::Portrait),
            (200, 100, AspectClass::Panorama, AspectClass::Tall),
            (u32::MAX, 1, AspectClass::Panorama, AspectClass::Tall),
        ] {
            assert_eq!(AspectClass::of(width, height), wide, "{width}×{height}");
            assert_eq!(AspectClass::of(height, width), tall, "{height}×{width}");
        }
    }
}
