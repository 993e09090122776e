//! Attempts that wait for a slot: those of clients and those of jobs, each first come, first served. Of clients'
//! there are no more than allowed; of jobs' there are no more than the Dispatcher has claimed. Whoever has given up
//! waiting is passed over.

use std::collections::VecDeque;

use super::Attempt;

/// The waiting attempts.
#[derive(Debug)]
pub(super) struct Queue {
    clients: VecDeque<Attempt>,
    jobs: VecDeque<Attempt>,
    bound: usize,
}

impl Queue {
    pub(super) fn new(bound: usize) -> Self {
        Self { clients: VecDeque::new(), jobs: VecDeque::new(), bound }
    }

    pub(super) fn len(&self) -> usize {
        self.clients.len() + self.jobs.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.clients.len() >= self.bound
    }

    pub(super) fn push(&mut self, attempt: Attempt) {
        let line = if attempt.batch { &mut self.jobs } else { &mut self.clients };
        line.push_back(attempt);
    }

    /// The next one that is still wanted; of the jobs' first, or of the clients'.
    pub(super) fn pop(&mut self, jobs_first: bool) -> Option<Attempt> {
        let Self { clients, jobs, .. } = self;
        let (first, second) = if jobs_first { (jobs, clients) } else { (clients, jobs) };
        std::iter::from_fn(|| first.pop_front().or_else(|| second.pop_front()))
            .find(|attempt| !attempt.state.cancel.is_cancelled())
    }

    /// Takes one out, whose requester is gone; its input is freed with it.
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
