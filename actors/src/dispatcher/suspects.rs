//! Suspects: items that were in flight when a process died. No two of them are worked on at a time here, and one that has
//! to be isolated is alone in the process.

use std::time::Duration;

use huemill_store::store::Selection;

use crate::clock::Instant;

/// What waits that must not be together, and what of it is in flight here.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Suspects {
    /// Suspects wait in the store.
    pub(super) waiting: bool,
    /// Items wait in the store that must be alone.
    pub(super) isolated_waiting: bool,
    /// One of either kind is in flight.
    pub(super) in_flight: Option<Selection>,
    /// Asked for in vain: another process was quicker. Not asked for again before this.
    pub(super) not_before: Option<Instant>,
}

impl Suspects {
    /// Which kind is to be asked for, if one is.
    pub(super) fn wanted(&self) -> Option<Selection> {
        let too_soon = self.not_before.is_some_and(|at| Instant::now() < at);
        match self.in_flight {
            _ if too_soon => None,
            None if self.isolated_waiting => Some(Selection::Isolated),
            None if self.waiting => Some(Selection::Suspect),
            _ => None,
        }
    }
}

/// How long after a vain claim suspects are asked for again.
pub(super) const SUSPECTS_AGAIN: Duration = Duration::from_secs(1);
