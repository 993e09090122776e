//! Remembers which version of a job was last returned, so that metrics can tell polls with news from polls without. The
//! memory is bounded: when it is full, it is cleared as a whole.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use huemill_observability::PollResult;
use huemill_store::job::JobId;

/// Maximum number of jobs that are remembered.
const MAX_JOBS: usize = 50_000;

/// The last returned version of each job, shared by all HTTP threads.
#[derive(Debug, Default)]
pub(crate) struct PollHistory(Mutex<HashMap<JobId, i64>>);

impl PollHistory {
    /// Records that a version is returned, and says whether it is news.
    pub(crate) fn record(&self, id: &JobId, version: i64) -> PollResult {
        let mut versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = versions.get_mut(id) {
            let is_news = version > *last;
            *last = version.max(*last);
            return if is_news { PollResult::Changed } else { PollResult::Unchanged };
        }
        if versions.len() >= MAX_JOBS {
            versions.clear();
        }
        versions.insert(id.clone(), version);
        PollResult::Changed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn job(seconds: u64) -> JobId {
        JobId::generate(Duration::from_secs(seconds), &mut rand::rng())
    }

    #[test]
    fn a_version_is_news_once() {
        let (history, one) = (PollHistory::default(), job(1));
        let polls = [1, 1, 2, 2, 1].map(|version| history.record(&one, version));
        assert_eq!(
            polls,
            [
                PollResult::Changed,
                PollResult::Unchanged,
                PollResult::Changed,
                PollResult::Unchanged,
                PollResult::Unchanged
            ]
        );
        assert_eq!(history.record(&job(2), 1), PollResult::Changed);
    }

    #[test]
    fn the_memory_is_bounded() {
        let history = PollHistory::default();
        for second in 0..=MAX_JOBS as u64 {
            history.record(&job(second), 1);
        }
        assert!(history.0.lock().unwrap().len() <= MAX_JOBS);
    }
}
