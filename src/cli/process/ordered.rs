//! Runs work on many threads and delivers the results in order.
//!
//! Results that finish early are kept in memory until their turn. There are never more than [`AHEAD`] of them: a thread
//! that is further ahead waits.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, mpsc};
use std::thread;

/// How far a thread may be ahead of the item whose turn it is.
const AHEAD: usize = 64;

/// An update for the calling thread.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Update<T> {
    /// Work on this item has begun.
    Started(usize),
    /// This item has finished.
    Finished(usize),
    /// The next item in order, with its result.
    Next(usize, T),
}

/// Runs `work` for each of `count` items and calls `on_update` on the calling thread, until that returns `Break`. Each
/// thread has its own state.
pub(super) fn run<S: Default, T: Send>(
    count: usize,
    threads: usize,
    work: impl Fn(&mut S, usize) -> T + Sync,
    on_update: impl FnMut(Update<T>) -> ControlFlow<()>,
) {
    let next = AtomicUsize::new(0);
    let turn = Turn::default();
    let (send, receive) = mpsc::channel();
    let work_loop = |send: mpsc::Sender<(usize, Option<T>)>| {
        let mut state = S::default();
        // Relaxed is enough: the counter does not order other memory accesses.
        let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < count);
        while let Some(at) = take() {
            turn.wait_for(at);
            if send.send((at, None)).is_err() || send.send((at, Some(work(&mut state, at)))).is_err() {
                return;
            }
        }
    };
    thread::scope(|scope| {
        let spawn = |number: usize, send: mpsc::Sender<_>| {
            let named = thread::Builder::new().name(format!("picture-{number}"));
            named.spawn_scoped(scope, || work_loop(send)).is_ok()
        };
        let started = (0..threads.min(count)).take_while(|number| spawn(*number, send.clone())).count();
        if started == 0 {
            // Nothing is delivered before all work is done, so nothing may wait for its turn.
            turn.set(usize::MAX);
            work_loop(send.clone());
        }
        drop(send);
        // On a break the receiver is dropped first, so that the threads notice and end.
        let (_opened, receive) = (turn.open_at_end(), receive);
        // After a break nothing is left to do.
        let _ = deliver(&receive, &turn, on_update);
    });
}

/// Reports what the threads send: at once that work has begun or finished, and the results in order.
fn deliver<T>(
    receive: &mpsc::Receiver<(usize, Option<T>)>,
    turn: &Turn,
    mut on_update: impl FnMut(Update<T>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut early = BTreeMap::new();
    let mut next_due = 0;
    for (at, result) in receive {
        let update = if result.is_some() { Update::Finished(at) } else { Update::Started(at) };
        early.extend(result.map(|result| (at, result)));
        on_update(update)?;
        while let Some(result) = early.remove(&next_due) {
            on_update(Update::Next(next_due, result))?;
            next_due += 1;
            turn.set(next_due);
        }
    }
    ControlFlow::Continue(())
}

/// The item whose turn it is.
#[derive(Default)]
struct Turn {
    due: Mutex<usize>,
    moved: Condvar,
}

impl Turn {
    /// Waits until the item is close enough. The item whose turn it is never waits.
    fn wait_for(&self, at: usize) {
        let due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let is_far = |due: &mut usize| at >= due.saturating_add(AHEAD);
        drop(self.moved.wait_while(due, is_far).unwrap_or_else(PoisonError::into_inner));
    }

    fn set(&self, due: usize) {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = due;
        self.moved.notify_all();
    }

    /// Lets all threads go on when the value is dropped.
    fn open_at_end(&self) -> OpenAtEnd<'_> {
        OpenAtEnd(self)
    }
}

struct OpenAtEnd<'a>(&'a Turn);

impl Drop for OpenAtEnd<'_> {
    fn drop(&mut self) {
        self.0.set(usize::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Barrier;

    fn delivered(
        count: usize,
        threads: usize,
        work: impl Fn(&mut u32, usize) -> usize + Sync,
    ) -> Vec<(usize, usize)> {
        let mut results = Vec::new();
        run(count, threads, work, |update| {
            if let Update::Next(at, result) = update {
                results.push((at, result));
            }
            ControlFlow::Continue(())
        });
        results
    }

    proptest! {
        #[test]
        fn every_item_is_delivered_once_and_in_order(count in 0_usize..60, threads in 0_usize..9) {
            let expected: Vec<_> = (0..count).map(|at| (at, at * 3)).collect();
            prop_assert_eq!(delivered(count, threads, |_, at| at * 3), expected);
        }
    }

    #[test]
    fn a_slow_first_item_is_still_delivered_first() {
        let second_done = Barrier::new(2);
        let results = delivered(2, 2, |_, at| {
            // The first item cannot finish before the second one has started.
            second_done.wait();
            at
        });
        assert_eq!(results, [(0, 0), (1, 1)]);
    }

    #[test]
    fn a_thread_keeps_its_state() {
        let results = delivered(5, 1, |seen, _| {
            *seen += 1;
            *seen as usize
        });
        assert_eq!(results, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]);
    }

    #[test]
    fn no_thread_is_far_ahead_of_the_item_whose_turn_it_is() {
        let printed = AtomicUsize::new(0);
        let work = |(): &mut (), at: usize| at.saturating_sub(printed.load(Ordering::SeqCst));
        let mut farthest = 0;
        run(1_000, 3, work, |update| {
            if let Update::Next(_, ahead) = update {
                printed.fetch_add(1, Ordering::SeqCst);
                farthest = farthest.max(ahead);
            }
            ControlFlow::Continue(())
        });
        // The count is read after the item was let through, so it may have moved on, never back.
        assert!(farthest <= AHEAD, "{farthest}");
    }

    #[test]
    fn a_break_ends_the_work() {
        let worked = AtomicUsize::new(0);
        let work = |(): &mut (), _| worked.fetch_add(1, Ordering::Relaxed);
        run(usize::MAX, 2, work, |_| ControlFlow::Break(()));
        assert!(worked.into_inner() > 0);
    }
}
