//! What is asked of the workers, and what they answer.

use std::time::Duration;

use actix::Message;
use huemill_imaging::{Options, Outcome};
use huemill_observability::trace::Scope;

use super::{Cancel, Input};
use crate::clock::Instant;
use crate::fault::Fault;

/// Work on one picture; answered with its [`Done`]. Sent through
/// [`run`](super::run()), which cancels when it is dropped.
#[derive(Debug)]
pub struct Run {
    /// Where the bytes are.
    pub input: Input,
    /// What to make of them.
    pub options: Options,
    /// When the answer is no longer of use.
    pub deadline: Instant,
    /// Fires when the work is no longer wanted.
    pub cancel: Cancel,
    /// Who waits for it.
    pub class: Class,
    /// Whether the attempt counts among the attempts of customers: all but the canary do.
    pub counted: bool,
    /// The trace that it belongs to.
    pub scope: Scope,
}

/// Who waits for a picture, which decides its place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A client that holds its connection: waits for slot and memory no longer than `queue_wait`.
    Interactive,
    /// A job. Goes after the clients, but always has the share of one slot at least.
    Batch {
        /// When it must have its slot and its memory.
        start_by: Instant,
    },
}

impl Message for Run {
    type Result = Answer;
}

/// A picture that was worked on.
#[derive(Debug)]
pub struct Done {
    /// Everything that was made of it.
    pub outcome: Outcome,
    /// How long it waited for its slot.
    pub waited: Duration,
    /// How long it was on its slot, waiting for memory included.
    pub worked: Duration,
}

/// What becomes of a [`Run`].
pub type Answer = Result<Done, Fault>;
