//! Metrics of outbound requests: picture downloads, webhooks, and requests blocked by the guard.

use std::time::Duration;

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge};

use super::families::{Families, LabelValues, gauge_value, start_at_zero};
use crate::event::WEBHOOK_REASONS;

/// Buckets in seconds. The objective is 5 s; two more buckets lie above it.
const WEBHOOK_SECONDS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

/// Buckets in seconds. A download may take up to 40 s.
const DOWNLOAD_SECONDS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 40.0];

#[derive(Debug)]
pub(super) struct OutboundMetrics {
    blocked: IntCounterVec,
    downloads: HistogramVec,
    latency: Histogram,
    first_attempts: Histogram,
    failures: IntCounterVec,
    attempts: IntCounter,
    retries: IntCounter,
    delivered: IntCounter,
    dead_letters: IntCounter,
    pending: IntGauge,
    dead: IntGauge,
}

impl OutboundMetrics {
    pub(super) fn new(families: Families<'_>, known: &LabelValues<'_>) -> Result<Self, prometheus::Error> {
        let outbound = Self::register(families)?;
        start_at_zero(&outbound.blocked, known.outbound_reasons);
        start_at_zero(&outbound.failures, &WEBHOOK_REASONS);
        outbound.downloads.with_label_values(&["ok"]);
        Ok(outbound)
    }

    fn register(families: Families<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            blocked: families.counters(
                "outbound_blocked_total",
                "Outbound requests blocked by the guard, by reason.",
                &["reason"],
            )?,
            downloads: families.histograms(
                "download_duration_seconds",
                "Duration of picture downloads, by outcome.",
                &["outcome"],
                &DOWNLOAD_SECONDS,
            )?,
            latency: families.histogram(
                "webhook_delivery_latency_seconds",
                "Duration of webhook delivery attempts, including failed ones.",
                &WEBHOOK_SECONDS,
            )?,
            first_attempts: families.histogram(
                "webhook_first_try_latency_seconds",
                "Duration of first webhook delivery attempts that succeeded.",
                &WEBHOOK_SECONDS,
            )?,
            failures: families.counters(
                "webhook_failures_total",
                "Failed webhook delivery attempts, by reason.",
                &["reason"],
            )?,
            attempts: families.counter("webhook_attempts_total", "Webhook delivery attempts.")?,
            retries: families
                .counter("webhook_retries_total", "Webhook delivery attempts that were retries.")?,
            delivered: families
                .counter("webhook_deliveries_total", "Webhooks delivered to their receiver.")?,
            dead_letters: families
                .counter("webhook_dead_letters_total", "Webhooks that became dead letters.")?,
            pending: families
                .gauge("webhooks_pending", "Webhooks in the store that wait for their next attempt.")?,
            dead: families.gauge("webhooks_dead", "Dead letters in the store.")?,
        })
    }

    pub(super) fn blocked(&self, reason: &str) {
        self.blocked.with_label_values(&[reason]).inc();
    }

    pub(super) fn downloaded(&self, outcome: &str, time: Duration) {
        self.downloads.with_label_values(&[outcome]).observe(time.as_secs_f64());
    }

    pub(super) fn attempted(&self, is_retry: bool, reason: Option<&str>, time: Duration) {
        self.latency.observe(time.as_secs_f64());
        self.attempts.inc();
        if is_retry {
            self.retries.inc();
        }
        if !is_retry && reason.is_none() {
            self.first_attempts.observe(time.as_secs_f64());
        }
        match reason {
            Some(reason) => self.failures.with_label_values(&[reason]).inc(),
            None => self.delivered.inc(),
        }
    }

    pub(super) fn dead_letter(&self) {
        self.dead_letters.inc();
    }

    pub(super) fn outbox(&self, pending: u64, dead: u64) {
        self.pending.set(gauge_value(pending));
        self.dead.set(gauge_value(dead));
    }
}
