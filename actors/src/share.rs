//! Places that callers share, such as those for uploads, downloads or bytes: nobody can take them all.
//!
//! The rule is the dynamic threshold of Choudhury and Hahne ("Dynamic Queue Length Thresholds for Shared-Memory Packet
//! Switches", 1998): a caller may hold up to twice as much as is free. One caller alone gets two thirds, two get two
//! fifths each, and there is always something left for the next. A caller that holds nothing gets whatever fits.
//!
//! [`Places::try_take`] refuses at once, [`Places::take`] waits: the callers that wait are served in turns, each in the
//! order of its own requests. State is kept only for callers that hold something or wait. Nothing here fails.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use huemill_store::Caller;
use tokio::sync::oneshot;

use crate::fault::{Code, Fault};

/// How often what is free a caller may hold.
const THRESHOLD: u64 = 2;

/// Why there is no place now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlace {
    /// The caller holds its share, which is so many places at the moment: others would still get one.
    ShareUsed(u64),
    /// All places are taken.
    AllTaken,
}

impl NoPlace {
    /// The fault of a caller for whom there is no place: the caller's own if its share is used, ours if there is none
    /// for anybody. `what` says in the plural what the places are for.
    #[must_use]
    pub fn into_fault(self, policy: &'static str, what: &str, cause: &'static str) -> Fault {
        match self {
            Self::ShareUsed(share) => share_used(policy, what, share).with_cause(cause),
            Self::AllTaken => Fault::new(Code::Overloaded).with_cause(cause),
        }
    }
}

/// The fault of a caller that holds its whole share.
pub(crate) fn share_used(policy: &'static str, what: &str, share: u64) -> Fault {
    let message = format!(
        "You have as many {what} as one client may have at a time, which is {share} at the moment (limit `{policy}`). \
         Try again when some of them have ended."
    );
    Fault::new(Code::RateLimited).with_message(message).with_policy(policy)
}

/// Whether a caller that holds this much may take more, while so much is free.
pub(crate) fn may_take(held: u64, free: u64, amount: u64) -> Result<(), NoPlace> {
    // The most for which `share <= THRESHOLD * (held + free - share)`.
    let used = NoPlace::ShareUsed(THRESHOLD.saturating_mul(held.saturating_add(free)) / (THRESHOLD + 1));
    if amount > free {
        return Err(if held > THRESHOLD.saturating_mul(free) { used } else { NoPlace::AllTaken });
    }
    let is_within = held + amount <= THRESHOLD.saturating_mul(free - amount);
    if held == 0 || is_within { Ok(()) } else { Err(used) }
}

/// Places for all callers together. Clones share them.
#[derive(Debug, Clone)]
pub struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    size: Size,
    state: Mutex<State>,
}

/// How many places there are, and how many of them one caller may hold at most, whatever is free.
#[derive(Debug, Clone, Copy)]
struct Size {
    total: u64,
    most: u64,
}

#[derive(Debug, Default)]
struct State {
    taken: u64,
    callers: HashMap<Caller, Use>,
    /// The callers that wait, the next one first.
    turns: VecDeque<Caller>,
}

/// What one caller holds, and what it waits for.
#[derive(Debug, Default)]
struct Use {
    taken: u64,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    amount: u64,
    granted: oneshot::Sender<Place>,
}

/// Places that a caller holds, until this is dropped.
#[derive(Debug)]
#[must_use = "the places are free again as soon as this is dropped"]
pub struct Place {
    places: Places,
    caller: Caller,
    amount: u64,
}

impl State {
    fn may_take(&self, size: Size, caller: Caller, amount: u64) -> Result<(), NoPlace> {
        let held = self.callers.get(&caller).map_or(0, |held| held.taken);
        if held.saturating_add(amount) > size.most {
            return Err(NoPlace::ShareUsed(size.most));
        }
        may_take(held, size.total.saturating_sub(self.taken), amount)
    }

    /// How many more a caller that holds so many may take, one after the other.
    fn room(&self, size: Size, held: u64) -> u64 {
        let free = size.total.saturating_sub(self.taken);
        // The most `more` for which `held + more <= THRESHOLD * (free - more)`.
        let more = THRESHOLD.saturating_mul(free).saturating_sub(held) / (THRESHOLD + 1);
        let more = if held == 0 { more.max(free.min(1)) } else { more };
        more.min(size.most.saturating_sub(held))
    }

    fn take(&mut self, caller: Caller, amount: u64) {
        if amount == 0 {
            // Nothing is held, so there is nothing to remember of the caller.
            return;
        }
        self.taken += amount;
        self.callers.entry(caller).or_default().taken += amount;
    }

    fn give_back(&mut self, caller: Caller, amount: u64) {
        self.taken -= amount;
        if let Entry::Occupied(mut entry) = self.callers.entry(caller) {
            entry.get_mut().taken -= amount;
            if entry.get().taken == 0 && entry.get().waiting.is_empty() {
                entry.remove();
            }
        }
    }

