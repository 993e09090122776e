//! The label values for which series exist from the start, and the conversion of gauge values.
//!
//! A rate over the first error exists only if the series existed before it, so every known series starts at 0. The
//! families in the sibling files read these lists while they are built.

/// Label values that are known at start. An empty list is allowed: its series appear with their first event.
#[derive(Debug, Clone, Copy, Default)]
pub struct LabelValues<'a> {
    /// Route templates, and `unmatched`.
    pub endpoints: &'a [&'a str],
    /// Status codes that the endpoints answer with.
    pub statuses: &'a [u16],
    /// Error codes as in the API.
    pub error_codes: &'a [&'a str],
    /// The endpoints that process pictures.
    pub image_endpoints: &'a [&'a str],
    /// Picture formats in lower case, and `unknown`.
    pub formats: &'a [&'a str],
    /// `ok`, and the lower-case error codes with which an attempt can end.
    pub outcomes: &'a [&'a str],
    /// A picture's processing stages in lower case.
    pub stages: &'a [&'a str],
    /// The actors' names in lower case.
    pub actors: &'a [&'a str],
    /// The actors whose mailboxes are pinged.
    pub mailboxes: &'a [&'a str],
    /// The dependencies that /ready reports.
    pub dependencies: &'a [&'a str],
    /// Job types.
    pub job_kinds: &'a [&'a str],
    /// The store's operations.
    pub store_operations: &'a [&'a str],
    /// The outbound guard's reasons to block a request.
    pub outbound_reasons: &'a [&'a str],
}

/// A gauge's value. Values beyond `i64` do not occur and would be clamped.
pub(super) fn gauge_value(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}
