//! The attempts that wait for a slot, in two lines: one for clients and one for jobs. In each line the callers take turns,
//! each with its attempts in order of arrival, so that nobody waits behind all that another has sent. The number of
//! clients' attempts is limited and shared among callers; that of jobs is limited by what the Dispatcher claims. Canceled
//! attempts are skipped.

use huemill_store::Caller;

use super::slot_attempt::SlotAttempt;
use crate::share::{NoPlace, may_take};
use crate::turns::Turns;

/// The waiting attempts.
#[derive(Debug)]
pub(super) struct Queue {
    clients: Turns<SlotAttempt>,
    jobs: Turns<SlotAttempt>,
    limit: usize,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self { clients: Turns::default(), jobs: Turns::default(), limit }
    }

    pub(super) fn len(&self) -> usize {
        self.clients.len() + self.jobs.len()
    }

    /// Whether there is room for another client's attempt of this caller.
    pub(super) fn check_room(&self, caller: Caller) -> Result<(), NoPlace> {
        let (held, free) = (self.clients.len_of(caller), self.limit.saturating_sub(self.clients.len()));
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
            .map(|(_, attempt)| attempt)
            .find(|attempt| !attempt.state.cancel.is_cancelled())
    }

    /// The next client's attempt that is not canceled and whose caller is a guest: it has nothing in work.
    pub(super) fn pop_guest(&mut self, is_in_work: impl Fn(Caller) -> bool) -> Option<SlotAttempt> {
        std::iter::from_fn(|| self.clients.pop_if(|caller, _| !is_in_work(caller)))
            .map(|(_, attempt)| attempt)
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
        (self.clients, self.jobs) = (Turns::default(), Turns::default());
    }
}
