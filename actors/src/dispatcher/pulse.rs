//! The pulse: prolongs the leases that are held and takes back those that have run out. On the io runtime, where
//! neither pixels nor a busy arbiter can stall it. Ends when it is dropped.
//!
//! Of a store of one's own only this process's leases matter: nothing is asked while none is held, the first time
//! aside, which takes back what an earlier life left.

use std::collections::HashSet;
use std::sync::Arc;

use huemill_observability::{Event, log};
use huemill_store::job::ItemError;
use huemill_store::store::GivenUp;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::attempt::FAILED;
use super::held::Held;
use super::{DispatcherSettings, Tools};
use crate::fault::Code;

/// Items taken back at a time.
const BATCH: u32 = 100;

/// What the actor is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Note {
    /// Items came back, as suspects.
    pub(super) returned: bool,
}

pub(super) struct Pulse(JoinHandle<()>);

impl Pulse {
    pub(super) fn start(
        tools: &Arc<Tools>,
        settings: DispatcherSettings,
        held: Held,
        notes: UnboundedSender<Note>,
    ) -> Self {
        let tools = Arc::clone(tools);
        Self(tools.io.clone().spawn(async move {
            let mut beat = interval(settings.lease / 3);
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut first = true;
            loop {
                beat.tick().await;
                let idle = tools.records.store.is_sole_writer() && held.len() == 0;
                if idle && !first {
                    continue;
                }
                prolong(&tools, settings, &held).await;
                first = !reap(&tools, settings, &notes).await && first;
            }
        }))
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Stops what is not held any more. What was claimed after the question was asked is not judged by its answer.
async fn prolong(tools: &Tools, settings: DispatcherSettings, held: &Held) {
    let before = held.all();
    if before.is_empty() {
        return;
    }
    let Ok(still) = tools.records.store.heartbeat(&tools.owner, settings.lease).await else { return };
    let still: HashSet<_> = still.into_iter().collect();
    for lease in before.iter().filter(|lease| !still.contains(*lease)) {
        if held.lost(lease) {
            tools.recorder.record(Event::StaleCompletion);
        }
    }
}

/// Nobody lives to tell how the picture failed.
fn tell(lost: &GivenUp) {
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

/// Whether the store answered.
async fn reap(tools: &Tools, settings: DispatcherSettings, notes: &UnboundedSender<Note>) -> bool {
    let error = ItemError {
        code: Code::InternalError.as_str().to_owned(),
        message: "This picture could not be processed: the service failed over it several times.".to_owned(),
    };
    loop {
        let Ok(reaped) = tools.records.store.reap(BATCH, settings.crashes, &error).await else {
            return false;
        };
        let (returned, given_up) = (reaped.returned, reaped.given_up.len() as u64);
        if returned + given_up > 0 {
            log!(LEASES_EXPIRED, returned, given_up);
            tools.recorder.record(Event::LeasesExpired { returned, given_up });
        }
        for lost in &reaped.given_up {
            tell(lost);
        }
        for ended in &reaped.ended {
            tools.ends.tell(ended, Some(Code::InternalError));
        }
        // Nobody listens only while the actor restarts; it asks anew then.
        let _ = notes.send(Note { returned: returned > 0 });
        if returned + given_up < u64::from(BATCH) {
            return true;
        }
    }
}