    /// The next request that can be granted: of the first caller in turn whose oldest request fits. That caller goes to
    /// the end of the line.
    fn next_granted(&mut self, size: Size) -> Option<(Caller, Waiting)> {
        for at in 0..self.turns.len() {
            let caller = self.turns[at];
            let next = self.callers.get(&caller).and_then(|held| held.waiting.front());
            let Some(amount) = next.map(|next| next.amount) else { continue };
            if self.may_take(size, caller, amount).is_err() {
                continue;
            }
            self.turns.remove(at);
            let held = self.callers.entry(caller).or_default();
            let granted = held.waiting.pop_front();
            if !held.waiting.is_empty() {
                self.turns.push_back(caller);
            }
            self.take(caller, amount);
            return granted.map(|waiting| (caller, waiting));
        }
        None
    }
}

impl Places {
    /// This many places.
    #[must_use]
    pub fn new(total: u64) -> Self {
        Self::limited(total, u64::MAX)
    }

    /// This many places, of which a caller may hold so many at most.
    #[must_use]
    pub fn limited(total: u64, most: u64) -> Self {
        Self(Arc::new(Inner { size: Size { total, most }, state: Mutex::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many places there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.size.total
    }

    /// How many are taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.lock().taken
    }

    /// How many this caller has.
    #[must_use]
    pub fn taken_by(&self, caller: Caller) -> u64 {
        self.lock().callers.get(&caller).map_or(0, |held| held.taken)
    }

    /// How many places this caller could take now, one after the other.
    #[must_use]
    pub fn room(&self, caller: Caller) -> u64 {
        let state = self.lock();
        state.room(self.0.size, state.callers.get(&caller).map_or(0, |held| held.taken))
    }

    /// How many places a caller that holds none could take now, one after the other.
    #[must_use]
    pub fn room_for_another(&self) -> u64 {
        self.lock().room(self.0.size, 0)
    }

    /// The callers that hold places.
    #[must_use]
    pub fn holders(&self) -> Vec<Caller> {
        let state = self.lock();
        state.callers.iter().filter(|(_, held)| held.taken > 0).map(|(caller, _)| *caller).collect()
    }

    /// Takes places, or says why there are none.
    ///
    /// # Errors
    /// The caller's share is used, or all places are taken.
    pub fn try_take(&self, caller: Caller, amount: u64) -> Result<Place, NoPlace> {
        self.try_take_within(caller, amount, None)
    }

    /// The same for a caller with a limit of its own in place of that for each; 0 is no limit.
    ///
    /// # Errors
    /// As [`Places::try_take`].
    pub fn try_take_within(&self, caller: Caller, amount: u64, most: Option<u64>) -> Result<Place, NoPlace> {
        let mut state = self.lock();
        let Size { total, most: of_all } = self.0.size;
        let size = Size { total, most: most.map_or(of_all, |most| if most == 0 { u64::MAX } else { most }) };
        state.may_take(size, caller, amount)?;
        state.take(caller, amount);
        drop(state);
        Ok(Place { places: self.clone(), caller, amount })
    }

    /// Waits for places. Dropping the future withdraws the request. More than there are in all are never granted.
    pub async fn take(&self, caller: Caller, amount: u64) -> Place {
        let (granted, place) = oneshot::channel();
        {
            let mut state = self.lock();
            let held = state.callers.entry(caller).or_default();
            held.waiting.push_back(Waiting { amount, granted });
            if held.waiting.len() == 1 {
                state.turns.push_back(caller);
            }
        }
        let withdrawn = Withdrawal(self);
        self.grant();
        let place = place.await;
        std::mem::forget(withdrawn);
        match place {
            Ok(place) => place,
            // The sender lives in the state, which this handle keeps alive.
            Err(_) => std::future::pending().await,
        }
    }

    /// Grants what can be granted.
    fn grant(&self) {
        loop {
            let next = self.lock().next_granted(self.0.size);
            let Some((caller, waiting)) = next else { return };
            // If whoever waited is gone, the place comes back and is given back here.
            let place = Place { places: self.clone(), caller, amount: waiting.amount };
            let _ = waiting.granted.send(place);
        }
    }

    /// Forgets requests whose future was dropped.
    fn forget_withdrawn(&self) {
        let mut state = self.lock();
        state.callers.retain(|_, held| {
            held.waiting.retain(|waiting| !waiting.granted.is_closed());
            held.taken > 0 || !held.waiting.is_empty()
        });
        let State { callers, turns, .. } = &mut *state;
        turns.retain(|caller| callers.get(caller).is_some_and(|held| !held.waiting.is_empty()));
    }
}

/// Cleans up after a request that was withdrawn.
struct Withdrawal<'a>(&'a Places);

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        self.0.forget_withdrawn();
        self.0.grant();
    }
}

impl Place {
    /// Takes more for the same caller.
    ///
    /// # Errors
    /// The caller's share is used, or all places are taken.
    pub fn grow(&mut self, amount: u64) -> Result<(), NoPlace> {
        let mut state = self.places.lock();
        state.may_take(self.places.0.size, self.caller, amount)?;
        state.take(self.caller, amount);
        drop(state);
        self.amount += amount;
        Ok(())
    }

