//! When a failed actor is started again, and when it has failed too often.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Instant;

/// The restart intensity and the backoff of every supervised actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// Most restarts within `window`; the next failure is the actor's doom.
    pub restarts: usize,
    /// How long a restart counts.
    pub window: Duration,
    /// Wait before the first restart in a window; each further one waits twice as long.
    pub first_backoff: Duration,
    /// The longest wait.
    pub longest_backoff: Duration,
}

impl Default for RestartPolicy {
    /// Five restarts a minute, 100 ms doubling up to 5 s.
    fn default() -> Self {
        Self {
            restarts: 5,
            window: Duration::from_secs(60),
            first_backoff: Duration::from_millis(100),
            longest_backoff: Duration::from_secs(5),
        }
    }
}

/// The restarts of one actor within the window.
#[derive(Debug, Default)]
pub(super) struct History(VecDeque<Instant>);

impl History {
    /// Notes a failure: how long to wait before the restart, or `None` past the intensity.
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
    fn waits_double_up_to_the_longest() {
        let (mut history, now) = (History::default(), Instant::now());
        let waits: Vec<_> = (0..8).map(|_| history.failed(&policy(8), now).unwrap().as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    #[test]
    fn one_failure_more_than_the_intensity_is_too_many() {
        let (mut history, now) = (History::default(), Instant::now());
        assert!(history.failed(&policy(1), now).is_some());
        assert_eq!(history.failed(&policy(1), now), None);
        assert_eq!(History::default().failed(&policy(0), now), None);
    }

    #[test]
    fn a_failure_older_than_the_window_is_forgotten() {
        let (mut history, now) = (History::default(), Instant::now());
        assert!(history.failed(&policy(1), now).is_some());
        let later = now + Duration::from_secs(61);
        assert_eq!(history.failed(&policy(1), later), Some(Duration::from_millis(100)));
    }

    #[test]
    fn a_long_window_of_failures_never_overflows() {
        let mut history = History::default();
        let now = Instant::now();
        for _ in 0..100 {
            assert!(history.failed(&policy(100), now).unwrap() <= RestartPolicy::default().longest_backoff);
        }
    }
}
