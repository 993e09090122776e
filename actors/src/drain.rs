//! Draining: the flag that stops new work, and the message that waits for work in flight. A leaf that the actors
//! share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix::Message;

use crate::clock::Instant;

/// Whether the service drains: from then on nothing new is accepted, and /ready says so. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct DrainFlag(Arc<AtomicBool>);

impl DrainFlag {
    /// Starts the drain, permanently.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether the drain has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Sent to Dispatcher and Delivery once the service drains, so that they start nothing more. They answer when their
/// work in flight has ended, or at the deadline; then the Dispatcher gives back the rest.
#[derive(Debug, Clone, Copy)]
pub struct Drain {
    /// The deadline.
    pub until: Instant,
}

impl Message for Drain {
    type Result = ();
}
