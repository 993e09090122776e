//! Attempts that wait for a slot, first come, first served, and no more of them than allowed. Whoever has given
//! up waiting is passed over.

use std::collections::VecDeque;

use super::Attempt;

/// The waiting attempts.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: VecDeque<Attempt>,
    bound: usize,
}

impl Queue {
    pub(super) fn new(bound: usize) -> Self {
        Self { waiting: VecDeque::new(), bound }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.bound
    }

    pub(super) fn push(&mut self, attempt: Attempt) {
        self.waiting.push_back(attempt);
    }

    /// The next one that is still wanted.
    pub(super) fn pop(&mut self) -> Option<Attempt> {
        std::iter::from_fn(|| self.waiting.pop_front()).find(|attempt| !attempt.ticket.cancel.is_cancelled())
    }

    /// Takes one out, whose requester is gone; its input is freed with it.
    pub(super) fn remove(&mut self, id: u64) -> bool {
        let before = self.len();
        self.waiting.retain(|attempt| attempt.ticket.id != id);
        self.len() < before
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}
