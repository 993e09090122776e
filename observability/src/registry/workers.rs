//! Metrics of the workers: slots, their queue and the memory budget.

use std::time::Duration;

use prometheus::{Histogram, IntGauge};

use super::families::{Families, gauge_value};

/// Buckets in seconds. A request waits at most 10 s for its slot; a picture of a job may wait longer.
const WAIT_SECONDS: [f64; 12] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

#[derive(Debug)]
pub(super) struct WorkerMetrics {
    slots: IntGauge,
    busy: IntGauge,
    guests: IntGauge,
    abandoned: IntGauge,
    depth: IntGauge,
    waited: Histogram,
    budget_used: IntGauge,
    budget_total: IntGauge,
}

impl WorkerMetrics {
    pub(super) fn new(families: Families<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            slots: families
                .gauge("worker_slots", "Worker slots, each of which processes one picture at a time.")?,
            busy: families.gauge("worker_slots_busy", "Worker slots that are processing a picture.")?,
            guests: families.gauge(
                "worker_guest_slot_busy",
                "Pictures in the guest slot, 0 or 1: it is used while all slots are taken.",
            )?,
            abandoned: families
                .gauge("worker_attempts_abandoned", "Abandoned attempts whose thread is still running.")?,
            depth: families.gauge("worker_queue_depth", "Pictures that wait for a worker slot.")?,
            waited: families.histogram(
                "worker_queue_wait_seconds",
                "Time that a picture waited for a worker slot.",
                &WAIT_SECONDS,
            )?,
            budget_used: families.gauge(
                "worker_memory_budget_used_bytes",
                "Reserved bytes of the memory budget for pictures.",
            )?,
            budget_total: families
                .gauge("worker_memory_budget_bytes", "Size of the memory budget for pictures in bytes.")?,
        })
    }

    pub(super) fn slots(&self, total: usize, busy: usize, guests: usize, abandoned: usize) {
        self.slots.set(gauge_value(total));
        self.busy.set(gauge_value(busy));
        self.guests.set(gauge_value(guests));
        self.abandoned.set(gauge_value(abandoned));
    }

    pub(super) fn depth(&self, depth: usize) {
        self.depth.set(gauge_value(depth));
    }

    pub(super) fn waited(&self, time: Duration) {
        self.waited.observe(time.as_secs_f64());
    }

    pub(super) fn budget(&self, used: u64, total: u64) {
        self.budget_used.set(gauge_value(used));
        self.budget_total.set(gauge_value(total));
    }
}
