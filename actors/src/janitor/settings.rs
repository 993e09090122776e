//! Settings of the Janitor: when data is removed, and how much at a time.

use std::time::Duration;

/// When data is removed, and how much at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JanitorSettings {
    /// Time between two rounds.
    pub interval: Duration,
    /// How long a tombstone stays.
    pub tombstone: Duration,
    /// The age at which a blob without a row counts as an orphan.
    pub orphan: Duration,
    /// Time between two scans of the blobs for orphans.
    pub walk: Duration,
    /// Maximum time between two reads of the store's figures.
    pub figures: Duration,
    /// Time between two counts of everything, which correct the figures.
    pub recount: Duration,
    /// How long a process holds the sweep duty without renewing it.
    pub duty: Duration,
    /// A job is stalled if none of its attempts has ended for this long and none of its pictures waits to be retried.
    pub stalled: Duration,
    /// How far the clock may jump ahead between two rounds before expiry pauses for the same time.
    pub clock_jump: Duration,
    /// Whether this process sweeps at all.
    pub sweeps: bool,
    /// Maximum number of entries removed at a time.
    pub batch: u32,
}

impl Default for JanitorSettings {
    /// A round a minute, figures every 15 s, a count a day, tombstones for 7 days, orphans after an hour, a scan an
    /// hour, jobs stalled after 90 s, a clock jump of an hour, 100 entries at a time.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
            tombstone: Duration::from_secs(7 * 24 * 3600),
            orphan: Duration::from_secs(3600),
            walk: Duration::from_secs(3600),
            figures: Duration::from_secs(15),
            recount: Duration::from_secs(24 * 3600),
            duty: Duration::from_secs(90),
            stalled: Duration::from_secs(90),
            clock_jump: Duration::from_secs(3600),
            sweeps: true,
            batch: 100,
        }
    }
}
