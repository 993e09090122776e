//! How deliveries are sent, and what they are sent with.

use std::sync::Arc;
use std::time::Duration;

use huemill_store::job::JobId;
use huemill_store::outbox::Notice;

use super::{Schedule, Signer};
use crate::intake::DrainFlag;
use crate::metrics::Recorder;
use crate::observed::Observed;
use crate::outbound::Outbound;
use crate::repository::Repository;

/// Everything about deliveries that can be set.
#[derive(Debug, Clone)]
pub struct DeliverySettings {
    /// Tries at once, in all and for one host.
    pub at_once: u32,
    /// See `at_once`.
    pub each: u32,
    /// How long a try may take.
    pub limit: Duration,
    /// When a failed one is tried again.
    pub schedule: Schedule,
    /// How long a host that fails on and on is left alone: at first, and at most.
    pub circuit: (Duration, Duration),
    /// How often a store that others write to is asked.
    pub poll: Duration,
    /// The longest time without a look, for clocks that are set back.
    pub longest_sleep: Duration,
    /// Whether this process sends at all.
    pub sends: bool,
}

impl DeliverySettings {
    /// How long a claim holds: longer than a try can take, what is written after it included.
    #[must_use]
    pub fn hold(&self) -> Duration {
        self.limit * 2
    }
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            at_once: 256,
            each: 4,
            limit: Duration::from_secs(15),
            schedule: Schedule::default(),
            circuit: (Duration::from_secs(30), Duration::from_secs(600)),
            poll: Duration::from_secs(5),
            longest_sleep: Duration::from_secs(600),
            sends: true,
        }
    }
}

/// Makes the URL at which a job's results are, good until they expire.
pub type DownloadUrl = Arc<dyn Fn(&JobId, &Notice) -> String + Send + Sync>;

/// What the tries need.
pub struct WebhookSender {
    /// The outbox.
    pub repository: Repository,
    /// The way out.
    pub outbound: Outbound,
    /// Signs what is sent.
    pub signer: Signer,
    /// Where results are.
    pub download: DownloadUrl,
    /// Whether the service stops.
    pub drain: DrainFlag,
    /// Where the Delivery actor shows its state.
    pub observed: Observed,
    /// Told what happened.
    pub recorder: Recorder,
}
