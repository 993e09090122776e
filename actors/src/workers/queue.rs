//! The queue of attempts that wait for a slot: one line for clients and one for jobs, each in order of arrival.
//!
//! The number of clients' attempts is limited; that of jobs is limited by what the Dispatcher claims. Canceled
//! attempts are skipped.

use std::collections::VecDeque;

use super::slot_attempt::SlotAttempt;

/// The waiting attempts.
#[derive(Debug)]
pub(super) struct Queue {
    clients: VecDeque<SlotAttempt>,
    jobs: VecDeque<SlotAttempt>,
    limit: usize,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self { clients: VecDeque::new(), jobs: VecDeque::new(), limit }
    }

    pub(super) fn len(&self) -> usize {
        self.clients.len() + self.jobs.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.clients.len() >= self.limit
    }

    pub(super) fn push(&mut self, attempt: SlotAttempt) {
        let queue = if attempt.batch { &mut self.jobs } else { &mut self.clients };
        queue.push_back(attempt);
    }

    /// The next attempt that is not canceled, preferring jobs or clients.
    pub(super) fn pop(&mut self, jobs_first: bool) -> Option<SlotAttempt> {
        let Self { clients, jobs, .. } = self;
        let (first, second) = if jobs_first { (jobs, clients) } else { (clients, jobs) };
        std::iter::from_fn(|| first.pop_front().or_else(|| second.pop_front()))
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
        self.clients.clear();
        self.jobs.clear();
    }
}
