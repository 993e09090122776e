//! The attempts that wait for a slot, in two lines: one for clients and one for jobs. In each line the callers take turns,
//! each with its attempts in order of arrival, so that nobody waits behind all that another has sent. The number of
//! clients' attempts is limited and shared among callers; that of jobs is limited by what the Dispatcher claims. Canceled
//! attempts are skipped.

use std::collections::{HashMap, VecDeque};

use huemill_store::Caller;

use super::slot_attempt::SlotAttempt;
use crate::share::{NoPlace, may_take};

/// The waiting attempts.
#[derive(Debug)]
pub(super) struct Queue {
    clients: Line<SlotAttempt>,
    jobs: Line<SlotAttempt>,
    limit: usize,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self { clients: Line::default(), jobs: Line::default(), limit }
    }

    pub(super) fn len(&self) -> usize {
        self.clients.len + self.jobs.len
    }

    /// Whether there is room for another client's attempt of this caller.
    pub(super) fn check_room(&self, caller: Caller) -> Result<(), NoPlace> {
        let (held, free) = (self.clients.len_of(caller), self.limit.saturating_sub(self.clients.len));
        may_take(held as u64, free as u64, 1)
    }

    pub(super) fn push(&mut self, attempt: SlotAttempt) {
        let line = if attempt.batch { &mut self.jobs } else { &mut self.clients };
        line.push(attempt.caller, attempt);
    }

    /// The next attempt that is not canceled, preferring jobs or clients.
    pub(super) fn pop(&mut self, jobs_first: bool) -> Option<SlotAttempt> {
        let Self { clients, jobs, .. } = self;
        let (first, second) = if jobs_first { (jobs, clients) } else { (clients, jobs) };
        std::iter::from_fn(|| first.pop().or_else(|| second.pop()))
            .find(|attempt| !attempt.state.cancel.is_cancelled())
    }

    /// Removes an attempt whose caller is gone, and with it its input. Returns whether it was queued.
    pub(super) fn remove(&mut self, id: u64) -> bool {
        let before = self.len();
        self.clients.retain(|attempt| attempt.state.id != id);
        self.jobs.retain(|attempt| attempt.state.id != id);
        self.len() < before
    }

    pub(super) fn clear(&mut self) {
        (self.clients, self.jobs) = (Line::default(), Line::default());
    }
}

/// What callers wait for, in turns.
#[derive(Debug)]
struct Line<T> {
    waiting: HashMap<Caller, VecDeque<T>>,
    /// The callers that wait, the next one first.
    turns: VecDeque<Caller>,
    len: usize,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), turns: VecDeque::new(), len: 0 }
    }
}

impl<T> Line<T> {
    fn len_of(&self, caller: Caller) -> usize {
        self.waiting.get(&caller).map_or(0, VecDeque::len)
    }

    fn push(&mut self, caller: Caller, item: T) {
        let own = self.waiting.entry(caller).or_default();
        if own.is_empty() {
            self.turns.push_back(caller);
        }
        own.push_back(item);
        self.len += 1;
    }

    fn pop(&mut self) -> Option<T> {
        let caller = self.turns.pop_front()?;
        let own = self.waiting.get_mut(&caller)?;
        let item = own.pop_front();
        self.len -= usize::from(item.is_some());
        if own.is_empty() {
            self.waiting.remove(&caller);
        } else {
            self.turns.push_back(caller);
        }
        item
    }

    fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.waiting.retain(|_, own| {
            own.retain(&keep);
            !own.is_empty()
        });
        self.turns.retain(|caller| self.waiting.contains_key(caller));
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

    fn line(items: &[(u8, u32)]) -> Line<u32> {
        let mut line = Line::default();
        for (number, item) in items {
            line.push(caller(*number), *item);
        }
        line
    }

    #[test]
    fn callers_take_turns() {
        let mut line = line(&[(1, 10), (1, 11), (1, 12), (2, 20), (3, 30), (3, 31)]);
        let order: Vec<u32> = std::iter::from_fn(|| line.pop()).collect();
        assert_eq!(order, [10, 20, 30, 11, 31, 12]);
    }

    proptest! {
        /// Whatever the others have sent, a caller's next attempt waits for one of each of them at most.
        #[test]
        fn nobody_waits_for_more_than_one_of_each_other(items in proptest::collection::vec((0u8..5, any::<u32>()), 1..60), removed in any::<u32>()) {
            let mut line = line(&items);
            line.retain(|item| item % 7 != removed % 7);
            let mut since = HashMap::<Caller, u32>::new();
            let mut popped = 0;
            while let Some(next) = line.turns.front().copied() {
                for (number, waited) in &mut since {
                    *waited += u32::from(*number != next);
                }
                let left = line.len;
                prop_assert!(line.pop().is_some());
                prop_assert_eq!(line.len, left - 1);
                prop_assert!(since.insert(next, 0).unwrap_or(0) <= 4);
                popped += 1;
            }
            prop_assert_eq!(popped, items.iter().filter(|(_, item)| item % 7 != removed % 7).count());
            prop_assert!(line.waiting.is_empty() && line.len == 0);
        }
    }
}
