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

/// The form of a picture, as it is seen upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    /// At least twice as wide as high.
    Panorama,
    /// More than a tenth wider than high, and no panorama.
    Landscape,
    /// No side is more than a tenth longer than the other.
    Square,
    /// More than a tenth higher than wide, and not tall.
    Portrait,
    /// At least twice as high as wide.
    Tall,
}

impl Aspect {
    /// Every member, from wide to high.
    pub const ALL: [Self; 5] = [Self::Panorama, Self::Landscape, Self::Square, Self::Portrait, Self::Tall];

    /// The form of these sides.
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

    /// The label.
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

/// The kinds of event loops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventLoop {
    /// Those that the actors run in.
    Actors,
    /// Those that requests are answered in.
    Http,
}

impl EventLoop {
    /// Every member.
    pub const ALL: [Self; 2] = [Self::Actors, Self::Http];

    /// The label.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Actors => "actors",
            Self::Http => "http",
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_begins_at_its_edge_and_is_turned_with_its_picture() {
        for (width, height, lying, standing) in [
            (1, 1, Aspect::Square, Aspect::Square),
            (110, 100, Aspect::Square, Aspect::Square),
            (111, 100, Aspect::Landscape, Aspect::Portrait),
            (4000, 3000, Aspect::Landscape, Aspect::Portrait),
            (199, 100, Aspect::Landscape, Aspect::Portrait),
            (200, 100, Aspect::Panorama, Aspect::Tall),
            (u32::MAX, 1, Aspect::Panorama, Aspect::Tall),
        ] {
            assert_eq!(Aspect::of(width, height), lying, "{width}×{height}");
            assert_eq!(Aspect::of(height, width), standing, "{height}×{width}");
        }
    }
}
