//! Metrics of how clients use the job routes: polls, downloads, idempotency conflicts, failed authentications and reached limits.

use prometheus::{IntCounter, IntCounterVec};

use super::families::{Families, start_at_zero};
use crate::event::{AUTH_REASONS, DOWNLOADS, POLICIES, PollResult};

/// The values of the label `seconds`. A `Retry-After` counts in the smallest one that is not below it.
const RETRY_AFTER: [(u64, &str); 6] = [(1, "1"), (2, "2"), (5, "5"), (10, "10"), (20, "20"), (30, "30")];

#[derive(Debug)]
pub(super) struct PollMetrics {
    auth_failures: IntCounterVec,
    rate_limited: IntCounterVec,
    conflicts: IntCounter,
    not_modified: IntCounter,
    by_result: IntCounterVec,
    retry_after: IntCounterVec,
    downloads: IntCounterVec,
    fetched: IntCounter,
}

impl PollMetrics {
    pub(super) fn new(families: Families<'_>) -> Result<Self, prometheus::Error> {
        let polls = Self {
            auth_failures: families.counters(
                "auth_failures_total",
                "Failed authentications, by reason.",
                &["reason"],
            )?,
            rate_limited: families.counters(
                "rate_limited_total",
                "Requests refused because their caller has reached a limit of its own, by limit.",
                &["policy"],
            )?,
            conflicts: families.counter(
                "idempotency_conflicts_total",
                "Idempotency keys reused with a different request.",
            )?,
            not_modified: families
                .counter("status_poll_304_total", "Polls of a job's status that were answered with 304.")?,
            by_result: families.counters(
                "status_polls_total",
                "Polls of a job's status, by whether the response brought a new version.",
                &["result"],
            )?,
            retry_after: families.counters(
                "retry_after_seconds_observed_total",
                "Responses with a Retry-After header, by its value in seconds, rounded up.",
                &["seconds"],
            )?,
            downloads: families.counters(
                "results_downloaded_total",
                "Started downloads of results, by kind.",
                &["kind"],
            )?,
            fetched: families.counter(
                "jobs_fetched_total",
                "Completed jobs with at least one downloaded card, each counted once.",
            )?,
        };
        start_at_zero(&polls.auth_failures, &AUTH_REASONS);
        start_at_zero(&polls.rate_limited, &POLICIES);
        for poll in PollResult::ALL {
            polls.by_result.with_label_values(&[poll.name()]);
        }
        for (_, seconds) in RETRY_AFTER {
            polls.retry_after.with_label_values(&[seconds]);
        }
        start_at_zero(&polls.downloads, &DOWNLOADS);
        Ok(polls)
    }

    pub(super) fn auth_failed(&self, reason: &str) {
        self.auth_failures.with_label_values(&[reason]).inc();
    }

    pub(super) fn rate_limited(&self, policy: &str) {
        self.rate_limited.with_label_values(&[policy]).inc();
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
