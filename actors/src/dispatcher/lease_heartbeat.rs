//! The heartbeat of this process: renews its leases, compares them with the store, and takes back those of dead
//! processes. It runs on the io runtime, where neither pixels nor a busy arbiter can stall it, and ends when it is
//! dropped.
//!
//! A lease exists in two places: as a row and as an item that this process holds. If something gets lost between
//! them (the answer to a claim, the settling of an item, a restart of the actor), they differ, and the next
//! heartbeat notices: what only the store has goes back to the queue, what only this process has is stopped.
//!
//! If no other process shares the store, no heartbeat is sent while the store holds nothing for this process, since
//! only a claim can change that. Its lease has no end then: the store voids it when the next process opens it.

use std::sync::Arc;
use std::time::Duration;

use huemill_observability::{Event, log};
use huemill_store::job::ItemError;
use huemill_store::store::{ExhaustedItem, Heartbeat};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::claimed_items::ClaimedItems;
use super::dependencies::{DispatcherDependencies, DispatcherSettings, within};
use super::item_attempt::FAILED;
use crate::fault::Code;

/// The lease of a process that no other shares the store with: it is alive until its store is opened anew, although it
/// sends no heartbeats while it is idle.
const UNTIL_THE_END: Duration = Duration::MAX;

/// Maximum number of items taken back at a time.
const BATCH: u32 = 100;

/// Tells the actor that items came back.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeaseEvent {
    /// Whether they came back as suspects.
    pub(super) suspects: bool,
}

/// The running heartbeat.
pub(super) struct LeaseHeartbeat(JoinHandle<()>);

impl LeaseHeartbeat {
    pub(super) fn start(
        dependencies: &Arc<DispatcherDependencies>,
        settings: DispatcherSettings,
        items: ClaimedItems,
        events: UnboundedSender<LeaseEvent>,
    ) -> Self {
        let task = HeartbeatTask {
            dependencies: Arc::clone(dependencies),
            settings,
            items,
            events,
            quiet_since: None,
        };
        Self(dependencies.io.spawn(task.run()))
    }
}

impl Drop for LeaseHeartbeat {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct HeartbeatTask {
    dependencies: Arc<DispatcherDependencies>,
    settings: DispatcherSettings,
    items: ClaimedItems,
    events: UnboundedSender<LeaseEvent>,
    /// The number of the last claim when the store held nothing for this process.
    quiet_since: Option<u64>,
}

impl HeartbeatTask {
    async fn run(mut self) {
        let mut beat = interval(self.settings.lease / 3);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            let idle = self.dependencies.repository.store.is_sole_writer()
                && self.quiet_since == Some(self.items.sent());
            if !idle && self.reconcile().await {
                self.reap().await;
            }
        }
    }

    /// The time limit for the store: if the reply to a heartbeat is lost, the next one is still in time.
    fn limit(&self) -> Duration {
        self.settings.lease * 2 / 3
    }

    /// Renews the leases and compares them with the store. Returns whether the store answered.
    async fn reconcile(&mut self) -> bool {
        let answered = self.items.answered();
        let held = self.items.leases();
        let idle = held.is_empty();
        let heartbeat = self.heartbeat(answered, held);
        let beat = self.dependencies.repository.store.heartbeat(&heartbeat);
        let Ok(found) = within(self.limit(), beat).await else { return false };
        for lease in &found.lost {
            if self.items.cancel_lost(lease) {
                self.dependencies.recorder.record(Event::StaleCompletion);
            }
        }
        if found.orphaned > 0 {
            log!(CLAIMS_ORPHANED, pictures = found.orphaned);
            self.dependencies.recorder.record(Event::ClaimsOrphaned(found.orphaned));
            let _ = self.events.send(LeaseEvent { suspects: false });
        }
        self.quiet_since = (idle && found.claimed == 0).then_some(answered);
        true
    }

    fn heartbeat(&self, answered: u64, held: Vec<huemill_store::store::Lease>) -> Heartbeat {
        let owner = self.dependencies.owner.clone();
        let is_alone = self.dependencies.repository.store.is_sole_writer();
        Heartbeat {
            // The name of an owner begins with its host.
            host: owner.0.rsplit_once('-').map_or("", |(host, _)| host).to_owned(),
            owner,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            role: self.settings.role,
            slots: self.settings.slots as u32,
            lease: if is_alone { UNTIL_THE_END } else { self.settings.lease },
            answered,
            held,
        }
    }

    /// Takes back the items of dead processes.
    async fn reap(&self) {
        let error = ItemError {
            code: Code::InternalError.as_str().to_owned(),
            message:
                "This picture could not be processed: the service failed several times while processing it."
                    .to_owned(),
        };
        loop {
            let store = &self.dependencies.repository.store;
            let reap = store.reap(BATCH, self.settings.crashes, &error);
            let Ok(reaped) = within(self.limit(), reap).await else { return };
            let (returned, given_up) = (reaped.returned, reaped.exhausted.len() as u64);
            if returned + given_up > 0 {
                log!(LEASES_EXPIRED, returned, given_up);
                self.dependencies.recorder.record(Event::LeasesExpired { returned, given_up });
            }
            reaped.exhausted.iter().for_each(log_given_up);
            for ended in &reaped.ended {
                self.dependencies.ends.tell(ended, Some(Code::InternalError));
            }
            if returned > 0 {
                // While the actor restarts, no one receives this; it claims again after its restart.
                let _ = self.events.send(LeaseEvent { suspects: true });
            }
            if returned + given_up < u64::from(BATCH) {
                return;
            }
        }
    }
}

/// Logs a picture that failed because processes died; none of them can log it any more.
fn log_given_up(lost: &ExhaustedItem) {
    log!(
        PICTURE_SETTLED_FAULT,
        request_id = lost.request_id,
        job_id = lost.job.as_str(),
        picture = lost.number,
        attempt = lost.attempts,
        outcome = FAILED,
        error_code = Code::InternalError.as_str(),
        cause = "several processes died while processing it",
        duration_ms = None::<u64>
    );
}
