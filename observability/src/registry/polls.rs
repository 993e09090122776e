//! What callers of the job routes do: poll, download, repeat themselves, fail to prove who they are.

use prometheus::{
    IntCounter, IntCounterVec, Registry, register_int_counter_vec_with_registry,
    register_int_counter_with_registry,
};

use crate::event::{AUTH_REASONS, DOWNLOADS, Poll};

/// The values of `seconds`: what is told counts as the least of these that holds it.
const SECONDS: [(u64, &str); 6] = [(1, "1"), (2, "2"), (5, "5"), (10, "10"), (20, "20"), (30, "30")];

#[derive(Debug)]
pub(super) struct Polls {
    auth_failures: IntCounterVec,
    conflicts: IntCounter,
    not_modified: IntCounter,
    by_result: IntCounterVec,
    told: IntCounterVec,
    downloads: IntCounterVec,
    fetched: IntCounter,
}

impl Polls {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let polls = Self {
            auth_failures: register_int_counter_vec_with_registry!(
                "auth_failures_total",
                "Callers that could not prove who they are, by reason.",
                &["reason"],
                registry
            )?,
            conflicts: register_int_counter_with_registry!(
                "idempotency_conflicts_total",
                "Idempotency keys that came again with another request.",
                registry
            )?,
            not_modified: register_int_counter_with_registry!(
                "status_poll_304_total",
                "Polls of a job that were answered with 304.",
                registry
            )?,
            by_result: register_int_counter_vec_with_registry!(
                "status_polls_total",
                "Polls of a job, by whether they brought a version not given out before.",
                &["result"],
                registry
            )?,
            told: register_int_counter_vec_with_registry!(
                "retry_after_seconds_observed_total",
                "Answers that told when to ask again, by seconds, rounded up.",
                &["seconds"],
                registry
            )?,
            downloads: register_int_counter_vec_with_registry!(
                "results_downloaded_total",
                "Downloads of results that began, by kind.",
                &["kind"],
                registry
            )?,
            fetched: register_int_counter_with_registry!(
                "jobs_fetched_total",
                "Completed jobs of which cards were fetched, each counted once.",
                registry
            )?,
        };
        for reason in AUTH_REASONS {
            polls.auth_failures.with_label_values(&[reason]);
        }
        for poll in Poll::ALL {
            polls.by_result.with_label_values(&[poll.name()]);
        }
        for (_, seconds) in SECONDS {
            polls.told.with_label_values(&[seconds]);
        }
        for kind in DOWNLOADS {
            polls.downloads.with_label_values(&[kind]);
        }
        Ok(polls)
    }

    pub(super) fn refused(&self, reason: &str) {
        self.auth_failures.with_label_values(&[reason]).inc();
    }

    pub(super) fn conflict(&self) {
        self.conflicts.inc();
    }

    pub(super) fn polled(&self, poll: Poll) {
        self.by_result.with_label_values(&[poll.name()]).inc();
        if poll == Poll::NotModified {
            self.not_modified.inc();
        }
    }

    pub(super) fn told(&self, seconds: u64) {
        let most = SECONDS[SECONDS.len() - 1];
        let (_, label) = SECONDS.into_iter().find(|(edge, _)| seconds <= *edge).unwrap_or(most);
        self.told.with_label_values(&[label]).inc();
    }

    pub(super) fn fetched(&self) {
        self.fetched.inc();
    }

    pub(super) fn downloaded(&self, kind: &str) {
        self.downloads.with_label_values(&[kind]).inc();
    }
}
