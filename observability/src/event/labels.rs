//! The closed sets of label values that events carry, and the data of a finished request.
//!
//! Actors and the HTTP edge use these types to build [`Event`](super::Event)s; the registry creates a series for each
//! value at start.

use std::time::Duration;

/// Defines a closed set of label values: an enum, the list of its members, and how logs and metrics spell each.
#[macro_export]
macro_rules! label_set {
    ($(#[$doc:meta])* pub enum $set:ident: $spelling:ident {
        $($(#[$member_doc:meta])* $member:ident = $word:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $set {
            $($(#[$member_doc])* $member,)+
        }

        impl $set {
            /// All members.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$member),+];

            /// The member as logs and metrics spell it.
            #[must_use]
            pub fn $spelling(self) -> &'static str {
                match self { $(Self::$member => $word),+ }
            }
        }

        impl ::std::fmt::Display for $set {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.$spelling())
            }
        }
    };
}

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
pub const AUTH_REASONS: [&str; 9] = [
    "missing_signature",
    "invalid_timestamp",
    "timestamp_out_of_range",
    "nonce_reused",
    "invalid_signature",
    "unauthorized",
    "forbidden",
    "link_expired",
    "link_forged",
];

/// The limits of a caller that can be reached.
pub const POLICIES: [&str; 8] = [
    "requests",
    "pictures",
    "uploads",
    "downloads",
    "event_streams",
    "open_jobs",
    "open_pictures",
    "stored_bytes",
];

/// What clients download of a job.
pub const DOWNLOADS: [&str; 2] = ["zip", "card"];

label_set! {
    /// A class of aspect ratios, measured on the upright picture.
    pub enum AspectClass: name {
        /// The width is at least twice the height.
        Panorama = "panorama",
        /// The width exceeds the height by more than a tenth, but is less than twice the height.
        Landscape = "landscape",
        /// Neither side exceeds the other by more than a tenth.
        Square = "square",
        /// The height exceeds the width by more than a tenth, but is less than twice the width.
        Portrait = "portrait",
        /// The height is at least twice the width.
        Tall = "tall",
    }
}

impl AspectClass {
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
}

label_set! {
    /// A kind of event loop.
    pub enum EventLoop: name {
        /// An arbiter, which runs actors.
        Actors = "actors",
        /// A thread of the HTTP server.
        Http = "http",
    }
}

label_set! {
    /// The result of a poll of a job's status.
    pub enum PollResult: name {
        /// 304: the client already had the current version.
        NotModified = "not_modified",
        /// The full status, in a version that had been sent before.
        Unchanged = "unchanged",
        /// The full status, in a version that had not been sent before.
        Changed = "changed",
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
