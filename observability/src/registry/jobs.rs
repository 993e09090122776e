//! Metrics of jobs: how many there are, how long they wait and take, and how they end.

use std::time::Duration;

use prometheus::{Gauge, Histogram, IntCounterVec, IntGauge, IntGaugeVec};

use super::families::{Families, LabelValues, gauge_value, start_at_zero};

/// Buckets in seconds. The objective is 60 s; three more buckets lie above it.
const QUEUE_SECONDS: [f64; 12] = [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0];

/// Buckets in seconds. The objective is 300 s; three more buckets lie above it.
const PROCESSING_SECONDS: [f64; 11] = [0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0];

/// A job's states in the order of [`Event::Jobs`](crate::event::Event::Jobs).
const STATES: [&str; 6] = ["queued", "processing", "completed", "failed", "canceled", "expired"];

#[derive(Debug)]
pub(super) struct JobMetrics {
    created: IntCounterVec,
    completed: IntCounterVec,
    failed: IntCounterVec,
    status: IntGaugeVec,
    current: IntGaugeVec,
    queued_items: IntGauge,
    oldest: Gauge,
    queue: Histogram,
    processing: Histogram,
}

impl JobMetrics {
    pub(super) fn new(families: Families<'_>, known: &LabelValues<'_>) -> Result<Self, prometheus::Error> {
        let jobs = Self::register(families)?;
        start_at_zero(&jobs.created, known.job_kinds);
        for status in ["completed", "failed", "canceled"] {
            jobs.completed.with_label_values(&[status]);
        }
        start_at_zero(&jobs.failed, known.job_error_codes);
        for state in STATES {
            jobs.status.with_label_values(&[state]);
            jobs.current.with_label_values(&[state]);
        }
        Ok(jobs)
    }

    fn register(families: Families<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            created: families.counters("jobs_total", "Created jobs, by type.", &["type"])?,
            completed: families.counters(
                "jobs_completed_total",
                "Ended jobs, by final status.",
                &["status"],
            )?,
            failed: families.counters(
                "jobs_failed_total",
                "Jobs that ended without any result, by error code.",
                &["error_code"],
            )?,
            status: families.gauges(
                "jobs_status_total",
                "Current number of jobs in the store, by status.",
                &["status"],
            )?,
            current: families.gauges(
                "jobs_current",
                "Current number of jobs in the store, by status.",
                &["status"],
            )?,
            queued_items: families
                .gauge("jobs_queued_images", "Pictures of jobs that wait in the store's queue.")?,
            oldest: families.float_gauge(
                "jobs_oldest_queued_age_seconds",
                "Age of the oldest job with no picture started.",
            )?,
            queue: families.histogram(
                "jobs_queue_latency_seconds",
                "Time from a job's creation to the start of its first picture.",
                &QUEUE_SECONDS,
            )?,
            processing: families.histogram(
                "jobs_processing_duration_seconds",
                "Time from the start of a job's first picture to the job's end.",
                &PROCESSING_SECONDS,
            )?,
        })
    }

    pub(super) fn created(&self, kind: &str) {
        self.created.with_label_values(&[kind]).inc();
    }

    pub(super) fn started(&self, waited: Duration) {
        self.queue.observe(waited.as_secs_f64());
    }

    pub(super) fn ended(&self, status: &str, processing: Duration, error_code: Option<&str>) {
        self.completed.with_label_values(&[status]).inc();
        self.processing.observe(processing.as_secs_f64());
        if let Some(code) = error_code {
            self.failed.with_label_values(&[code]).inc();
        }
    }

    pub(super) fn count(&self, by_state: &[u64; 6], queued_items: u64, oldest: Option<Duration>) {
        for (state, count) in STATES.into_iter().zip(by_state) {
            self.status.with_label_values(&[state]).set(gauge_value(*count));
            self.current.with_label_values(&[state]).set(gauge_value(*count));
        }
        self.queued_items.set(gauge_value(queued_items));
        self.oldest.set(oldest.unwrap_or_default().as_secs_f64());
    }
}
