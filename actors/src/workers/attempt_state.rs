//! What the requester, the actor and a slot's thread share about one attempt: how far it is, until when it is
//! worth anything, and whether anybody still wants it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use huemill_observability::trace::Scope;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::Answer;
use crate::fault::{Code, Fault};

/// How far an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AttemptPhase {
    /// Waits for a slot.
    Queued,
    /// On a slot: the input is read, memory is waited for.
    Preparing,
    /// The picture itself is worked on.
    Working,
}

/// One attempt, seen from outside.
#[derive(Debug)]
pub(super) struct AttemptState {
    pub(super) id: u64,
    /// Fires when nobody wants the answer any more; a child of the requester's token.
    pub(super) cancel: CancellationToken,
    pub(super) asked: Instant,
    /// When the work itself must have begun.
    pub(super) start_by: Instant,
    /// When it must be done.
    pub(super) deadline: Instant,
    /// The trace that it belongs to.
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
        Self { id, cancel, asked: Instant::now(), start_by, deadline, scope, phase: AtomicU8::new(0) }
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

    /// The fault of whoever ran out of time in this phase.
    pub(super) fn late(&self) -> Fault {
        match self.phase() {
            AttemptPhase::Queued => Fault::new(Code::Overloaded).with_cause("no slot was free in time"),
            AttemptPhase::Preparing => Fault::new(Code::Overloaded).with_cause("no memory was free in time"),
            AttemptPhase::Working => Fault::new(Code::ProcessingError)
                .with_message("This picture took too long to process. Send a smaller or simpler one.")
                .with_cause("the picture's deadline passed"),
        }
    }

    /// Why it was told to stop: its time is up, or nobody wants it.
    pub(super) fn stopped(&self) -> StopReason {
        let due = if self.phase() == AttemptPhase::Working { self.deadline } else { self.start_by };
        if Instant::now() >= due { StopReason::Fault(self.late()) } else { StopReason::Canceled }
    }

    /// Awaits the answer within the times of this ticket, whatever happens to actor and thread. When this ends,
    /// for whatever reason, the attempt is no longer wanted.
    pub(super) async fn wait(self: Arc<Self>, mut answer: oneshot::Receiver<Answer>) -> Answer {
        let _no_longer_wanted = self.cancel.clone().drop_guard();
        let timely = async {
            if let Ok(answer) = timeout_at(self.start_by, &mut answer).await {
                return answer.unwrap_or_else(|_| Err(self.lost()));
            }
            if self.phase() < AttemptPhase::Working {
                return Err(self.late());
            }
            match timeout_at(self.deadline, &mut answer).await {
                Ok(answer) => answer.unwrap_or_else(|_| Err(self.lost())),
                Err(_) => Err(self.late()),
            }
        };
        tokio::select! {
            biased;
            answer = timely => answer,
            () = self.cancel.cancelled() => Err(StopReason::Canceled.into()),
        }
    }

    /// Whoever held the attempt let it go without an answer: the actor restarted over its queue, or a thread
    /// ended otherwise than it can.
    fn lost(&self) -> Fault {
        match self.phase() {
            AttemptPhase::Queued => {
                Fault::new(Code::NotReady).with_cause("the workers restarted over their queue")
            }
            _ => Fault::new(Code::InternalError).with_cause("the slot's thread ended without an answer"),
        }
    }
}

/// Why an attempt ended without an outcome.
#[derive(Debug)]
pub(super) enum StopReason {
    /// Nobody wants it any more.
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
    fn from(halt: StopReason) -> Self {
        match halt {
            StopReason::Canceled => Self::new(Code::Overloaded).with_cause("canceled by its requester"),
            StopReason::Fault(fault) => fault,
        }
    }
}
