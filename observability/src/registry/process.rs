//! The process itself: what was built, what it holds, and how well it is being watched.

use std::fs;

use prometheus::{
    IntCounter, IntGauge, IntGaugeVec, Registry, register_int_counter_with_registry,
    register_int_gauge_vec_with_registry, register_int_gauge_with_registry,
};

use super::figure;
use crate::{outlet, trace};

/// Kinds of memory, and the keys of `/proc/self/status` that tell them.
const MEMORY: [(&str, &str); 4] =
    [("anonymous", "RssAnon"), ("file", "RssFile"), ("shared", "RssShmem"), ("swapped", "VmSwap")];

#[derive(Debug)]
pub(super) struct Process {
    memory: IntGaugeVec,
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
            memory: register_int_gauge_vec_with_registry!(
                "process_memory_bytes",
                "Memory of the process by kind: heap and stacks, mapped files, shared, swapped out.",
                &["kind"],
                registry
            )?,
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

    /// Counts the log lines and spans that were lost so far, and sees what memory is made of.
    pub(super) fn look(&self) {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        for (kind, key) in MEMORY {
            if let Some(bytes) = bytes_of(&status, key) {
                self.memory.with_label_values(&[kind]).set(figure(bytes));
            }
        }
        self.lost_lines.inc_by(outlet::lost().saturating_sub(self.lost_lines.get()));
        self.lost_spans.inc_by(trace::lost().saturating_sub(self.lost_spans.get()));
    }

    pub(super) fn spool(&self, memory: u64, disk: u64) {
        self.spool_memory.set(figure(memory));
        self.spool_disk.set(figure(disk));
    }
}

/// A line such as `RssAnon:     1204 kB`. Kernels before 4.5 and other systems have none.
fn bytes_of(status: &str, key: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    rest.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_by_its_key() {
        let status =
            "Name:\tRssAnon: 7 kB\nRssAnon:\t    1204 kB\nRssAnonHuge: 9 kB\nVmSwap:\t 0 kB\nThreads:\t3\n";
        assert_eq!(bytes_of(status, "RssAnon"), Some(1204 * 1024));
        assert_eq!(bytes_of(status, "VmSwap"), Some(0));
        for key in ["RssFile", "Threads", "Rss"] {
            assert_eq!(bytes_of(status, key), None, "{key}");
        }
    }
}