    /// Gives back all but this many.
    pub fn shrink_to(&mut self, amount: u64) {
        let surplus = self.amount.saturating_sub(amount);
        self.amount -= surplus;
        self.give_back(surplus);
    }

    /// All places, of which these are some.
    #[must_use]
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// How many these are.
    #[must_use]
    pub fn amount(&self) -> u64 {
        self.amount
    }

    fn give_back(&self, amount: u64) {
        if amount > 0 {
            self.places.lock().give_back(self.caller, amount);
            self.places.grant();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.give_back(self.amount);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use proptest::prelude::*;

    use super::*;

    fn caller(number: u8) -> Caller {
        Caller::of_address([192, 0, 2, number].into())
    }

    /// Takes single places until there are no more.
    fn take_all(places: &Places, caller: Caller) -> Vec<Place> {
        std::iter::from_fn(|| places.try_take(caller, 1).ok()).collect()
    }

    #[test]
    fn one_caller_gets_two_thirds_and_the_next_gets_some() {
        let places = Places::new(90);
        let first = take_all(&places, caller(1));
        assert_eq!(first.len(), 60);
        assert_eq!(places.try_take(caller(1), 1).unwrap_err(), NoPlace::ShareUsed(60));
        let second = take_all(&places, caller(2));
        assert_eq!(second.len(), 20);
        assert_eq!(take_all(&places, caller(3)).len(), 6);
        drop((first, second));
        assert_eq!(places.taken(), 0);
    }

    #[test]
    fn a_caller_without_any_gets_whatever_fits() {
        let places = Places::new(10);
        let large = places.try_take(caller(1), 10).unwrap();
        assert_eq!(places.try_take(caller(2), 1).unwrap_err(), NoPlace::AllTaken);
        drop(large);
        let _small = places.try_take(caller(2), 1).unwrap();
        assert_eq!(places.try_take(caller(1), 10).unwrap_err(), NoPlace::AllTaken);
    }

    #[test]
    fn a_caller_holds_its_maximum_at_most() {
        let places = Places::limited(90, 5);
        let first = take_all(&places, caller(1));
        assert_eq!((first.len(), places.room(caller(1)), places.room(caller(2))), (5, 0, 5));
        assert_eq!(places.try_take(caller(1), 1).unwrap_err(), NoPlace::ShareUsed(5));
        let _second = places.try_take(caller(2), 5).unwrap();
        drop(first);
        let _again = places.try_take(caller(1), 1).unwrap();
    }

    #[test]
    fn places_grow_and_shrink_within_the_share() {
        let places = Places::new(30);
        let mut place = places.try_take(caller(1), 1).unwrap();
        place.grow(19).unwrap();
        assert_eq!(place.grow(1).unwrap_err(), NoPlace::ShareUsed(20));
        place.shrink_to(5);
        assert_eq!((places.taken(), place.amount()), (5, 5));
        drop(place);
        assert_eq!(places.taken(), 0);
    }

    #[tokio::test]
    async fn those_who_wait_are_served_in_turns() {
        let places = Places::new(1);
        let held = places.take(caller(9), 1).await;
        let mut waiting: Vec<_> =
            [1, 1, 1, 2].into_iter().map(|number| Box::pin(places.take(caller(number), 1))).collect();
        for request in &mut waiting {
            assert!(request.now_or_never().is_none());
        }
        drop(held);
        // The order: 1, 2, 1, 1.
        for index in [0, 2, 0, 0] {
            drop(waiting.remove(index).now_or_never().expect("it is its turn"));
        }
        assert_eq!(places.taken(), 0);
    }

    #[tokio::test]
    async fn a_request_that_is_withdrawn_blocks_nobody() {
        let places = Places::new(1);
        let held = places.take(caller(1), 1).await;
        let mut first = Box::pin(places.take(caller(2), 1));
        let mut second = Box::pin(places.take(caller(2), 1));
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        drop(first);
        drop(held);
        drop(second.now_or_never().expect("it is its turn"));
        let state = places.lock();
        assert!(state.callers.is_empty() && state.turns.is_empty());
    }

    proptest! {
        #[test]
        fn the_sums_always_agree(steps in proptest::collection::vec((0u8..4, 0u64..20, any::<bool>()), 0..60)) {
            let places = Places::new(40);
            let mut held: Vec<Place> = Vec::new();
            for (number, amount, takes) in steps {
                if takes {
                    held.extend(places.try_take(caller(number), amount));
                } else if !held.is_empty() {
                    drop(held.remove(amount as usize % held.len()));
                }
                let sum: u64 = held.iter().map(Place::amount).sum();
                prop_assert_eq!(places.taken(), sum);
                prop_assert!(sum <= 40);
                let room = places.room(caller(number));
                let taken: Vec<_> = take_all(&places, caller(number));
                prop_assert_eq!(taken.len() as u64, room);
            }
            drop(held);
            prop_assert!(places.lock().callers.is_empty());
        }
    }
}
