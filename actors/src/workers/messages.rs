//! What callers of Workers use: its settings, and its messages with their answers, which process a picture or report
//! the state of the slots. A picture that fails is answered with a [`Fault`].

use std::time::Duration;

use actix::Message;
use huemill_imaging::{Limits, Options, Outcome};
use huemill_observability::trace::Scope;
use huemill_store::Caller;
use tokio_util::sync::CancellationToken;

use super::input::Input;
use crate::clock::Instant;
use crate::fault::Fault;

settings! {
    /// How many pictures are processed at a time, and how long they may wait.
    #[derive(Debug, Clone)]
    pub struct WorkersSettings {
        /// Pictures processed at a time, at least 1.
        pub slots: usize = std::thread::available_parallelism().map_or(1, usize::from),
        /// Maximum number of clients' pictures that wait for a slot.
        pub queue: usize = 256,
        /// How long a picture may wait for slot and memory together.
        pub queue_wait: Duration = Duration::from_secs(10),
        /// Bytes of memory that all pictures in progress share, inputs read from disk included.
        pub memory: u64 = 512 << 20,
        /// Maximum length of an input in bytes.
        pub longest_input: u64 = 50 << 20,
        /// Maximum size of a picture; error messages name it, the engines enforce it.
        pub limits: Limits = Limits::default(),
        /// How long an attempt may run past its deadline before it is abandoned.
        pub grace: Duration = Duration::from_secs(5),
        /// Maximum number of abandoned threads; one more is a fatal error.
        pub most_abandoned: usize = 4,
    }
}

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
    /// Whose picture it is.
    pub caller: Caller,
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
    /// Attempts in the guest slot, 0 or 1. It is not one of the slots.
    pub guests: usize,
    /// Attempts that wait for a slot.
    pub queued: usize,
    /// Abandoned threads that still run.
    pub abandoned: usize,
}
