//! The process itself: what was built, what it holds, and how well it is being watched.

use prometheus::{
    IntCounter, IntGauge, Registry, register_int_counter_with_registry, register_int_gauge_vec_with_registry,
    register_int_gauge_with_registry,
};

use super::figure;
use crate::{outlet, trace};

#[derive(Debug)]
pub(super) struct Process {
    dropped: IntCounter,
    lost_lines: IntCounter,
    lost_spans: IntCounter,
    spool_memory: IntGauge,
    spool_disk: IntGauge,
}

impl Process {
    pub(super) fn new(registry: &Registry, version: &str) -> Result<Self, prometheus::Error> {
        register_int_gauge_vec_with_registry!(
            "build_info",
            "What is running; always 1.",
            &["version"],
            registry
        )?
        .with_label_values(&[version])
        .set(1);
        // Memory, CPU, descriptors and threads, read from /proc at each scrape.
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Self {
            dropped: register_int_counter_with_registry!(
                "metrics_events_dropped_total",
                "Events that were not counted, because the way to the registry was full.",
                registry
            )?,
            lost_lines: register_int_counter_with_registry!(
                "log_lines_dropped_total",
                "Log lines that were lost, because standard output was slow or closed.",
                registry
            )?,
            lost_spans: register_int_counter_with_registry!(
                "trace_spans_dropped_total",
                "Spans that were lost, because the collector was slow or gone.",
                registry
            )?,
            spool_memory: register_int_gauge_with_registry!(
                "spool_memory_bytes",
                "Bytes of uploads and answers held in memory.",
                registry
            )?,
            spool_disk: register_int_gauge_with_registry!(
                "spool_disk_bytes",
                "Bytes of uploads and answers held in temporary files.",
                registry
            )?,
        })
    }

    pub(super) fn dropped(&self, total: u64) {
        self.dropped.inc_by(total.saturating_sub(self.dropped.get()));
    }

    /// Counts the log lines and spans that were lost so far.
    pub(super) fn look(&self) {
        self.lost_lines.inc_by(outlet::lost().saturating_sub(self.lost_lines.get()));
        self.lost_spans.inc_by(trace::lost().saturating_sub(self.lost_spans.get()));
    }

    pub(super) fn spool(&self, memory: u64, disk: u64) {
        self.spool_memory.set(figure(memory));
        self.spool_disk.set(figure(disk));
    }
}
