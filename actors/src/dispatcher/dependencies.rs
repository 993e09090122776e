//! The Dispatcher's settings and dependencies, among them the notifier that reports the end of a job once, by the code
//! that ended it: the Dispatcher with the last picture, or HTTP with a cancel. Also the time limit of its calls to the
//! store: a late call is an error.

use std::time::Duration;

use actix::Addr;
use huemill_observability::{Event, log};
use huemill_store::SpoolRoom;
use huemill_store::job::JobState;
use huemill_store::store::{Backoff, EndedJob, Owner, Role, StoreError};
use tokio::runtime::Handle;

use super::item_failure::BlobCheck;
use crate::blob_quota::FreeDisk;
use crate::delivery::{self, Delivery};
use crate::estimate::Estimate;
use crate::fault::Code;
use crate::fetcher::Fetcher;
use crate::janitor::{self, Janitor};
use crate::line_sampler::LineSampler;
use crate::observed::Observed;
use crate::repository::Repository;
use crate::supervise::DrainFlag;
use crate::telemetry::Recorder;
use crate::workers::Workers;

settings! {
    /// How pictures of jobs are handed out.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct DispatcherSettings {
        /// Maximum number of pictures in slots.
        pub slots: usize = std::thread::available_parallelism().map_or(1, usize::from),
        /// How long a lease lasts.
        pub lease: Duration = Duration::from_secs(30),
        /// How often to poll for work that other processes may have added. Not needed if no other process shares the
        /// store.
        pub poll: Duration = Duration::from_secs(1),
        /// How long a picture may wait for slot and memory, and then how long processing may take.
        pub picture: Duration = Duration::from_secs(60),
        /// Number of process deaths after which an isolated picture fails.
        pub crashes: u32 = 3,
        /// How long a picture waits after an attempt that failed through no fault of its own, and how many such
        /// failures are allowed.
        pub backoff: Backoff = Backoff { first: Duration::from_secs(2), longest: Duration::from_secs(60), limit: 5 },
        /// What this process does; one that only answers requests claims nothing.
        pub role: Role = Role::All,
        /// Maximum length of a picture in bytes.
        pub longest_input: u64 = 50 << 20,
        /// Nothing is claimed while the disk has less free bytes than this.
        pub disk_low: u64 = 500_000_000,
        /// Maximum number of pictures that are downloading beside those in slots.
        pub downloads: usize = 16,
        /// Maximum number of pictures that are in progress from one host and port, in all processes together.
        pub downloads_each: usize = 4,
    }
}

/// What the Dispatcher depends on.
#[derive(Clone)]
pub struct DispatcherDependencies {
    /// Jobs and blobs.
    pub repository: Repository,
    /// Processes pictures.
    pub workers: Addr<Workers>,
    /// Downloads pictures.
    pub fetcher: Addr<Fetcher>,
    /// Is notified when a job has ended.
    pub ends: JobEndNotifier,
    /// The spools that hold inputs while they are processed.
    pub room: SpoolRoom,
    /// Learns how long pictures take.
    pub estimate: Estimate,
    /// Tells an unavailable blob store from a single bad blob.
    pub blob_check: BlobCheck,
    /// The free bytes of the disk.
    pub free: FreeDisk,
    /// Whether the service drains.
    pub drain: DrainFlag,
    /// Where the Dispatcher publishes its state.
    pub observed: Observed,
    /// Records events.
    pub recorder: Recorder,
    /// Decides about log lines that a caller can cause at will.
    pub line_sampler: LineSampler,
    /// The identity of this process, new for each start.
    pub owner: Owner,
    /// The runtime of the heartbeat.
    pub io: Handle,
}

/// Calls the store with a time limit. If the answer is late or lost, the next heartbeat repairs what it left behind.
pub(super) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = |_| Err(StoreError::Away(format!("no answer within {limit:?}")));
    tokio::time::timeout(limit, call).await.unwrap_or_else(late)
}

/// Counts and logs a job's end and wakes the actors that follow up on it. Cheap to clone.
#[derive(Clone)]
pub struct JobEndNotifier {
    /// Counts ended jobs.
    pub recorder: Recorder,
    /// Removes the job's inputs.
    pub janitor: Addr<Janitor>,
    /// Sends the job's webhook.
    pub delivery: Addr<Delivery>,
}

impl JobEndNotifier {
    /// Wakes Janitor and Delivery when a job may have ended without a report.
    pub fn look_for_work(&self) {
        self.janitor.do_send(janitor::SweepSoon);
        self.delivery.do_send(delivery::DeliveryDue);
    }

    /// Counts and logs a job's end and wakes Janitor and Delivery. `code` is that of its last picture, if that
    /// failed. An actor that misses the wake-up finds the work in the store.
    pub fn tell(&self, ended: &EndedJob, code: Option<Code>) {
        let EndedJob { job, processing } = ended;
        let failed = job.state == JobState::Failed;
        let error_code = failed.then(|| code.unwrap_or(Code::ProcessingError).as_str());
        let status = job.state.as_str();
        self.recorder.record(Event::JobEnded { status, processing: *processing, error_code });
        log!(
            JOB_COMPLETED,
            request_id = job.request_id.as_str(),
            job_id = job.id.as_str(),
            status,
            results = job.succeeded,
            failed = job.failed,
            duration_ms = processing.as_millis() as u64
        );
        self.janitor.do_send(janitor::SweepSoon);
        if job.callback_url.is_some() {
            self.delivery.do_send(delivery::DeliveryDue);
        }
    }
}
