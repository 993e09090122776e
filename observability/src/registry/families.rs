//! Metric families: creates them in the registry, and starts their series at 0.
//!
//! A rate over the first error exists only if the series existed before it, so every known series starts at 0. The
//! sibling files create their families here. Creating one fails only if another has the same name.

use prometheus::core::{MetricVec, MetricVecBuilder};
use prometheus::{
    Error, Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
    register_gauge_with_registry, register_histogram_vec_with_registry, register_histogram_with_registry,
    register_int_counter_vec_with_registry, register_int_counter_with_registry,
    register_int_gauge_vec_with_registry, register_int_gauge_with_registry,
};

/// Label values that are known at start. An empty list is allowed: its series appear with their first event.
#[derive(Debug, Clone, Copy, Default)]
pub struct LabelValues<'a> {
    /// The routes, and `unmatched`.
    pub routes: &'a [RouteLabels<'a>],
    /// Error codes with which a job can end.
    pub job_error_codes: &'a [&'a str],
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
    /// Whether series name the receivers of webhooks. Otherwise they show fingerprints, which tell receivers apart and do
    /// not disclose them to everyone who can read the metrics.
    pub names_receivers: bool,
}

/// The label values of a route. Each route has its own: a series for each code on each route would be mostly series that
/// can never count anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct RouteLabels<'a> {
    /// The template, or `unmatched`.
    pub endpoint: &'a str,
    /// Status codes that it can answer with.
    pub statuses: &'a [u16],
    /// Error codes that it can answer with, as in the API.
    pub error_codes: &'a [&'a str],
    /// Whether its responses are long enough to break off after their headers.
    pub can_break: bool,
}

/// Creates families in this registry: each with its name, its help text, and its labels or buckets.
#[derive(Clone, Copy)]
pub(super) struct Families<'a>(pub(super) &'a Registry);

impl Families<'_> {
    pub(super) fn counter(self, name: &str, help: &str) -> Result<IntCounter, Error> {
        register_int_counter_with_registry!(name, help, self.0)
    }

    pub(super) fn counters(self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        register_int_counter_vec_with_registry!(name, help, labels, self.0)
    }

    pub(super) fn gauge(self, name: &str, help: &str) -> Result<IntGauge, Error> {
        register_int_gauge_with_registry!(name, help, self.0)
    }

    pub(super) fn gauges(self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
        register_int_gauge_vec_with_registry!(name, help, labels, self.0)
    }

    /// A gauge of numbers with fractions.
    pub(super) fn float_gauge(self, name: &str, help: &str) -> Result<Gauge, Error> {
        register_gauge_with_registry!(name, help, self.0)
    }

    pub(super) fn histogram(self, name: &str, help: &str, buckets: &[f64]) -> Result<Histogram, Error> {
        register_histogram_with_registry!(name, help, buckets.to_vec(), self.0)
    }

    pub(super) fn histograms(
        self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<HistogramVec, Error> {
        register_histogram_vec_with_registry!(name, help, labels, buckets.to_vec(), self.0)
    }
}

/// Creates the series of a family with one label, for each of these values.
pub(super) fn start_at_zero<'a>(
    family: &MetricVec<impl MetricVecBuilder>,
    values: impl IntoIterator<Item = &'a &'a str>,
) {
    for value in values {
        family.with_label_values(&[value]);
    }
}

/// A gauge's value. Values beyond `i64` do not occur and would be clamped.
pub(super) fn gauge_value(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}
