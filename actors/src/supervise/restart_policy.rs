//! The restart policy: how long to wait before a failed actor is restarted, and when to stop trying.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Instant;

settings! {
    /// The restart limit and the backoff of every supervised actor.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct RestartPolicy {
        /// Maximum number of restarts within `window`; one more failure is fatal.
        pub restarts: usize = 5,
        /// How long a restart counts against the limit.
        pub window: Duration = Duration::from_secs(60),
        /// Wait before the first restart in a window; it doubles with each further restart.
        pub first_backoff: Duration = Duration::from_millis(100),
        /// The longest wait.
        pub longest_backoff: Duration = Duration::from_secs(5),
    }
}

/// The restarts of one actor within the window.
#[derive(Debug, Default)]
pub(super) struct RestartHistory(VecDeque<Instant>);

impl RestartHistory {
    /// Records a failure and returns how long to wait before the restart, or `None` past the limit.
    pub(super) fn failed(&mut self, policy: &RestartPolicy, now: Instant) -> Option<Duration> {
        while self.0.front().is_some_and(|&restart| now.duration_since(restart) > policy.window) {
            self.0.pop_front();
        }
        if self.0.len() >= policy.restarts {
            return None;
        }
        let doublings = self.0.len().min(31) as u32;
        self.0.push_back(now);
        Some(policy.first_backoff.saturating_mul(1 << doublings).min(policy.longest_backoff))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(restarts: usize) -> RestartPolicy {
        RestartPolicy { restarts, ..RestartPolicy::default() }
    }

    #[test]
    fn the_wait_doubles_up_to_the_longest() {
        let (mut history, now) = (RestartHistory::default(), Instant::now());
        let waits: Vec<_> = (0..8).map(|_| history.failed(&policy(8), now).unwrap().as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    #[test]
    fn one_failure_past_the_limit_is_refused() {
        let (mut history, now) = (RestartHistory::default(), Instant::now());
        assert!(history.failed(&policy(1), now).is_some());
        assert_eq!(history.failed(&policy(1), now), None);
        assert_eq!(RestartHistory::default().failed(&policy(0), now), None);
    }

    #[test]
    fn a_failure_older_than_the_window_is_forgotten() {
        let (mut history, now) = (RestartHistory::default(), Instant::now());
        assert!(history.failed(&policy(1), now).is_some());
        let later = now + Duration::from_secs(61);
        assert_eq!(history.failed(&policy(1), later), Some(Duration::from_millis(100)));
    }

    #[test]
    fn many_failures_in_a_long_window_do_not_overflow() {
        let mut history = RestartHistory::default();
        let now = Instant::now();
        for _ in 0..100 {
            assert!(history.failed(&policy(100), now).unwrap() <= RestartPolicy::default().longest_backoff);
        }
    }
}
