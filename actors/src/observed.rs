//! What actors show of their state: each writes its part where it changes, /ready reads all of it. A shared cell rather
//! than a message, so that looking costs an actor nothing and works while its mailbox is full or its handler hangs: then
//! it shows the last state, which is what a reader wants to know.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use huemill_store::job::JobKind;

use crate::clock::Instant;

/// See the module. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Observed(Arc<Mutex<Observation>>);

/// The state of all actors that show theirs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observation {
    /// The Dispatcher's.
    pub dispatcher: DispatcherState,
    /// The Janitor's.
    pub janitor: JanitorState,
    /// The Delivery actor's.
    pub delivery: DeliveryState,
}

/// What the Dispatcher holds, and what it waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DispatcherState {
    /// Pictures that it holds a lease on.
    pub claimed: usize,
    /// Those of them that are still being downloaded.
    pub downloads: usize,
    /// Whether claims pause because store, blobs or workers are away.
    pub paused: Option<Pause>,
    /// Whether suspects wait in the store.
    pub suspects_waiting: bool,
    /// What an operator has paused, as last seen: types of job, or none for all of them.
    pub queue_paused: Vec<Option<JobKind>>,
}

/// A pause of claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// What was away.
    pub cause: String,
    /// When claims go on.
    pub until: Instant,
}

/// What the Janitor does here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JanitorState {
    /// Whether this process has the duty to sweep.
    pub sweeps: bool,
}

/// What the Delivery actor does now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryState {
    /// Webhooks that are being sent.
    pub in_flight: u32,
}

impl Observed {
    /// The state of this moment.
    #[must_use]
    pub fn read(&self) -> Observation {
        self.lock().clone()
    }

    /// What an operator has paused is known anew.
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
