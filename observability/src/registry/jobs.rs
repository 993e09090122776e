//! Metrics of the job system: jobs, leases, deleted data, blobs and store operations.

use std::time::Duration;

use prometheus::{
    Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
    register_gauge_with_registry, register_histogram_vec_with_registry, register_histogram_with_registry,
    register_int_counter_vec_with_registry, register_int_counter_with_registry,
    register_int_gauge_vec_with_registry, register_int_gauge_with_registry,
};

use super::label_values::{LabelValues, gauge_value};

/// Buckets in seconds. The objective is 60 s; three more buckets lie above it.
const QUEUE_SECONDS: [f64; 12] = [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0];

/// Buckets in seconds. The objective is 300 s; three more buckets lie above it.
const PROCESSING_SECONDS: [f64; 11] = [0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0];

/// Buckets in seconds. A statement takes a fraction of a millisecond, an fsync several milliseconds, and an unreachable
/// store seconds.
const STORE_SECONDS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

/// A job's states in the order of [`Event::Jobs`](crate::event::Event::Jobs).
const STATES: [&str; 6] = ["queued", "processing", "completed", "failed", "canceled", "expired"];

/// The kinds of objects that the Janitor deletes.
const COLLECTED: [&str; 6] = ["jobs", "results", "keys", "nonces", "blobs", "orphans"];

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
    leases_expired: IntCounter,
    given_up: IntCounter,
    stale: IntCounter,
    orphaned: IntCounter,
    deferred: IntCounter,
    stalled: IntGauge,
    paused: IntGauge,
    processes: IntGauge,
    not_removed: IntCounter,
    collected: IntCounterVec,
    blob_bytes: IntGauge,
    store_time: HistogramVec,
    store_errors: IntCounterVec,
}

impl JobMetrics {
    pub(super) fn new(registry: &Registry, known: &LabelValues<'_>) -> Result<Self, prometheus::Error> {
        let jobs = Self::families(registry)?;
        for kind in known.job_kinds {
            jobs.created.with_label_values(&[kind]);
        }
        for status in ["completed", "failed", "canceled"] {
            jobs.completed.with_label_values(&[status]);
        }
        for code in known.error_codes {
            jobs.failed.with_label_values(&[code]);
        }
        for state in STATES {
            jobs.status.with_label_values(&[state]);
            jobs.current.with_label_values(&[state]);
        }
        for kind in COLLECTED {
            jobs.collected.with_label_values(&[kind]);
        }
        for operation in known.store_operations {
            jobs.store_time.with_label_values(&[operation]);
            jobs.store_errors.with_label_values(&[operation]);
        }
        Ok(jobs)
    }

    fn families(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters = |name: &str, help: &str, label: &str| {
            register_int_counter_vec_with_registry!(name, help, &[label], registry)
        };
        let counter = |name: &str, help: &str| register_int_counter_with_registry!(name, help, registry);
        let gauges =
            |name: &str, help: &str| register_int_gauge_vec_with_registry!(name, help, &["status"], registry);
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            register_histogram_with_registry!(name, help, buckets.to_vec(), registry)
        };
        Ok(Self {
            created: counters("jobs_total", "Created jobs, by type.", "type")?,
            completed: counters("jobs_completed_total", "Ended jobs, by final status.", "status")?,
            failed: counters(
                "jobs_failed_total",
                "Jobs that ended without any result, by error code.",
                "error_code",
            )?,
            status: gauges("jobs_status_total", "Current number of jobs in the store, by status.")?,
            current: gauges("jobs_current", "Current number of jobs in the store, by status.")?,
            queued_items: register_int_gauge_with_registry!(
                "jobs_queued_images",
                "Pictures of jobs that wait in the store's queue.",
                registry
            )?,
            oldest: register_gauge_with_registry!(
                "jobs_oldest_queued_age_seconds",
                "Age of the oldest job with no picture started.",
                registry
            )?,
            queue: histogram(
                "jobs_queue_latency_seconds",
                "Time from a job's creation to the start of its first picture.",
                &QUEUE_SECONDS,
            )?,
            processing: histogram(
                "jobs_processing_duration_seconds",
                "Time from the start of a job's first picture to the job's end.",
                &PROCESSING_SECONDS,
            )?,
            leases_expired: counter("job_leases_expired_total", "Pictures whose lease expired.")?,
            given_up: counter(
                "job_images_given_up_total",
                "Pictures that failed because too many processes crashed while processing them.",
            )?,
            stale: counter(
                "job_stale_completions_total",
                "Results discarded because another process held the picture's lease.",
            )?,
            orphaned: counter(
                "job_claims_orphaned_total",
                "Pictures that the store had assigned to a process that did not know about them.",
            )?,
            deferred: counter(
                "job_images_deferred_total",
                "Attempts that failed through no fault of the picture and are retried later.",
            )?,
            stalled: register_int_gauge_with_registry!(
                "jobs_stalled",
                "Jobs in processing with no queued picture and no attempt ended within three lease durations.",
                registry
            )?,
            paused: register_int_gauge_with_registry!(
                "jobs_queue_paused",
                "Pauses set by an operator: one for the whole queue, or one for each paused job type.",
                registry
            )?,
            processes: register_int_gauge_with_registry!(
                "processes_alive",
                "Processes that share the store and have a current heartbeat.",
                registry
            )?,
            not_removed: counter("blob_removals_failed_total", "Failed attempts to delete a job's blobs.")?,
            collected: counters(
                "gc_objects_collected_total",
                "Objects deleted by the Janitor, by kind.",
                "kind",
            )?,
            blob_bytes: register_int_gauge_with_registry!(
                "blob_store_bytes",
                "Total size of all jobs' blobs in bytes.",
                registry
            )?,
            store_time: register_histogram_vec_with_registry!(
                "store_operation_duration_seconds",
                "Duration of store operations, by operation.",
                &["operation"],
                STORE_SECONDS.to_vec(),
                registry
            )?,
            store_errors: counters(
                "store_errors_total",
                "Failed store operations, by operation.",
                "operation",
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

    pub(super) fn expired(&self, returned: u64, given_up: u64) {
        self.leases_expired.inc_by(returned + given_up);
        self.given_up.inc_by(given_up);
    }

    pub(super) fn stale(&self) {
        self.stale.inc();
    }

    pub(super) fn orphaned(&self, pictures: u64) {
        self.orphaned.inc_by(pictures);
    }

    pub(super) fn deferred(&self) {
        self.deferred.inc();
    }

    pub(super) fn stalled(&self, jobs: u64) {
        self.stalled.set(gauge_value(jobs));
    }

    pub(super) fn paused(&self, pauses: u64) {
        self.paused.set(gauge_value(pauses));
    }

    pub(super) fn processes(&self, alive: u64) {
        self.processes.set(gauge_value(alive));
    }

    pub(super) fn not_removed(&self) {
        self.not_removed.inc();
    }

    pub(super) fn collected(&self, kind: &str, count: u64) {
        self.collected.with_label_values(&[kind]).inc_by(count);
    }

    pub(super) fn blobs(&self, bytes: u64) {
        self.blob_bytes.set(gauge_value(bytes));
    }

    pub(super) fn store(&self, operation: &str, ok: bool, time: Duration) {
        self.store_time.with_label_values(&[operation]).observe(time.as_secs_f64());
        if !ok {
            self.store_errors.with_label_values(&[operation]).inc();
        }
    }
}
