//! The messages of Workers and their answers: process a picture, or report the state of the slots.

use std::time::Duration;

use actix::Message;
use huemill_imaging::{Options, Outcome};
use huemill_observability::trace::Scope;
use tokio_util::sync::CancellationToken;

use super::input::Input;
use crate::clock::Instant;
use crate::fault::Fault;

/// Processes one picture; the answer is [`Done`]. Send it through [`run`](super::run()), which cancels it when
/// dropped.
#[derive(Debug)]
pub struct Run {
    /// Where the bytes are.
    pub input: Input,
    /// What to make of the picture.
    pub options: Options,
    /// When the answer is no longer useful.
    pub deadline: Instant,
    /// Fires when the caller no longer wants the result.
    pub cancel: CancellationToken,
    /// Who waits for the result.
    pub class: Class,
    /// Whether the attempt counts in the metrics; all but the canary do.
    pub counted: bool,
    /// The trace to which it belongs.
    pub scope: Scope,
}

/// Who waits for a picture. This decides its place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A client that holds its connection; waits for slot and memory no longer than `queue_wait`.
    Interactive,
    /// A job. Clients go first, but jobs always get at least the share of one slot.
    Batch {
        /// When it must have its slot and its memory.
        start_by: Instant,
    },
}

impl Message for Run {
    type Result = RunResult;
}

/// The answer to a [`Run`].
pub type RunResult = Result<Done, Fault>;

/// A processed picture.
#[derive(Debug)]
pub struct Done {
    /// What was made of it.
    pub outcome: Outcome,
    /// How long it waited for its slot.
    pub waited: Duration,
    /// How long it was on its slot, waiting for memory included.
    pub worked: Duration,
}

/// Checks that the slots are alive. The answer comes when each thread has answered or processes an attempt that is
/// not overdue; the caller sets the time limit.
#[derive(Debug, Clone, Copy)]
pub struct PingSlots;

impl Message for PingSlots {
    type Result = SlotFigures;
}

/// The state of the slots and their queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotFigures {
    /// Number of slots.
    pub slots: usize,
    /// Slots that process an attempt.
    pub busy: usize,
    /// Attempts that wait for a slot.
    pub queued: usize,
    /// Abandoned threads that still run.
    pub abandoned: usize,
}
