//! The settings of webhook delivery, and what sending webhooks requires.

use std::sync::Arc;
use std::time::Duration;

use huemill_store::job::JobId;
use huemill_store::outbox::Notice;

use super::schedule::Schedule;
use super::signature::Signer;
use crate::line_sampler::LineSampler;
use crate::observed::Observed;
use crate::outbound::Outbound;
use crate::repository::Repository;
use crate::supervise::DrainFlag;
use crate::telemetry::Recorder;

settings! {
    /// The settings of webhook delivery.
    #[derive(Debug, Clone)]
    pub struct DeliverySettings {
        /// Maximum number of concurrent attempts.
        pub at_once: u32 = 256,
        /// Maximum number of concurrent attempts for one host.
        pub each: u32 = 4,
        /// Time limit of one attempt.
        pub limit: Duration = Duration::from_secs(15),
        /// When a failed delivery is attempted again.
        pub schedule: Schedule = Schedule::default(),
        /// How long the circuit of a failing host stays open: at first, and at most.
        pub circuit: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(600)),
        /// How often to poll a store that other processes write to.
        pub poll: Duration = Duration::from_secs(5),
        /// The longest time between two claims, in case the clock is set back.
        pub longest_sleep: Duration = Duration::from_secs(600),
        /// Whether this process sends webhooks at all.
        pub sends: bool = true,
    }
}

impl DeliverySettings {
    /// How long a claim is valid: longer than an attempt can take, including writing its result.
    #[must_use]
    pub fn hold(&self) -> Duration {
        self.limit * 2
    }
}

/// Makes the URL of a job's results, valid until they expire. `None` if the service does not know for sure under which
/// name clients reach it: a name that anybody may have put into a request must not be signed.
pub type DownloadUrl = Arc<dyn Fn(&JobId, &Notice) -> Option<String> + Send + Sync>;

/// What sending webhooks requires.
pub struct WebhookSender {
    /// The outbox.
    pub repository: Repository,
    /// The guarded client.
    pub outbound: Outbound,
    /// Signs the webhooks.
    pub signer: Signer,
    /// Makes the URL of a job's results.
    pub download: DownloadUrl,
    /// Whether the service drains.
    pub drain: DrainFlag,
    /// Where the Delivery actor publishes its state.
    pub observed: Observed,
    /// Records events.
    pub recorder: Recorder,
    /// Decides about log lines that a caller can cause at will.
    pub line_sampler: LineSampler,
}
