//! The Janitor's settings and dependencies: when data is removed and how much at a time, and what it is removed from.

use std::time::Duration;

use huemill_store::store::Owner;

use crate::blob_quota::BlobQuota;
use crate::estimate::Estimate;
use crate::observed::Observed;
use crate::repository::Repository;
use crate::telemetry::Recorder;

settings! {
    /// When data is removed, and how much at a time.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct JanitorSettings {
        /// Time between two rounds.
        pub interval: Duration = Duration::from_secs(60),
        /// How long a tombstone stays.
        pub tombstone: Duration = Duration::from_secs(7 * 24 * 3600),
        /// The age at which a blob without a row counts as an orphan.
        pub orphan: Duration = Duration::from_secs(3600),
        /// Time between two scans of the blobs for orphans.
        pub walk: Duration = Duration::from_secs(3600),
        /// Maximum time between two reads of the store's figures.
        pub figures: Duration = Duration::from_secs(15),
        /// Time between two counts of everything, which correct the figures.
        pub recount: Duration = Duration::from_secs(24 * 3600),
        /// How long a process holds the sweep duty without renewing it.
        pub duty: Duration = Duration::from_secs(90),
        /// A job is stalled if none of its attempts has ended for this long and none of its pictures waits to be
        /// retried.
        pub stalled: Duration = Duration::from_secs(90),
        /// How far the clock may jump ahead between two rounds before expiry pauses for the same time.
        pub clock_jump: Duration = Duration::from_secs(3600),
        /// Whether this process sweeps at all.
        pub sweeps: bool = true,
        /// Maximum number of entries removed at a time.
        pub batch: u32 = 100,
    }
}

/// What the Janitor depends on.
pub(crate) struct JanitorDependencies {
    /// Jobs and blobs.
    pub(crate) repository: Repository,
    /// The identity of this process, new for each start.
    pub(crate) owner: Owner,
    /// Learns how many items wait and how many slots there are.
    pub(crate) estimate: Estimate,
    /// Learns how many bytes of blobs are stored.
    pub(crate) quota: BlobQuota,
    /// Where the Janitor publishes its state.
    pub(crate) observed: Observed,
    /// Records events.
    pub(crate) recorder: Recorder,
}
