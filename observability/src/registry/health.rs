//! Metrics of the service's health: actors and their mailboxes, event loops, and what /ready reports.
//!
//! The supervisor, the Health actor and the event loops report these events.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, IntGauge, IntGaugeVec};

use super::families::{Families, LabelValues, gauge_value, start_at_zero};
use crate::event::EventLoop;

/// The causes of a restart.
const CAUSES: [&str; 2] = ["panic", "stop"];

/// Buckets in seconds. A message crosses threads within tens of microseconds.
const MAILBOX_SECONDS: [f64; 9] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0];

/// Buckets in seconds. Timers have a resolution of a millisecond, so the first bucket holds those that are on time.
const LAG_SECONDS: [f64; 9] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

#[derive(Debug)]
pub(super) struct HealthMetrics {
    actor_up: IntGaugeVec,
    actor_restarts: IntCounterVec,
    dependency_ready: IntGaugeVec,
    ready: IntGauge,
    disk_free: IntGauge,
    memory_used: IntGauge,
    memory_limit: IntGauge,
    mailbox_wait: HistogramVec,
    loop_lag: HistogramVec,
}

impl HealthMetrics {
    pub(super) fn new(families: Families<'_>, known: &LabelValues<'_>) -> Result<Self, prometheus::Error> {
        let health = Self::register(families)?;
        for actor in known.actors {
            health.actor_up.with_label_values(&[actor]);
            for cause in CAUSES {
                health.actor_restarts.with_label_values(&[*actor, cause]);
            }
        }
        start_at_zero(&health.dependency_ready, known.dependencies);
        start_at_zero(&health.mailbox_wait, known.mailboxes);
        for kind in EventLoop::ALL {
            health.loop_lag.with_label_values(&[kind.name()]);
        }
        Ok(health)
    }

    fn register(families: Families<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            actor_up: families.gauges(
                "actor_up",
                "Whether an actor accepts messages (1) or is down or in backoff (0).",
                &["actor"],
            )?,
            actor_restarts: families.counters(
                "actor_restarts_total",
                "Actor restarts, by actor and cause.",
                &["actor", "cause"],
            )?,
            dependency_ready: families.gauges(
                "dependency_ready",
                "Whether a dependency that /ready reports is healthy (1) or not (0).",
                &["dependency"],
            )?,
            ready: families.gauge("service_ready", "Whether /ready answers 200 (1) or 503 (0).")?,
            disk_free: families
                .gauge("disk_free_bytes", "Free bytes on the data directory's disk, as checked by /ready.")?,
            memory_used: families.gauge(
                "memory_used_bytes",
                "Used memory of the control group or machine, as checked by /ready.",
            )?,
            memory_limit: families
                .gauge("memory_limit_bytes", "Memory limit of the control group, or the machine's memory.")?,
            mailbox_wait: families.histograms(
                "actor_mailbox_wait_seconds",
                "Time that a ping waited in an actor's mailbox, or until it timed out, by actor.",
                &["actor"],
                &MAILBOX_SECONDS,
            )?,
            loop_lag: families.histograms(
                "event_loop_lag_seconds",
                "Delay of a one-second timer on an event loop, by kind of loop.",
                &["loop"],
                &LAG_SECONDS,
            )?,
        })
    }

    pub(super) fn actor(&self, actor: &str, up: bool) {
        self.actor_up.with_label_values(&[actor]).set(up.into());
    }

    pub(super) fn restarted(&self, actor: &str, cause: &str) {
        self.actor_restarts.with_label_values(&[actor, cause]).inc();
    }

    pub(super) fn mailbox_waited(&self, actor: &str, time: Duration) {
        self.mailbox_wait.with_label_values(&[actor]).observe(time.as_secs_f64());
    }

    pub(super) fn loop_lagged(&self, kind: EventLoop, time: Duration) {
        self.loop_lag.with_label_values(&[kind.name()]).observe(time.as_secs_f64());
    }

    pub(super) fn dependency(&self, dependency: &str, ok: bool) {
        self.dependency_ready.with_label_values(&[dependency]).set(ok.into());
    }

    pub(super) fn ready(&self, ready: bool) {
        self.ready.set(ready.into());
    }

    pub(super) fn disk(&self, free: u64) {
        self.disk_free.set(gauge_value(free));
    }

    pub(super) fn memory(&self, used: u64, limit: u64) {
        self.memory_used.set(gauge_value(used));
        self.memory_limit.set(gauge_value(limit));
    }
}
