//! What goes out: downloads, webhooks, and what the guard let not through.

use std::time::Duration;

use prometheus::{
    Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, Registry,
    register_histogram_vec_with_registry, register_histogram_with_registry,
    register_int_counter_vec_with_registry, register_int_counter_with_registry,
    register_int_gauge_with_registry,
};

use super::{Known, figure};
use crate::event::WEBHOOK_REASONS;

/// Edges in seconds: the objective is 5, and two edges lie above it.
const WEBHOOK_SECONDS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

/// Edges in seconds: a download may take 40.
const DOWNLOAD_SECONDS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 40.0];

#[derive(Debug)]
pub(super) struct Outbound {
    blocked: IntCounterVec,
    downloads: HistogramVec,
    latency: Histogram,
    first_tries: Histogram,
    failures: IntCounterVec,
    attempts: IntCounter,
    retries: IntCounter,
    delivered: IntCounter,
    dead_letters: IntCounter,
    pending: IntGauge,
    dead: IntGauge,
}

impl Outbound {
    pub(super) fn new(registry: &Registry, known: &Known<'_>) -> Result<Self, prometheus::Error> {
        let outbound = Self::families(registry)?;
        for reason in known.outbound_reasons {
            outbound.blocked.with_label_values(&[reason]);
        }
        for reason in WEBHOOK_REASONS {
            outbound.failures.with_label_values(&[reason]);
        }
        outbound.downloads.with_label_values(&["ok"]);
        Ok(outbound)
    }

    fn families(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| register_int_counter_with_registry!(name, help, registry);
        let counters = |name: &str, help: &str| {
            register_int_counter_vec_with_registry!(name, help, &["reason"], registry)
        };
        let gauge = |name: &str, help: &str| register_int_gauge_with_registry!(name, help, registry);
        Ok(Self {
            blocked: counters(
                "outbound_blocked_total",
                "Outbound requests that the guard let not through, by reason.",
            )?,
            downloads: register_histogram_vec_with_registry!(
                "download_duration_seconds",
                "Time that a download took, by how it ended.",
                &["outcome"],
                DOWNLOAD_SECONDS.to_vec(),
                registry
            )?,
            latency: register_histogram_with_registry!(
                "webhook_delivery_latency_seconds",
                "Time that one try of a webhook took, failed ones included.",
                WEBHOOK_SECONDS.to_vec(),
                registry
            )?,
            first_tries: register_histogram_with_registry!(
                "webhook_first_try_latency_seconds",
                "Time that first tries of webhooks took which their receiver took.",
                WEBHOOK_SECONDS.to_vec(),
                registry
            )?,
            failures: counters("webhook_failures_total", "Tries of webhooks that failed, by reason.")?,
            attempts: counter("webhook_attempts_total", "Tries of webhooks.")?,
            retries: counter("webhook_retries_total", "Tries of webhooks that had been tried before.")?,
            delivered: counter("webhook_deliveries_total", "Webhooks that their receiver took.")?,
            dead_letters: counter("webhook_dead_letters_total", "Webhooks that were given up.")?,
            pending: gauge("webhooks_pending", "Webhooks in the store that wait to be sent.")?,
            dead: gauge("webhooks_dead", "Webhooks in the store that were given up.")?,
        })
    }

    pub(super) fn blocked(&self, reason: &str) {
        self.blocked.with_label_values(&[reason]).inc();
    }

    pub(super) fn downloaded(&self, outcome: &str, time: Duration) {
        self.downloads.with_label_values(&[outcome]).observe(time.as_secs_f64());
    }

    pub(super) fn tried(&self, again: bool, reason: Option<&str>, time: Duration) {
        self.latency.observe(time.as_secs_f64());
        self.attempts.inc();
        if again {
            self.retries.inc();
        }
        if !again && reason.is_none() {
            self.first_tries.observe(time.as_secs_f64());
        }
        match reason {
            Some(reason) => self.failures.with_label_values(&[reason]).inc(),
            None => self.delivered.inc(),
        }
    }

    pub(super) fn dead_letter(&self) {
        self.dead_letters.inc();
    }

    pub(super) fn waiting(&self, pending: u64, dead: u64) {
        self.pending.set(figure(pending));
        self.dead.set(figure(dead));
    }
}
