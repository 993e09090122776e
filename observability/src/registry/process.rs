//! Metrics of the process: version, memory, spool, and dropped events, log lines and spans.

use std::fs;

use prometheus::{IntCounter, IntGauge, IntGaugeVec};

use super::families::{Families, gauge_value};
use crate::{log_writer, trace};

/// Kinds of memory and their keys in `/proc/self/status`.
const MEMORY: [(&str, &str); 4] =
    [("anonymous", "RssAnon"), ("file", "RssFile"), ("shared", "RssShmem"), ("swapped", "VmSwap")];

#[derive(Debug)]
pub(super) struct ProcessMetrics {
    memory: IntGaugeVec,
    dropped_events: IntCounter,
    sampled_lines: IntCounter,
    dropped_lines: IntCounter,
    dropped_spans: IntCounter,
    spool_memory: IntGauge,
    spool_disk: IntGauge,
}

impl ProcessMetrics {
    pub(super) fn new(families: Families<'_>, version: &str) -> Result<Self, prometheus::Error> {
        families
            .gauges("build_info", "The running version; always 1.", &["version"])?
            .with_label_values(&[version])
            .set(1);
        // Memory, CPU, file descriptors and threads, read from /proc at each scrape.
        #[cfg(target_os = "linux")]
        families.0.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Self {
            memory: families.gauges(
                "process_memory_bytes",
                "Memory of the process, by kind: heap and stacks, mapped files, shared, swapped out.",
                &["kind"],
            )?,
            dropped_events: families.counter(
                "metrics_events_dropped_total",
                "Metric events dropped because the Metrics actor's queue was full.",
            )?,
            sampled_lines: families.counter(
                "log_lines_sampled_total",
                "Log lines left out because their caller caused too many.",
            )?,
            dropped_lines: families.counter(
                "log_lines_dropped_total",
                "Log lines dropped because standard output was slow or closed.",
            )?,
            dropped_spans: families.counter(
                "trace_spans_dropped_total",
                "Spans dropped because the collector was slow or unreachable.",
            )?,
            spool_memory: families
                .gauge("spool_memory_bytes", "Bytes of uploads and responses held in memory.")?,
            spool_disk: families
                .gauge("spool_disk_bytes", "Bytes of uploads and responses held in temporary files.")?,
        })
    }

    pub(super) fn sampled(&self, lines: u64) {
        self.sampled_lines.inc_by(lines);
    }

    pub(super) fn dropped(&self, total: u64) {
        self.dropped_events.inc_by(total.saturating_sub(self.dropped_events.get()));
    }

    /// Reads the memory's composition and the numbers of log lines and spans dropped so far.
    pub(super) fn refresh(&self) {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        for (kind, key) in MEMORY {
            if let Some(bytes) = bytes_of(&status, key) {
                self.memory.with_label_values(&[kind]).set(gauge_value(bytes));
            }
        }
        self.dropped_lines.inc_by(log_writer::dropped_lines().saturating_sub(self.dropped_lines.get()));
        self.dropped_spans.inc_by(trace::dropped_spans().saturating_sub(self.dropped_spans.get()));
    }

    pub(super) fn spool(&self, memory: u64, disk: u64) {
        self.spool_memory.set(gauge_value(memory));
        self.spool_disk.set(gauge_value(disk));
    }
}

/// Parses a line such as `RssAnon:     1204 kB`. Linux before 4.5 and other systems do not have these lines.
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
