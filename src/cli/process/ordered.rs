//! Runs work on many threads and delivers the results in order.
//!
//! Results that finish early are kept in memory until their turn, so they should be small.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// An update for the calling thread.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Update<T> {
    /// Some item has finished.
    Finished,
    /// The next item in order, with its result.
    Next(usize, T),
}

/// Runs `work` for each of `count` items and calls `on_update` on the calling thread, until that returns `Break`. Each
/// thread has its own state.
pub(super) fn run<S: Default, T: Send>(
    count: usize,
    threads: usize,
    work: impl Fn(&mut S, usize) -> T + Sync,
    mut on_update: impl FnMut(Update<T>) -> ControlFlow<()>,
) {
    let next = AtomicUsize::new(0);
    let (send, receive) = mpsc::channel();
    let work_loop = |send: mpsc::Sender<(usize, T)>| {
        let mut state = S::default();
        // Relaxed is enough: the counter does not order other memory accesses.
        let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < count);
        while let Some(at) = take() {
            if send.send((at, work(&mut state, at))).is_err() {
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
            work_loop(send.clone());
        }
        drop(send);
        // On a break the receiver is dropped first, so that the threads notice and end.
        let receive = receive;
        let mut early = BTreeMap::new();
        let mut next_due = 0;
        for (at, result) in &receive {
            early.insert(at, result);
            if on_update(Update::Finished).is_break() {
                return;
            }
            while let Some(result) = early.remove(&next_due) {
                if on_update(Update::Next(next_due, result)).is_break() {
                    return;
                }
                next_due += 1;
            }
        }
    });
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
    fn a_break_ends_the_work() {
        let worked = AtomicUsize::new(0);
        let work = |(): &mut (), _| worked.fetch_add(1, Ordering::Relaxed);
        run(usize::MAX, 2, work, |_| ControlFlow::Break(()));
        assert!(worked.into_inner() > 0);
    }
}
