//! The heartbeat of this process: keeps its leases good, compares them with the store, and takes back those of dead
//! processes. On the io runtime, where neither pixels nor a busy arbiter can stall it. Ends when it is dropped.
//!
//! A lease has two sides, the row and the item that is held here. Whatever is lost on the way between them (the answer
//! to a claim, the settling of an item, a restart of the actor) makes them differ, and the next heartbeat sees it: what
//! only the store has goes back to the queue, what only this process has is stopped.
//!
//! A store of one's own is left in peace once it holds nothing for this process: only a claim can change that.

use std::sync::Arc;
use std::time::Duration;

use huemill_observability::{Event, log};
use huemill_store::job::ItemError;
use huemill_store::store::{ExhaustedItem, Heartbeat};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::attempt::FAILED;
use super::claimed_items::ClaimedItems;
use super::{DispatcherSettings, Tools, within};
use crate::fault::Code;

/// Items taken back at a time.
const BATCH: u32 = 100;

/// What the actor learns.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeaseEvent {
    /// Items came back, as suspects.
    pub(super) suspects: bool,
}

pub(super) struct LeaseHeartbeat(JoinHandle<()>);

impl LeaseHeartbeat {
    pub(super) fn start(
        tools: &Arc<Tools>,
        settings: DispatcherSettings,
        items: ClaimedItems,
        events: UnboundedSender<LeaseEvent>,
    ) -> Self {
        let beats = Beats { tools: Arc::clone(tools), settings, items, events, quiet_since: None };
        Self(tools.io.spawn(beats.run()))
    }
}

impl Drop for LeaseHeartbeat {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Beats {
    tools: Arc<Tools>,
    settings: DispatcherSettings,
    items: ClaimedItems,
    events: UnboundedSender<LeaseEvent>,
    /// The last claim behind which the store was seen to hold nothing for this process.
    quiet_since: Option<u64>,
}

impl Beats {
    async fn run(mut self) {
        let mut beat = interval(self.settings.lease / 3);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            let idle =
                self.tools.repository.store.is_sole_writer() && self.quiet_since == Some(self.items.sent());
            if !idle && self.reconcile().await {
                self.reap().await;
            }
        }
    }

    /// How long the store may take to answer: where the reply to a beat is lost, the next is still in time.
    fn limit(&self) -> Duration {
        self.settings.lease * 2 / 3
    }

    /// Whether the store answered.
    async fn reconcile(&mut self) -> bool {
        let answered = self.items.answered();
        let held = self.items.all();
        let idle = held.is_empty();
        let heartbeat = self.heartbeat(answered, held);
        let beat = self.tools.repository.store.heartbeat(&heartbeat);
        let Ok(found) = within(self.limit(), beat).await else { return false };
        for lease in &found.lost {
            if self.items.lost(lease) {
                self.tools.recorder.record(Event::StaleCompletion);
            }
        }
        if found.orphaned > 0 {
            log!(CLAIMS_ORPHANED, pictures = found.orphaned);
            self.tools.recorder.record(Event::ClaimsOrphaned(found.orphaned));
            let _ = self.events.send(LeaseEvent { suspects: false });
        }
        self.quiet_since = (idle && found.claimed == 0).then_some(answered);
        true
    }

    fn heartbeat(&self, answered: u64, held: Vec<huemill_store::store::Lease>) -> Heartbeat {
        let owner = self.tools.owner.clone();
        Heartbeat {
            // An owner is named after where it runs.
            host: owner.0.rsplit_once('-').map_or("", |(host, _)| host).to_owned(),
            owner,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            role: self.settings.role,
            slots: self.settings.slots as u32,
            lease: self.settings.lease,
            answered,
            held,
        }
    }

    async fn reap(&self) {
        let error = ItemError {
            code: Code::InternalError.as_str().to_owned(),
            message: "This picture could not be processed: the service failed over it several times."
                .to_owned(),
        };
        loop {
            let store = &self.tools.repository.store;
            let reap = store.reap(BATCH, self.settings.crashes, &error);
            let Ok(reaped) = within(self.limit(), reap).await else { return };
            let (returned, given_up) = (reaped.returned, reaped.exhausted.len() as u64);
            if returned + given_up > 0 {
                log!(LEASES_EXPIRED, returned, given_up);
                self.tools.recorder.record(Event::LeasesExpired { returned, given_up });
            }
            reaped.exhausted.iter().for_each(tell);
            for ended in &reaped.ended {
                self.tools.ends.tell(ended, Some(Code::InternalError));
            }
            if returned > 0 {
                // No one listens only while the actor restarts; it asks anew then.
                let _ = self.events.send(LeaseEvent { suspects: true });
            }
            if returned + given_up < u64::from(BATCH) {
                return;
            }
        }
    }
}

/// No process is left to say how the picture failed.
fn tell(lost: &ExhaustedItem) {
    log!(
        PICTURE_SETTLED_FAULT,
        request_id = lost.request_id,
        job_id = lost.job.as_str(),
        picture = lost.number,
        attempt = lost.attempts,
        outcome = FAILED,
        error_code = Code::InternalError.as_str(),
        cause = "processes died over it",
        duration_ms = None::<u64>
    );
}
