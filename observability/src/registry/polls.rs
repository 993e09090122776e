//! Metrics of how clients use the job routes: polls, downloads, idempotency conflicts and failed authentications.

use prometheus::{
    IntCounter, IntCounterVec, Registry, register_int_counter_vec_with_registry,
    register_int_counter_with_registry,
};

use crate::event::{AUTH_REASONS, DOWNLOADS, PollResult};

/// The values of the label `seconds`. A `Retry-After` counts in the smallest one that is not below it.
const RETRY_AFTER: [(u64, &str); 6] = [(1, "1"), (2, "2"), (5, "5"), (10, "10"), (20, "20"), (30, "30")];

#[derive(Debug)]
pub(super) struct PollMetrics {
    auth_failures: IntCounterVec,
    conflicts: IntCounter,
    not_modified: IntCounter,
    by_result: IntCounterVec,
    retry_after: IntCounterVec,
    downloads: IntCounterVec,
    fetched: IntCounter,
}

impl PollMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let polls = Self {
            auth_failures: register_int_counter_vec_with_registry!(
                "auth_failures_total",
                "Failed authentications, by reason.",
                &["reason"],
                registry
            )?,
            conflicts: register_int_counter_with_registry!(
                "idempotency_conflicts_total",
                "Idempotency keys reused with a different request.",
                registry
            )?,
            not_modified: register_int_counter_with_registry!(
                "status_poll_304_total",
                "Polls of a job's status that were answered with 304.",
                registry
            )?,
            by_result: register_int_counter_vec_with_registry!(
                "status_polls_total",
                "Polls of a job's status, by whether the response brought a new version.",
                &["result"],
                registry
            )?,
            retry_after: register_int_counter_vec_with_registry!(
                "retry_after_seconds_observed_total",
                "Responses with a Retry-After header, by its value in seconds, rounded up.",
                &["seconds"],
                registry
            )?,
            downloads: register_int_counter_vec_with_registry!(
                "results_downloaded_total",
                "Started downloads of results, by kind.",
                &["kind"],
                registry
            )?,
            fetched: register_int_counter_with_registry!(
                "jobs_fetched_total",
                "Completed jobs with at least one downloaded card, each counted once.",
                registry
            )?,
        };
        for reason in AUTH_REASONS {
            polls.auth_failures.with_label_values(&[reason]);
        }
        for poll in PollResult::ALL {
            polls.by_result.with_label_values(&[poll.name()]);
        }
        for (_, seconds) in RETRY_AFTER {
            polls.retry_after.with_label_values(&[seconds]);
        }
        for kind in DOWNLOADS {
            polls.downloads.with_label_values(&[kind]);
        }
        Ok(polls)
    }

    pub(super) fn auth_failed(&self, reason: &str) {
        self.auth_failures.with_label_values(&[reason]).inc();
    }

    pub(super) fn conflict(&self) {
        self.conflicts.inc();
    }

    pub(super) fn polled(&self, poll: PollResult) {
        self.by_result.with_label_values(&[poll.name()]).inc();
        if poll == PollResult::NotModified {
            self.not_modified.inc();
        }
    }

    pub(super) fn retry_after(&self, seconds: u64) {
        let largest = RETRY_AFTER[RETRY_AFTER.len() - 1];
        let (_, label) = RETRY_AFTER.into_iter().find(|(bound, _)| seconds <= *bound).unwrap_or(largest);
        self.retry_after.with_label_values(&[label]).inc();
    }

    pub(super) fn fetched(&self) {
        self.fetched.inc();
    }

    pub(super) fn downloaded(&self, kind: &str) {
        self.downloads.with_label_values(&[kind]).inc();
    }
}
