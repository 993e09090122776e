//! Whether the actors are up, what restarted them, what /ready says and what it found.

use prometheus::{
    IntCounterVec, IntGauge, IntGaugeVec, Registry, register_int_counter_vec_with_registry,
    register_int_gauge_vec_with_registry, register_int_gauge_with_registry,
};

use super::{Known, figure};

/// The causes of a restart.
const CAUSES: [&str; 2] = ["panic", "stop"];

#[derive(Debug)]
pub(super) struct Health {
    actor_up: IntGaugeVec,
    actor_restarts: IntCounterVec,
    dependency_ready: IntGaugeVec,
    ready: IntGauge,
    disk_free: IntGauge,
    memory_used: IntGauge,
    memory_limit: IntGauge,
}

impl Health {
    pub(super) fn new(registry: &Registry, known: &Known<'_>) -> Result<Self, prometheus::Error> {
        let bytes = |name: &str, help: &str| register_int_gauge_with_registry!(name, help, registry);
        let health = Self {
            actor_up: register_int_gauge_vec_with_registry!(
                "actor_up",
                "Whether an actor takes messages (1) or is down or backing off (0).",
                &["actor"],
                registry
            )?,
            actor_restarts: register_int_counter_vec_with_registry!(
                "actor_restarts_total",
                "Restarts of an actor, by what ended it.",
                &["actor", "cause"],
                registry
            )?,
            dependency_ready: register_int_gauge_vec_with_registry!(
                "dependency_ready",
                "Whether a dependency of /ready is well (1) or not (0).",
                &["dependency"],
                registry
            )?,
            ready: register_int_gauge_with_registry!(
                "service_ready",
                "Whether /ready answers 200 (1) or 503 (0).",
                registry
            )?,
            disk_free: bytes("disk_free_bytes", "Bytes free where the data lies, as /ready judges them.")?,
            memory_used: bytes(
                "memory_used_bytes",
                "Memory in use in the control group or the machine, as /ready judges it.",
            )?,
            memory_limit: bytes("memory_limit_bytes", "Memory of the control group or the machine in all.")?,
        };
        for actor in known.actors {
            health.actor_up.with_label_values(&[actor]);
            for cause in CAUSES {
                health.actor_restarts.with_label_values(&[*actor, cause]);
            }
        }
        for dependency in known.dependencies {
            health.dependency_ready.with_label_values(&[dependency]);
        }
        Ok(health)
    }

    pub(super) fn actor(&self, actor: &str, up: bool) {
        self.actor_up.with_label_values(&[actor]).set(up.into());
    }

    pub(super) fn restarted(&self, actor: &str, cause: &str) {
        self.actor_restarts.with_label_values(&[actor, cause]).inc();
    }

    pub(super) fn dependency(&self, dependency: &str, ok: bool) {
        self.dependency_ready.with_label_values(&[dependency]).set(ok.into());
    }

    pub(super) fn ready(&self, ready: bool) {
        self.ready.set(ready.into());
    }

    pub(super) fn disk(&self, free: u64) {
        self.disk_free.set(figure(free));
    }

    pub(super) fn memory(&self, used: u64, limit: u64) {
        self.memory_used.set(figure(used));
        self.memory_limit.set(figure(limit));
    }
}
