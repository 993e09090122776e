//! Metrics of leases: pictures whose lease ended without a result, and the processes and pauses that decide who claims.

use prometheus::{IntCounter, IntGauge};

use super::families::{Families, gauge_value};

#[derive(Debug)]
pub(super) struct LeaseMetrics {
    expired: IntCounter,
    given_up: IntCounter,
    stale: IntCounter,
    orphaned: IntCounter,
    deferred: IntCounter,
    stalled: IntGauge,
    paused: IntGauge,
    processes: IntGauge,
}

impl LeaseMetrics {
    pub(super) fn new(families: Families<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            expired: families.counter("job_leases_expired_total", "Pictures whose lease expired.")?,
            given_up: families.counter(
                "job_images_given_up_total",
                "Pictures that failed because too many processes crashed while processing them.",
            )?,
            stale: families.counter(
                "job_stale_completions_total",
                "Results discarded because another process held the picture's lease.",
            )?,
            orphaned: families.counter(
                "job_claims_orphaned_total",
                "Pictures that the store had assigned to a process that did not know about them.",
            )?,
            deferred: families.counter(
                "job_images_deferred_total",
                "Attempts that failed through no fault of the picture and are retried later.",
            )?,
            stalled: families.gauge(
                "jobs_stalled",
                "Jobs in processing with no queued picture and no attempt ended within three lease \
                 durations.",
            )?,
            paused: families.gauge(
                "jobs_queue_paused",
                "Pauses set by an operator: one for the whole queue, or one for each paused job type.",
            )?,
            processes: families
                .gauge("processes_alive", "Processes that share the store and have a current heartbeat.")?,
        })
    }

    pub(super) fn expired(&self, returned: u64, given_up: u64) {
        self.expired.inc_by(returned + given_up);
        self.given_up.inc_by(given_up);
    }

    pub(super) fn stale(&self) {
        self.stale.inc();
    }

    pub(super) fn orphaned(&self, pictures: u64) {
        self.orphaned.inc_by(pictures);
    }

    pub(super) fn deferred(&self) {
        self.deferred.inc();
    }

    pub(super) fn stalled(&self, jobs: u64) {
        self.stalled.set(gauge_value(jobs));
    }

    pub(super) fn paused(&self, pauses: u64) {
        self.paused.set(gauge_value(pauses));
    }

    pub(super) fn processes(&self, alive: u64) {
        self.processes.set(gauge_value(alive));
    }
}
