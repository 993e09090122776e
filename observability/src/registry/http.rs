//! Metrics of HTTP requests: rate, errors, duration and bytes.

use prometheus::{HistogramVec, IntCounterVec, IntGauge};

use super::families::{Families, LabelValues, RouteLabels, gauge_value};
use crate::event::RequestFacts;

/// Buckets in milliseconds. The objective (2 s) is one of them. More lie above it, because a quantile cannot exceed the
/// last one.
const MILLISECONDS: [f64; 12] =
    [5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0, 30_000.0];

#[derive(Debug)]
pub(super) struct HttpMetrics {
    requests: IntCounterVec,
    errors: IntCounterVec,
    broken: IntCounterVec,
    milliseconds: HistogramVec,
    seconds: HistogramVec,
    bytes_in: IntCounterVec,
    bytes_out: IntCounterVec,
    uploads: IntGauge,
}

impl HttpMetrics {
    pub(super) fn new(families: Families<'_>, known: &LabelValues<'_>) -> Result<Self, prometheus::Error> {
        let http = Self {
            requests: families.counters(
                "requests_total",
                "Answered requests, by route and status code.",
                &["endpoint", "code"],
            )?,
            errors: families.counters(
                "errors_total",
                "Responses with an error code, or broken off by an error, by route and error code.",
                &["endpoint", "error_code"],
            )?,
            broken: families.counters(
                "answers_broken_total",
                "Responses that broke off after their headers because of an internal fault, by route.",
                &["endpoint"],
            )?,
            milliseconds: families.histograms(
                "request_duration_ms",
                "Response time in milliseconds, by route; for uploads from the last byte of the body.",
                &["endpoint"],
                &MILLISECONDS,
            )?,
            seconds: families.histograms(
                "http_server_request_duration_seconds",
                "Response time in seconds, by method, route and status code.",
                &["method", "route", "code"],
                &MILLISECONDS.map(|bucket| bucket / 1_000.0),
            )?,
            bytes_in: families.counters(
                "http_request_bytes_total",
                "Received body bytes, by route.",
                &["endpoint"],
            )?,
            bytes_out: families.counters(
                "http_response_bytes_total",
                "Sent body bytes, by route.",
                &["endpoint"],
            )?,
            uploads: families.gauge(
                "uploads_in_flight_bytes",
                "Bytes of admitted uploads whose requests are still in progress.",
            )?,
        };
        http.start_at_zero(known);
        Ok(http)
    }

    fn start_at_zero(&self, known: &LabelValues<'_>) {
        for RouteLabels { endpoint, statuses, error_codes, can_break } in known.routes {
            for status in *statuses {
                self.requests.with_label_values(&[*endpoint, &status.to_string()]);
            }
            for code in *error_codes {
                self.errors.with_label_values(&[endpoint, code]);
            }
            if *can_break {
                self.broken.with_label_values(&[endpoint]);
            }
            self.milliseconds.with_label_values(&[endpoint]);
            self.bytes_in.with_label_values(&[endpoint]);
            self.bytes_out.with_label_values(&[endpoint]);
        }
    }

    pub(super) fn finished(&self, facts: &RequestFacts) {
        let code = facts.code.to_string();
        self.requests.with_label_values(&[facts.endpoint, &code]).inc();
        if let Some(error_code) = facts.error_code {
            self.errors.with_label_values(&[facts.endpoint, error_code]).inc();
        }
        let seconds = facts.duration.as_secs_f64();
        self.milliseconds.with_label_values(&[facts.endpoint]).observe(seconds * 1_000.0);
        self.seconds.with_label_values(&[facts.method, facts.endpoint, &code]).observe(seconds);
        self.bytes_in.with_label_values(&[facts.endpoint]).inc_by(facts.bytes_in);
        self.bytes_out.with_label_values(&[facts.endpoint]).inc_by(facts.bytes_out);
    }

    pub(super) fn broken(&self, endpoint: &str) {
        self.broken.with_label_values(&[endpoint]).inc();
    }

    pub(super) fn uploads(&self, bytes: u64) {
        self.uploads.set(gauge_value(bytes));
    }
}
