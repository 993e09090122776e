//! What actors publish of their state: each writes its own part, /ready reads all of it.
//!
//! It is a shared cell rather than a message, so that reading costs the actor nothing and works while its mailbox is
//! full or its handler hangs. Then it shows the last state.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use huemill_store::job::JobKind;

use crate::clock::Instant;

/// The published state. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Observed(Arc<Mutex<Observation>>);

/// The state of all actors that publish one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observation {
    /// The Dispatcher's.
    pub dispatcher: DispatcherState,
    /// The Janitor's.
    pub janitor: JanitorState,
    /// The Delivery actor's.
    pub delivery: DeliveryState,
}

/// What the Dispatcher holds and waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DispatcherState {
    /// Pictures that it holds a lease on.
    pub claimed: usize,
    /// How many of them are still downloading.
    pub downloads: usize,
    /// Set while claims pause because the store, blobs or workers are unavailable.
    pub paused: Option<Pause>,
    /// Whether suspect pictures wait in the store.
    pub suspects_waiting: bool,
    /// Job types that an operator has paused, as last seen; `None` stands for all types.
    pub queue_paused: Vec<Option<JobKind>>,
}

/// A pause of claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// What was unavailable.
    pub cause: String,
    /// When claims resume.
    pub until: Instant,
}

/// What the Janitor does in this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JanitorState {
    /// Whether this process currently holds the sweep duty.
    pub sweeps: bool,
}

/// What the Delivery actor does now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryState {
    /// Webhooks that are being sent.
    pub in_flight: u32,
}

impl Observed {
    /// The current state.
    #[must_use]
    pub fn read(&self) -> Observation {
        self.lock().clone()
    }

    /// Replaces what an operator has paused.
    pub fn queue_paused(&self, paused: Vec<Option<JobKind>>) {
        self.lock().dispatcher.queue_paused = paused;
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut Observation)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Observation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
