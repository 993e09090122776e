//! Metrics of stored data: operations of the store, bytes of blobs, and what the Janitor deletes.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGauge};

use super::families::{Families, LabelValues, gauge_value, start_at_zero};

/// Buckets in seconds. A statement takes a fraction of a millisecond, an fsync several milliseconds, and an unreachable
/// store seconds.
const STORE_SECONDS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

/// The kinds of objects that the Janitor deletes.
const COLLECTED: [&str; 6] = ["jobs", "results", "keys", "nonces", "blobs", "orphans"];

#[derive(Debug)]
pub(super) struct StoreMetrics {
    not_removed: IntCounter,
    collected: IntCounterVec,
    blob_bytes: IntGauge,
    time: HistogramVec,
    errors: IntCounterVec,
}

impl StoreMetrics {
    pub(super) fn new(families: Families<'_>, known: &LabelValues<'_>) -> Result<Self, prometheus::Error> {
        let store = Self {
            not_removed: families
                .counter("blob_removals_failed_total", "Failed attempts to delete a job's blobs.")?,
            collected: families.counters(
                "gc_objects_collected_total",
                "Objects deleted by the Janitor, by kind.",
                &["kind"],
            )?,
            blob_bytes: families.gauge("blob_store_bytes", "Total size of all jobs' blobs in bytes.")?,
            time: families.histograms(
                "store_operation_duration_seconds",
                "Duration of store operations, by operation.",
                &["operation"],
                &STORE_SECONDS,
            )?,
            errors: families.counters(
                "store_errors_total",
                "Failed store operations, by operation.",
                &["operation"],
            )?,
        };
        start_at_zero(&store.collected, &COLLECTED);
        for operation in known.store_operations {
            store.time.with_label_values(&[operation]);
            store.errors.with_label_values(&[operation]);
        }
        Ok(store)
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

    pub(super) fn called(&self, operation: &str, ok: bool, time: Duration) {
        self.time.with_label_values(&[operation]).observe(time.as_secs_f64());
        if !ok {
            self.errors.with_label_values(&[operation]).inc();
        }
    }
}
