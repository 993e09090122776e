//! Whether the actors are up, what restarted them, and what /ready says.

use prometheus::{
    IntCounterVec, IntGauge, IntGaugeVec, Registry, register_int_counter_vec_with_registry,
    register_int_gauge_vec_with_registry, register_int_gauge_with_registry,
};

use super::Known;

/// The causes of a restart.
const CAUSES: [&str; 2] = ["panic", "stop"];

#[derive(Debug)]
pub(super) struct Health {
    actor_up: IntGaugeVec,
    actor_restarts: IntCounterVec,
    dependency_ready: IntGaugeVec,
    ready: IntGauge,
}

impl Health {
    pub(super) fn new(registry: &Registry, known: &Known<'_>) -> Result<Self, prometheus::Error> {
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
}
