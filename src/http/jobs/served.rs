//! Which version of a job was given out last, so that a poll that brings news is told apart from one that does not.
//! For the metrics alone: bounded, and forgotten as a whole when it is full.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use huemill_observability::PollResult;
use huemill_store::job::JobId;

/// Most jobs that are remembered.
const MOST: usize = 50_000;

/// Shared by all HTTP threads.
#[derive(Debug, Default)]
pub(crate) struct Served(Mutex<HashMap<JobId, i64>>);

impl Served {
    /// Notes that this version is given out, and says whether it was for the first time.
    pub(crate) fn note(&self, id: &JobId, version: i64) -> PollResult {
        let mut versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = versions.get_mut(id) {
            let news = version > *last;
            *last = version.max(*last);
            return if news { PollResult::Changed } else { PollResult::Unchanged };
        }
        if versions.len() >= MOST {
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
        let (served, one) = (Served::default(), job(1));
        let polls = [1, 1, 2, 2, 1].map(|version| served.note(&one, version));
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
        assert_eq!(served.note(&job(2), 1), PollResult::Changed);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let served = Served::default();
        for second in 0..=MOST as u64 {
            served.note(&job(second), 1);
        }
        assert!(served.0.lock().unwrap().len() <= MOST);
    }
}
