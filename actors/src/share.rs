//! Places that callers share, such as those for uploads, downloads or bytes: nobody can take them all. How many a caller
//! may have is the rule of `threshold.rs`; the accounts are in `holdings.rs`.
//!
//! [`Places::try_take`] refuses at once, [`Places::take`] waits: the callers that wait are served in turns, each in the
//! order of its own requests. Nothing here fails.

mod holdings;
mod threshold;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use huemill_store::Caller;
use tokio::sync::oneshot;

use holdings::{Size, Waiting};
pub use threshold::NoPlace;
pub(crate) use threshold::{may_take, share_used};

/// The accounts of the places. Whoever waits is told by a channel.
type Holdings = holdings::Holdings<oneshot::Sender<Place>>;

/// Places for all callers together. Clones share them.
#[derive(Debug, Clone)]
pub struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    size: Size,
    holdings: Mutex<Holdings>,
}

/// Places that a caller holds, until this is dropped.
#[derive(Debug)]
#[must_use = "the places are free again as soon as this is dropped"]
pub struct Place {
    places: Places,
    caller: Caller,
    amount: u64,
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
        Self(Arc::new(Inner { size: Size { total, most }, holdings: Mutex::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, Holdings> {
        self.0.holdings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many places there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.size.total
    }

    /// How many are taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.lock().taken()
    }

    /// How many this caller has.
    #[must_use]
    pub fn taken_by(&self, caller: Caller) -> u64 {
        self.lock().taken_by(caller)
    }

    /// How many places this caller could take now, one after the other.
    #[must_use]
    pub fn room(&self, caller: Caller) -> u64 {
        let holdings = self.lock();
        holdings.room(self.0.size, holdings.taken_by(caller))
    }

    /// How many places a caller that holds none could take now, one after the other.
    #[must_use]
    pub fn room_for_another(&self) -> u64 {
        self.lock().room(self.0.size, 0)
    }

    /// The callers that hold places.
    #[must_use]
    pub fn holders(&self) -> Vec<Caller> {
        self.lock().holders()
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
        let mut holdings = self.lock();
        let Size { total, most: of_all } = self.0.size;
        let size = Size { total, most: most.map_or(of_all, |most| if most == 0 { u64::MAX } else { most }) };
        holdings.may_take(size, caller, amount)?;
        holdings.take(caller, amount);
        drop(holdings);
        Ok(Place { places: self.clone(), caller, amount })
    }

    /// Waits for places. Dropping the future withdraws the request. More than there are in all are never granted.
    pub async fn take(&self, caller: Caller, amount: u64) -> Place {
        let (grant, place) = oneshot::channel();
        self.lock().wait(caller, Waiting { amount, grant });
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
            let next = self.lock().grant_next(self.0.size);
            let Some((caller, waiting)) = next else { return };
            // If whoever waited is gone, the place comes back and is given back here.
            let place = Place { places: self.clone(), caller, amount: waiting.amount };
            let _ = waiting.grant.send(place);
        }
    }
}

/// Cleans up after a request that was withdrawn.
struct Withdrawal<'a>(&'a Places);

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        self.0.lock().forget(oneshot::Sender::is_closed);
        self.0.grant();
    }
}

impl Place {
    /// Takes more for the same caller.
    ///
    /// # Errors
    /// The caller's share is used, or all places are taken.
    pub fn grow(&mut self, amount: u64) -> Result<(), NoPlace> {
        let mut holdings = self.places.lock();
        holdings.may_take(self.places.0.size, self.caller, amount)?;
        holdings.take(self.caller, amount);
        drop(holdings);
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
        assert!(places.lock().is_empty());
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
            prop_assert!(places.lock().is_empty());
        }
    }
}
