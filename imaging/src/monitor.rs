//! The pipeline's only view of its caller: a clock, and whether the work was canceled.

use std::time::Duration;

/// Supplied by the caller. The pipeline calls it between stages and while a decoder reads.
pub trait Monitor {
    /// Time since any fixed moment: wall clock, CPU time or a test clock. Only differences are used.
    fn now(&self) -> Duration;

    /// Whether the work should stop.
    fn canceled(&self) -> bool;
}

/// A monitor for callers that neither measure nor cancel.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unmonitored;

impl Monitor for Unmonitored {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn canceled(&self) -> bool {
        false
    }
}
