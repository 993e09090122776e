//! What the crew is told and what it stands in: its settings, and the world around it, each part of which a test may
//! replace.

use std::sync::Arc;

use huemill_observability::Registry;
use huemill_store::SpoolRoom;
use huemill_store::blobs::Blobs;
use huemill_store::store::{Owner, Store};
use tokio::runtime::Handle;

use crate::clock::Clock;
use crate::delivery::{DeliverySettings, DownloadUrl, Signer};
use crate::dispatcher::DispatcherSettings;
use crate::fetcher::FetcherSettings;
use crate::health::{DiskProbe, HealthSettings, MemoryProbe};
use crate::intake::IntakeSettings;
use crate::janitor::JanitorSettings;
use crate::outbound::Outbound;
use crate::snapshots::Snapshots;
use crate::supervise::RestartPolicy;
use crate::workers::{EngineFactory, WorkersSettings};

/// Everything about the crew that can be set.
#[derive(Debug, Clone)]
pub struct ActorSystemSettings {
    /// Restart intensity and backoff.
    pub policy: RestartPolicy,
    /// Slots, queue and memory.
    pub workers: WorkersSettings,
    /// What may be in flight.
    pub intake: IntakeSettings,
    /// What is ready.
    pub health: HealthSettings,
    /// How jobs' pictures are handed out.
    pub dispatcher: DispatcherSettings,
    /// When what goes.
    pub janitor: JanitorSettings,
    /// How pictures are downloaded.
    pub fetcher: FetcherSettings,
    /// How webhooks are sent.
    pub delivery: DeliverySettings,
    /// Bytes of blobs at which new jobs are refused.
    pub blob_limit: u64,
    /// Events that may wait to be counted.
    pub events: usize,
}

impl Default for ActorSystemSettings {
    fn default() -> Self {
        Self {
            policy: RestartPolicy::default(),
            workers: WorkersSettings::default(),
            intake: IntakeSettings::default(),
            health: HealthSettings::default(),
            dispatcher: DispatcherSettings::default(),
            janitor: JanitorSettings::default(),
            fetcher: FetcherSettings::default(),
            delivery: DeliverySettings::default(),
            blob_limit: 100_000_000_000,
            events: 16_384,
        }
    }
}

/// The world around the crew, each part of which a test may replace.
#[derive(Clone)]
pub struct Dependencies {
    /// The io runtime, started before the crew and ended after it.
    pub io: Handle,
    /// Where events are counted.
    pub registry: Arc<Registry>,
    /// The spools, whose bytes are reported.
    pub room: SpoolRoom,
    /// The store's own end, which tells `snapshots` of each change.
    pub store: Arc<dyn Store>,
    /// What pollers were told last.
    pub snapshots: Snapshots,
    /// Inputs and cards.
    pub blobs: Blobs,
    /// Who this process is among those that share the store: new for each start.
    pub owner: Owner,
    /// What works on pictures.
    pub engines: EngineFactory,
    /// Free bytes of the data's disk.
    pub disk: DiskProbe,
    /// The memory in use.
    pub memory: MemoryProbe,
    /// By which a verdict ages.
    pub clock: Clock,
    /// The way out.
    pub outbound_dependencies: OutboundDependencies,
}

/// The way out, and what is needed on it.
#[derive(Clone)]
pub struct OutboundDependencies {
    /// The guarded client.
    pub outbound: Outbound,
    /// Signs webhooks.
    pub signer: Signer,
    /// Where a job's results are.
    pub download: DownloadUrl,
}
