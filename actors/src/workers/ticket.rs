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
pub(super) enum Phase {
    /// Waits for a slot.
    Queued,
    /// On a slot: the input is read, memory is waited for.
    Preparing,
    /// The picture itself is worked on.
    Working,
}

/// One attempt, seen from outside.
#[derive(Debug)]
pub(super) struct Ticket {
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

impl Ticket {
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

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Queued,
            1 => Phase::Preparing,
            _ => Phase::Working,
        }
    }

    /// The fault of whoever ran out of time in this phase.
    pub(super) fn late(&self) -> Fault {
        match self.phase() {
            Phase::Queued => Fault::new(Code::Overloaded).because("no slot was free in time"),
            Phase::Preparing => Fault::new(Code::Overloaded).because("no memory was free in time"),
            Phase::Working => Fault::new(Code::ProcessingError)
                .told("This picture took too long to process. Send a smaller or simpler one.")
                .because("the picture's deadline passed"),
        }
    }

    /// Why it was told to stop: its time is up, or nobody wants it.
    pub(super) fn stopped(&self) -> Halt {
        let due = if self.phase() == Phase::Working { self.deadline } else { self.start_by };
        if Instant::now() >= due { Halt::Fault(self.late()) } else { Halt::Canceled }
    }

    /// Awaits the answer within the times of this ticket, whatever happens to actor and thread. When this ends,
    /// for whatever reason, the attempt is no longer wanted.
    pub(super) async fn wait(self: Arc<Self>, mut answer: oneshot::Receiver<Answer>) -> Answer {
        let _no_longer_wanted = self.cancel.clone().drop_guard();
        let timely = async {
            if let Ok(answer) = timeout_at(self.start_by, &mut answer).await {
                return answer.unwrap_or_else(|_| Err(self.lost()));
            }
            if self.phase() < Phase::Working {
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
            () = self.cancel.cancelled() => Err(Halt::Canceled.into()),
        }
    }

    /// Whoever held the attempt let it go without an answer: the actor restarted over its queue, or a thread
    /// ended otherwise than it can.
    fn lost(&self) -> Fault {
        match self.phase() {
            Phase::Queued => Fault::new(Code::NotReady).because("the workers restarted over their queue"),
            _ => Fault::new(Code::InternalError).because("the slot's thread ended without an answer"),
        }
    }
}

/// Why an attempt ended without an outcome.
#[derive(Debug)]
pub(super) enum Halt {
    /// Nobody wants it any more.
    Canceled,
    /// It failed.
    Fault(Fault),
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Halt> for Fault {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Canceled => Self::new(Code::Overloaded).because("canceled by its requester"),
            Halt::Fault(fault) => fault,
        }
    }
}
