//! All slots: the regular ones, and behind them one for guests, which is used only while all others are taken. Workers
//! owns it.

use std::ops::{Deref, DerefMut};

use huemill_store::Caller;

use super::slot::{CurrentWork, Slot};

/// The slots, the guest slot being the last one. Without any, nothing is free.
#[derive(Default)]
pub(super) struct Slots(Vec<Slot>);

/// A slot that processes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FreeSlot {
    pub(super) index: usize,
    pub(super) is_for_guests: bool,
}

impl Slots {
    /// So many slots, and the guest slot.
    pub(super) fn start(regular: usize, start: impl FnMut(usize) -> Slot) -> Self {
        Self((0..=regular).map(start).collect())
    }

    /// All slots but the one for guests.
    pub(super) fn regular(&self) -> &[Slot] {
        self.0.split_last().map_or(&[], |(_, regular)| regular)
    }

    /// The slot for the next attempt.
    pub(super) fn free(&self) -> Option<FreeSlot> {
        let index = self.0.iter().position(|slot| slot.work.is_none())?;
        Some(FreeSlot { index, is_for_guests: index + 1 == self.0.len() })
    }

    /// Whether a client's attempt of this caller gets a slot without waiting.
    pub(super) fn serve_at_once(&self, caller: Caller) -> bool {
        self.free().is_some_and(|free| !free.is_for_guests || !self.callers().any(|one| one == caller))
    }

    /// The callers that have something in work.
    pub(super) fn callers(&self) -> impl Iterator<Item = Caller> {
        self.work().map(|work| work.caller)
    }

    /// Whether an attempt of a job is in work.
    pub(super) fn have_batch(&self) -> bool {
        self.work().any(|work| work.batch)
    }

    /// How many regular slots are in use, and how many guests there are.
    pub(super) fn busy(&self) -> (usize, usize) {
        let regular = self.regular().iter().filter(|slot| slot.work.is_some()).count();
        (regular, self.work().count() - regular)
    }

    fn work(&self) -> impl Iterator<Item = &CurrentWork> {
        self.0.iter().filter_map(|slot| slot.work.as_ref())
    }
}

impl Deref for Slots {
    type Target = [Slot];

    fn deref(&self) -> &[Slot] {
        &self.0
    }
}

impl DerefMut for Slots {
    fn deref_mut(&mut self) -> &mut [Slot] {
        &mut self.0
    }
}
