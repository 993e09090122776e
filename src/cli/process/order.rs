//! Work on many threads, results in order.
//!
//! Results that are done early wait here, so they should be small.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// What the caller's thread is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<T> {
    /// Some item has ended.
    Ended,
    /// The next item in order, and its result.
    Due(usize, T),
}

/// Does `work` for each of `count` items, each thread with a state of its own, and tells the caller's thread
/// until it breaks off.
pub(super) fn run<S: Default, T: Send>(
    count: usize,
    threads: usize,
    work: impl Fn(&mut S, usize) -> T + Sync,
    mut tell: impl FnMut(Event<T>) -> ControlFlow<()>,
) {
    let next = AtomicUsize::new(0);
    let (send, receive) = mpsc::channel();
    let toil = |send: mpsc::Sender<(usize, T)>| {
        let mut state = S::default();
        // The number alone passes between threads: nothing is ordered by it.
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
            named.spawn_scoped(scope, || toil(send)).is_ok()
        };
        let started = (0..threads.min(count)).take_while(|number| spawn(*number, send.clone())).count();
        if started == 0 {
            toil(send.clone());
        }
        drop(send);
        // Left by a break, the receiver goes first: the threads notice and end.
        let receive = receive;
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (at, result) in &receive {
            early.insert(at, result);
            if tell(Event::Ended).is_break() {
                return;
            }
            while let Some(result) = early.remove(&due) {
                if tell(Event::Due(due, result)).is_break() {
                    return;
                }
                due += 1;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Barrier;

    fn shown(
        count: usize,
        threads: usize,
        work: impl Fn(&mut u32, usize) -> usize + Sync,
    ) -> Vec<(usize, usize)> {
        let mut shown = Vec::new();
        run(count, threads, work, |event| {
            if let Event::Due(at, result) = event {
                shown.push((at, result));
            }
            ControlFlow::Continue(())
        });
        shown
    }

    proptest! {
        #[test]
        fn every_item_is_shown_once_and_in_order(count in 0_usize..60, threads in 0_usize..9) {
            let expected: Vec<_> = (0..count).map(|at| (at, at * 3)).collect();
            prop_assert_eq!(shown(count, threads, |_, at| at * 3), expected);
        }
    }

    #[test]
    fn a_slow_first_item_is_still_shown_first() {
        let second_done = Barrier::new(2);
        let results = shown(2, 2, |_, at| {
            // The first cannot end before the second is being worked on.
            second_done.wait();
            at
        });
        assert_eq!(results, [(0, 0), (1, 1)]);
    }

    #[test]
    fn a_thread_keeps_its_state() {
        let results = shown(5, 1, |seen, _| {
            *seen += 1;
            *seen as usize
        });
        assert_eq!(results, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]);
    }

    #[test]
    fn breaking_off_ends_the_work() {
        let worked = AtomicUsize::new(0);
        let work = |(): &mut (), _| worked.fetch_add(1, Ordering::Relaxed);
        run(usize::MAX, 2, work, |_| ControlFlow::Break(()));
        assert!(worked.into_inner() > 0);
    }
}
