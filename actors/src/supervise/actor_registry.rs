//! The actor registry: which actors are up. Supervision writes it; Health and tests read it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The state of one supervised actor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ActorStatus {
    /// Whether it takes messages; `false` while it backs off, and permanently once it has failed or ended.
    pub up: bool,
    /// Restarts since the start.
    pub restarts: u64,
}

/// All supervised actors by name; clones share it.
#[derive(Debug, Clone, Default)]
pub struct ActorRegistry(Arc<Mutex<BTreeMap<&'static str, ActorStatus>>>);

impl ActorRegistry {
    /// The state of all actors, by name.
    #[must_use]
    pub fn all(&self) -> BTreeMap<&'static str, ActorStatus> {
        self.lock().clone()
    }

    /// The state of one actor, if it was ever started.
    #[must_use]
    pub fn of(&self, actor: &str) -> Option<ActorStatus> {
        self.lock().get(actor).copied()
    }

    pub(super) fn set_up(&self, actor: &'static str, up: bool) {
        self.lock().entry(actor).or_default().up = up;
    }

    pub(super) fn restarted(&self, actor: &'static str) {
        let mut all = self.lock();
        let status = all.entry(actor).or_default();
        status.up = true;
        status.restarts += 1;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, ActorStatus>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
