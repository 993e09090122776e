//! The job system: jobs created, running, ended; leases; what was collected; the store.

use std::time::Duration;

use prometheus::{
    Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
    register_gauge_with_registry, register_histogram_vec_with_registry, register_histogram_with_registry,
    register_int_counter_vec_with_registry, register_int_counter_with_registry,
    register_int_gauge_vec_with_registry, register_int_gauge_with_registry,
};

use super::{Known, figure};

/// Edges in seconds: the objective is 60, and three edges lie above it.
const QUEUE_SECONDS: [f64; 12] = [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0];

/// Edges in seconds: the objective is 300, and three edges lie above it.
const PROCESSING_SECONDS: [f64; 11] = [0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0];

/// Edges in seconds: a statement takes a fraction of a millisecond, an fsync some, a store that is away seconds.
const STORE_SECONDS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

/// A job's states, in the order in which the store counts them.
const STATES: [&str; 6] = ["queued", "processing", "completed", "failed", "canceled", "expired"];

/// What the Janitor collects.
const COLLECTED: [&str; 6] = ["jobs", "results", "keys", "nonces", "blobs", "orphans"];

#[derive(Debug)]
pub(super) struct Jobs {
    created: IntCounterVec,
    completed: IntCounterVec,
    failed: IntCounterVec,
    status: IntGaugeVec,
    current: IntGaugeVec,
    queued_items: IntGauge,
    oldest: Gauge,
    queue: Histogram,
    processing: Histogram,
    returned: IntCounter,
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

impl Jobs {
    pub(super) fn new(registry: &Registry, known: &Known<'_>) -> Result<Self, prometheus::Error> {
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
        let histogram = |name: &str, help: &str, edges: &[f64]| {
            register_histogram_with_registry!(name, help, edges.to_vec(), registry)
        };
        Ok(Self {
            created: counters("jobs_total", "Jobs created, by type.", "type")?,
            completed: counters("jobs_completed_total", "Jobs ended, by how.", "status")?,
            failed: counters("jobs_failed_total", "Jobs without any result, by error code.", "error_code")?,
            status: gauges("jobs_status_total", "Jobs in the store now, by state.")?,
            current: gauges("jobs_current", "Jobs in the store now, by state.")?,
            queued_items: register_int_gauge_with_registry!(
                "jobs_queued_images",
                "Pictures of jobs that wait in the store.",
                registry
            )?,
            oldest: register_gauge_with_registry!(
                "jobs_oldest_queued_age_seconds",
                "Age of the oldest job of which no picture was begun.",
                registry
            )?,
            queue: histogram(
                "jobs_queue_latency_seconds",
                "Time from a job's creation to its first picture.",
                &QUEUE_SECONDS,
            )?,
            processing: histogram(
                "jobs_processing_duration_seconds",
                "Time from a job's first picture to its end.",
                &PROCESSING_SECONDS,
            )?,
            returned: counter("job_leases_expired_total", "Pictures whose process let its lease run out.")?,
            given_up: counter(
                "job_images_given_up_total",
                "Pictures given up after their process died over them.",
            )?,
            stale: counter(
                "job_stale_completions_total",
                "Pictures done, or still at work, when their lease was another's.",
            )?,
            orphaned: counter(
                "job_claims_orphaned_total",
                "Pictures that the store held for a process which did not know of them.",
            )?,
            deferred: counter(
                "job_images_deferred_total",
                "Attempts at pictures that failed by a fault that is not the picture's and are repeated later.",
            )?,
            stalled: register_int_gauge_with_registry!(
                "jobs_stalled",
                "Jobs in processing of which no attempt has ended for three times the lease and nothing waits for its turn.",
                registry
            )?,
            paused: register_int_gauge_with_registry!(
                "jobs_queue_paused",
                "What an operator has paused: the whole queue or types of jobs, each counted once.",
                registry
            )?,
            processes: register_int_gauge_with_registry!(
                "processes_alive",
                "Processes that share the store and whose heartbeat is good.",
                registry
            )?,
            not_removed: counter(
                "blob_removals_failed_total",
                "Jobs whose blobs could not be removed at a try.",
            )?,
            collected: counters("gc_objects_collected_total", "What the Janitor removed, by kind.", "kind")?,
            blob_bytes: register_int_gauge_with_registry!(
                "blob_store_bytes",
                "Bytes of the blobs of all jobs.",
                registry
            )?,
            store_time: register_histogram_vec_with_registry!(
                "store_operation_duration_seconds",
                "Time that the store took, by operation.",
                &["operation"],
                STORE_SECONDS.to_vec(),
                registry
            )?,
            store_errors: counters(
                "store_errors_total",
                "Calls that the store failed, by operation.",
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
            self.status.with_label_values(&[state]).set(figure(*count));
            self.current.with_label_values(&[state]).set(figure(*count));
        }
        self.queued_items.set(figure(queued_items));
        self.oldest.set(oldest.unwrap_or_default().as_secs_f64());
    }

    pub(super) fn expired(&self, returned: u64, given_up: u64) {
        self.returned.inc_by(returned + given_up);
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
        self.stalled.set(figure(jobs));
    }

    pub(super) fn paused(&self, pauses: u64) {
        self.paused.set(figure(pauses));
    }

    pub(super) fn processes(&self, alive: u64) {
        self.processes.set(figure(alive));
    }

    pub(super) fn not_removed(&self) {
        self.not_removed.inc();
    }

    pub(super) fn collected(&self, kind: &str, count: u64) {
        self.collected.with_label_values(&[kind]).inc_by(count);
    }

    pub(super) fn blobs(&self, bytes: u64) {
        self.blob_bytes.set(figure(bytes));
    }

    pub(super) fn store(&self, operation: &str, ok: bool, time: Duration) {
        self.store_time.with_label_values(&[operation]).observe(time.as_secs_f64());
        if !ok {
            self.store_errors.with_label_values(&[operation]).inc();
        }
    }
}
