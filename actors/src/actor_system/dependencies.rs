//! The actor system's settings and dependencies. A test can replace each dependency.

use std::sync::Arc;

use huemill_observability::Registry;
use huemill_store::SpoolRoom;
use huemill_store::blobs::Blobs;
use huemill_store::store::{CallerLimits, Owner, Store};
use tokio::runtime::Handle;

use crate::clock::Clock;
use crate::delivery::{DeliverySettings, DownloadUrl, Signer};
use crate::dispatcher::DispatcherSettings;
use crate::fetcher::FetcherSettings;
use crate::health::HealthSettings;
use crate::intake::IntakeSettings;
use crate::janitor::JanitorSettings;
use crate::outbound::Outbound;
use crate::probe::{DiskProbe, MemoryProbe};
use crate::snapshots::Snapshots;
use crate::supervise::RestartPolicy;
use crate::workers::{EngineFactory, WorkersSettings};

settings! {
    /// Settings of all actors.
    #[derive(Debug, Clone)]
    pub struct ActorSystemSettings {
        /// Restart limit and backoff.
        pub policy: RestartPolicy = RestartPolicy::default(),
        /// Slots, queue and memory.
        pub workers: WorkersSettings = WorkersSettings::default(),
        /// How many uploads may be in flight.
        pub intake: IntakeSettings = IntakeSettings::default(),
        /// How often health checks run, and their thresholds.
        pub health: HealthSettings = HealthSettings::default(),
        /// How pictures of jobs are handed out.
        pub dispatcher: DispatcherSettings = DispatcherSettings::default(),
        /// When data is removed.
        pub janitor: JanitorSettings = JanitorSettings::default(),
        /// How pictures are downloaded.
        pub fetcher: FetcherSettings = FetcherSettings::default(),
        /// How webhooks are sent.
        pub delivery: DeliverySettings = DeliverySettings::default(),
        /// Bytes of stored blobs at which new jobs are refused.
        pub blob_limit: u64 = 100_000_000_000,
        /// What each caller may use of the store at a time.
        pub quotas: CallerLimits = CallerLimits::default(),
        /// How many events are logged a second of those that a caller can cause at will; 0 logs them all.
        pub lines_per_second: u32 = 0,
        /// Maximum number of events waiting to be counted.
        pub events: usize = 16_384,
    }
}

/// What the actors depend on. A test can replace each part.
#[derive(Clone)]
pub struct Dependencies {
    /// The io runtime, which starts before the actors and ends after them.
    pub io: Handle,
    /// Where events are counted.
    pub registry: Arc<Registry>,
    /// The spools, whose bytes are reported as metrics.
    pub room: SpoolRoom,
    /// The store, which notifies `snapshots` of each change.
    pub store: Arc<dyn Store>,
    /// The last versions that pollers saw.
    pub snapshots: Snapshots,
    /// Stored inputs and cards.
    pub blobs: Blobs,
    /// The identity of this process among those that share the store; new for each start.
    pub owner: Owner,
    /// Makes the engines that process pictures.
    pub engines: EngineFactory,
    /// Measures the free bytes of the data disk.
    pub disk: DiskProbe,
    /// Measures the memory in use.
    pub memory: MemoryProbe,
    /// The clock that tells how old a health report is.
    pub clock: Clock,
    /// What outbound requests need.
    pub outbound_dependencies: OutboundDependencies,
}

/// What downloads and webhooks need.
#[derive(Clone)]
pub struct OutboundDependencies {
    /// The guarded client.
    pub outbound: Outbound,
    /// Signs webhooks.
    pub signer: Signer,
    /// Makes the URL of a job's results.
    pub download: DownloadUrl,
}
