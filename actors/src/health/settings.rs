//! Settings of the health checks: how often they run, and their thresholds.

use std::time::Duration;

/// How often the health checks run, and their thresholds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HealthSettings {
    /// Time between two rounds of probes.
    pub interval: Duration,
    /// Time limit of one probe.
    pub timeout: Duration,
    /// Time between two canaries that gave a result.
    pub canary_interval: Duration,
    /// Time limit of a canary, waiting included.
    pub canary_timeout: Duration,
    /// Time between two probes of store and blobs.
    pub store_interval: Duration,
    /// Age at which the checks are stale, which means not ready.
    pub stale: Duration,
    /// Bytes that must be free on the data disk.
    pub disk_free: u64,
    /// The share of the memory, 0 to 1, below which its use must stay.
    pub memory_ratio: f64,
}

impl Default for HealthSettings {
    /// A round every 5 s with 3 s per probe, a canary every 30 s with a limit of 20 s, the store every 10 s, stale
    /// after 30 s, 1 GB free, 80 % used.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(3),
            canary_interval: Duration::from_secs(30),
            canary_timeout: Duration::from_secs(20),
            store_interval: Duration::from_secs(10),
            stale: Duration::from_secs(30),
            disk_free: 1_000_000_000,
            memory_ratio: 0.8,
        }
    }
}
