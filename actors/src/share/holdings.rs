//! Who holds how many of the shared places, and who waits for how many: the accounts behind
//! [`Places`](super::Places), which locks them. State is kept only for callers that hold something or wait.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use huemill_store::Caller;

use super::threshold::{self, NoPlace};
use crate::turns::Turns;

/// How many places there are, and how many of them one caller may hold at most, whatever is free.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) total: u64,
    pub(super) most: u64,
}

impl Size {
    fn may_take(self, held: u64, free: u64, amount: u64) -> Result<(), NoPlace> {
        if held.saturating_add(amount) > self.most {
            return Err(NoPlace::ShareUsed(self.most));
        }
        threshold::may_take(held, free, amount)
    }
}

/// A request that waits for so many places, and how it is told of them.
#[derive(Debug)]
pub(super) struct Waiting<Grant> {
    pub(super) amount: u64,
    pub(super) grant: Grant,
}

/// The accounts of all callers.
#[derive(Debug)]
pub(super) struct Holdings<Grant> {
    taken: u64,
    callers: HashMap<Caller, u64>,
    waiting: Turns<Waiting<Grant>>,
}

impl<Grant> Default for Holdings<Grant> {
    fn default() -> Self {
        Self { taken: 0, callers: HashMap::new(), waiting: Turns::default() }
    }
}

impl<Grant> Holdings<Grant> {
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    pub(super) fn taken_by(&self, caller: Caller) -> u64 {
        self.callers.get(&caller).copied().unwrap_or(0)
    }

    pub(super) fn holders(&self) -> Vec<Caller> {
        self.callers.keys().copied().collect()
    }

    fn free(&self, size: Size) -> u64 {
        size.total.saturating_sub(self.taken)
    }

    pub(super) fn may_take(&self, size: Size, caller: Caller, amount: u64) -> Result<(), NoPlace> {
        size.may_take(self.taken_by(caller), self.free(size), amount)
    }

    /// How many more a caller that holds so many may take, one after the other.
    pub(super) fn room(&self, size: Size, held: u64) -> u64 {
        threshold::room(held, self.free(size)).min(size.most.saturating_sub(held))
    }

    pub(super) fn take(&mut self, caller: Caller, amount: u64) {
        if amount == 0 {
            // Nothing is held, so there is nothing to remember of the caller.
            return;
        }
        self.taken += amount;
        *self.callers.entry(caller).or_default() += amount;
    }

    pub(super) fn give_back(&mut self, caller: Caller, amount: u64) {
        self.taken -= amount;
        if let Entry::Occupied(mut held) = self.callers.entry(caller) {
            *held.get_mut() -= amount;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }

    pub(super) fn wait(&mut self, caller: Caller, waiting: Waiting<Grant>) {
        self.waiting.push(caller, waiting);
    }

    /// Takes the places of the next request that can be granted: of the first caller in turn whose oldest request fits.
    pub(super) fn grant_next(&mut self, size: Size) -> Option<(Caller, Waiting<Grant>)> {
        let free = self.free(size);
        let Self { callers, waiting, .. } = self;
        let (caller, granted) = waiting.pop_if(|caller, next| {
            let held = callers.get(&caller).copied().unwrap_or(0);
            size.may_take(held, free, next.amount).is_ok()
        })?;
        self.take(caller, granted.amount);
        Some((caller, granted))
    }

    /// Forgets the requests that are not waited for any more.
    pub(super) fn forget(&mut self, is_withdrawn: impl Fn(&Grant) -> bool) {
        self.waiting.retain(|waiting| !is_withdrawn(&waiting.grant));
    }

    /// Whether nobody holds anything or waits.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.callers.is_empty() && self.waiting.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_holds_its_maximum_at_most() {
        let [first, second] = [1, 2].map(|number| Caller::of_address([192, 0, 2, number].into()));
        let (size, mut holdings) = (Size { total: 90, most: 5 }, Holdings::<()>::default());
        for _ in 0..5 {
            holdings.may_take(size, first, 1).unwrap();
            holdings.take(first, 1);
        }
        assert_eq!((holdings.room(size, 5), holdings.room(size, 0)), (0, 5));
        assert_eq!(holdings.may_take(size, first, 1).unwrap_err(), NoPlace::ShareUsed(5));
        holdings.may_take(size, second, 5).unwrap();
        holdings.give_back(first, 5);
        assert!(holdings.may_take(size, first, 1).is_ok() && holdings.is_empty());
    }
}
