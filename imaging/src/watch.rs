//! What the pipeline asks of the world: the time, and whether to go on.

use std::time::Duration;

/// Handed in by the caller; asked between stages and while a decoder reads.
pub trait Watch {
    /// Time since any fixed moment. Wall clock, CPU time or a test's own: only differences are used.
    fn now(&self) -> Duration;

    /// Whether the work is no longer wanted.
    fn canceled(&self) -> bool;
}

/// A watch for callers who neither measure nor cancel.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn canceled(&self) -> bool {
        false
    }
}
