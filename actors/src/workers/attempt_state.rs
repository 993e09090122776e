//! The state of one attempt, shared by the caller, the actor and the slot's thread: how far it is, its deadlines, and
//! whether anyone still wants it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use huemill_observability::trace::Scope;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::messages::RunResult;
use crate::fault::{Code, Fault};

/// How far an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AttemptPhase {
    /// It waits for a slot.
    Queued,
    /// It is on a slot, reads its input and waits for memory.
    Preparing,
    /// It processes the picture.
    Working,
}

/// The state of one attempt.
#[derive(Debug)]
pub(super) struct AttemptState {
    pub(super) id: u64,
    /// Fires when no one wants the result any more; a child of the caller's token.
    pub(super) cancel: CancellationToken,
    pub(super) requested: Instant,
    /// When processing must have begun.
    pub(super) start_by: Instant,
    /// When it must have ended.
    pub(super) deadline: Instant,
    /// The trace to which it belongs.
    pub(super) scope: Scope,
    phase: AtomicU8,
}

impl AttemptState {
    pub(super) fn new(
        id: u64,
        cancel: CancellationToken,
        start_by: Instant,
        deadline: Instant,
        scope: Scope,
    ) -> Self {
        let start_by = start_by.min(deadline);
        Self { id, cancel, requested: Instant::now(), start_by, deadline, scope, phase: AtomicU8::new(0) }
    }

    pub(super) fn enter(&self, phase: AttemptPhase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    pub(super) fn phase(&self) -> AttemptPhase {
        match self.phase.load(Ordering::Acquire) {
            0 => AttemptPhase::Queued,
            1 => AttemptPhase::Preparing,
            _ => AttemptPhase::Working,
        }
    }

    /// The fault of an attempt that times out in its current phase.
    pub(super) fn timeout_fault(&self) -> Fault {
        match self.phase() {
            AttemptPhase::Queued => Fault::new(Code::Overloaded).with_cause("no slot was free in time"),
            AttemptPhase::Preparing => Fault::new(Code::Overloaded).with_cause("no memory was free in time"),
            AttemptPhase::Working => Fault::new(Code::ProcessingError)
                .with_message("This picture took too long to process. Send a smaller or simpler one.")
                .with_cause("the picture's deadline passed"),
        }
    }

    /// Why it was told to stop: it timed out, or no one wants the result.
    pub(super) fn stop_reason(&self) -> StopReason {
        let due = if self.phase() == AttemptPhase::Working { self.deadline } else { self.start_by };
        if Instant::now() >= due { StopReason::Fault(self.timeout_fault()) } else { StopReason::Canceled }
    }

    /// Awaits the result within the deadlines, whatever happens to the actor and the thread. When this future ends
    /// or is dropped, the attempt is canceled.
    pub(super) async fn wait(self: Arc<Self>, mut result: oneshot::Receiver<RunResult>) -> RunResult {
        let _cancel_on_drop = self.cancel.clone().drop_guard();
        let in_time = async {
            if let Ok(result) = timeout_at(self.start_by, &mut result).await {
                return result.unwrap_or_else(|_| Err(self.lost_fault()));
            }
            if self.phase() < AttemptPhase::Working {
                return Err(self.timeout_fault());
            }
            match timeout_at(self.deadline, &mut result).await {
                Ok(result) => result.unwrap_or_else(|_| Err(self.lost_fault())),
                Err(_) => Err(self.timeout_fault()),
            }
        };
        tokio::select! {
            biased;
            result = in_time => result,
            () = self.cancel.cancelled() => Err(StopReason::Canceled.into()),
        }
    }

    /// The fault of an attempt that was dropped without a result: the actor restarted and cleared its queue, or a
    /// thread ended unexpectedly.
    fn lost_fault(&self) -> Fault {
        match self.phase() {
            AttemptPhase::Queued => {
                Fault::new(Code::NotReady).with_cause("the workers restarted and cleared their queue")
            }
            _ => Fault::new(Code::InternalError).with_cause("the slot's thread ended without an answer"),
        }
    }
}

/// Why an attempt ended without an outcome.
#[derive(Debug)]
pub(super) enum StopReason {
    /// No one wants the result any more.
    Canceled,
    /// It failed.
    Fault(Fault),
}

impl From<Fault> for StopReason {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StopReason> for Fault {
    fn from(stop: StopReason) -> Self {
        match stop {
            StopReason::Canceled => Self::new(Code::Overloaded).with_cause("canceled by the caller"),
            StopReason::Fault(fault) => fault,
        }
    }
}
