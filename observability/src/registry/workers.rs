//! The worker slots, the queue in front of them and the memory budget.

use std::time::Duration;

use prometheus::{
    Histogram, IntGauge, Registry, register_histogram_with_registry, register_int_gauge_with_registry,
};

use super::figure;

/// Edges in seconds: a request waits 10 s at most for its slot, a picture of a batch longer.
const WAIT_SECONDS: [f64; 12] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

#[derive(Debug)]
pub(super) struct Workers {
    slots: IntGauge,
    busy: IntGauge,
    abandoned: IntGauge,
    depth: IntGauge,
    waited: Histogram,
    budget_used: IntGauge,
    budget_total: IntGauge,
}

impl Workers {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| register_int_gauge_with_registry!(name, help, registry);
        Ok(Self {
            slots: gauge("worker_slots", "Slots in which pictures are worked on.")?,
            busy: gauge("worker_slots_busy", "Slots with an attempt on them.")?,
            abandoned: gauge("worker_attempts_abandoned", "Attempts given up whose thread still runs.")?,
            depth: gauge("worker_queue_depth", "Pictures that wait for a slot.")?,
            waited: register_histogram_with_registry!(
                "worker_queue_wait_seconds",
                "Time that a picture waited for its slot.",
                WAIT_SECONDS.to_vec(),
                registry
            )?,
            budget_used: gauge("worker_memory_budget_used_bytes", "Bytes of the memory budget in use.")?,
            budget_total: gauge("worker_memory_budget_bytes", "Bytes of the memory budget in all.")?,
        })
    }

    pub(super) fn slots(&self, total: usize, busy: usize, abandoned: usize) {
        self.slots.set(figure(total));
        self.busy.set(figure(busy));
        self.abandoned.set(figure(abandoned));
    }

    pub(super) fn depth(&self, depth: usize) {
        self.depth.set(figure(depth));
    }

    pub(super) fn waited(&self, time: Duration) {
        self.waited.observe(time.as_secs_f64());
    }

    pub(super) fn budget(&self, used: u64, total: u64) {
        self.budget_used.set(figure(used));
        self.budget_total.set(figure(total));
    }
}
