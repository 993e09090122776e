//! What callers wait for, in turns: each caller's items in order of arrival, one caller after the other, so that nobody
//! waits behind all that another has sent. State is kept only for callers that wait. Nothing here fails.

use std::collections::{HashMap, VecDeque};

use huemill_store::Caller;

/// Items that wait.
#[derive(Debug)]
pub(crate) struct Turns<T> {
    waiting: HashMap<Caller, VecDeque<T>>,
    /// The callers that wait, the next one first.
    order: VecDeque<Caller>,
    len: usize,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), order: VecDeque::new(), len: 0 }
    }
}

impl<T> Turns<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn len_of(&self, caller: Caller) -> usize {
        self.waiting.get(&caller).map_or(0, VecDeque::len)
    }

    pub(crate) fn push(&mut self, caller: Caller, item: T) {
        let own = self.waiting.entry(caller).or_default();
        if own.is_empty() {
            self.order.push_back(caller);
        }
        own.push_back(item);
        self.len += 1;
    }

    /// Takes the oldest item of the next caller. That caller goes to the end of the line.
    pub(crate) fn pop(&mut self) -> Option<(Caller, T)> {
        self.pop_if(|_, _| true)
    }

    /// The same for the next caller whose oldest item fits; those before it keep their turns.
    pub(crate) fn pop_if(&mut self, fits: impl Fn(Caller, &T) -> bool) -> Option<(Caller, T)> {
        let oldest_fits = |caller: &Caller| {
            self.waiting.get(caller).and_then(VecDeque::front).is_some_and(|item| fits(*caller, item))
        };
        let at = self.order.iter().position(oldest_fits)?;
        let caller = self.order.remove(at)?;
        let own = self.waiting.get_mut(&caller)?;
        let item = own.pop_front()?;
        if own.is_empty() {
            self.waiting.remove(&caller);
        } else {
            self.order.push_back(caller);
        }
        self.len -= 1;
        Some((caller, item))
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.waiting.retain(|_, own| {
            own.retain(&keep);
            !own.is_empty()
        });
        self.order.retain(|caller| self.waiting.contains_key(caller));
        self.len = self.waiting.values().map(VecDeque::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn caller(number: u8) -> Caller {
        Caller::of_address([192, 0, 2, number].into())
    }

    fn turns(items: &[(u8, u32)]) -> Turns<u32> {
        let mut turns = Turns::default();
        for (number, item) in items {
            turns.push(caller(*number), *item);
        }
        turns
    }

    #[test]
    fn callers_take_turns() {
        let mut turns = turns(&[(1, 10), (1, 11), (1, 12), (2, 20), (3, 30), (3, 31)]);
        let order: Vec<u32> = std::iter::from_fn(|| turns.pop()).map(|(_, item)| item).collect();
        assert_eq!(order, [10, 20, 30, 11, 31, 12]);
    }

    #[test]
    fn whoever_is_passed_over_keeps_its_turn() {
        let mut turns = turns(&[(1, 10), (2, 20), (3, 30), (3, 31)]);
        assert_eq!(turns.pop_if(|_, item| *item == 30), Some((caller(3), 30)));
        assert_eq!(turns.pop_if(|_, item| *item == 32), None);
        let order: Vec<u32> = std::iter::from_fn(|| turns.pop()).map(|(_, item)| item).collect();
        assert_eq!(order, [10, 20, 31]);
    }

    proptest! {
        /// Whatever the others have sent, a caller's next item waits for one of each of them at most.
        #[test]
        fn nobody_waits_for_more_than_one_of_each_other(items in proptest::collection::vec((0u8..5, any::<u32>()), 1..60), removed in any::<u32>()) {
            let mut turns = turns(&items);
            turns.retain(|item| item % 7 != removed % 7);
            let mut since = HashMap::<Caller, u32>::new();
            let mut popped = 0;
            while let Some(next) = turns.order.front().copied() {
                for (number, waited) in &mut since {
                    *waited += u32::from(*number != next);
                }
                let left = turns.len;
                prop_assert!(turns.pop().is_some());
                prop_assert_eq!(turns.len, left - 1);
                prop_assert!(since.insert(next, 0).unwrap_or(0) <= 4);
                popped += 1;
            }
            prop_assert_eq!(popped, items.iter().filter(|(_, item)| item % 7 != removed % 7).count());
            prop_assert!(turns.waiting.is_empty() && turns.len == 0);
        }
    }
}
