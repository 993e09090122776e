//! Turns the results of one round of probes into the checks of the health report, by the thresholds of the settings.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::health_report::Check;
use super::probe_targets::{ProbeResult, StoreTimes};
use crate::probe::MemoryUse;
use crate::supervise::ActorStatus;
use crate::workers::SlotFigures;

settings! {
    /// How often the health checks run, and their thresholds.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub struct HealthSettings {
        /// Time between two rounds of probes.
        pub interval: Duration = Duration::from_secs(5),
        /// Time limit of one probe.
        pub timeout: Duration = Duration::from_secs(3),
        /// Time between two canaries that gave a result.
        pub canary_interval: Duration = Duration::from_secs(30),
        /// Time limit of a canary, waiting included.
        pub canary_timeout: Duration = Duration::from_secs(20),
        /// Time between two probes of store and blobs.
        pub store_interval: Duration = Duration::from_secs(10),
        /// Age at which the checks are stale, which means not ready.
        pub stale: Duration = Duration::from_secs(30),
        /// Bytes that must be free on the data disk.
        pub disk_free: u64 = 1_000_000_000,
        /// The share of the memory, 0 to 1, below which its use must stay.
        pub memory_ratio: f64 = 0.8,
    }
}

/// The result of each probe, or why there is none.
pub(super) struct ProbeResults {
    pub(super) disk: Result<u64, String>,
    pub(super) memory: Result<MemoryUse, String>,
    pub(super) slots: Result<SlotFigures, String>,
    /// How long store and blobs took, if they were probed in this round.
    pub(super) store: Option<Result<StoreTimes, String>>,
    /// Whether other processes share the store.
    pub(super) is_store_shared: bool,
    pub(super) pings: Vec<ProbeResult>,
}

impl ProbeResults {
    /// The checks by the names of their dependencies.
    pub(super) fn checks(
        self,
        settings: &HealthSettings,
        actor_registry: &BTreeMap<&'static str, ActorStatus>,
    ) -> Vec<(&'static str, Check)> {
        let failed = |reason| Check::failed(reason);
        let mut checks = vec![
            ("disk", self.disk.map_or_else(failed, |free| disk(free, settings.disk_free))),
            ("mem", self.memory.map_or_else(failed, |memory| mem(memory, settings.memory_ratio))),
            ("workers", self.slots.map_or_else(failed, workers)),
            ("actors", actors(unanswered(&self.pings), actor_registry)),
        ];
        let shared = self.is_store_shared;
        let store = |times: Result<_, _>| Check { shared, ..times.map_or_else(failed, store) };
        checks.extend(self.store.map(|times| ("store", store(times))));
        checks
    }
}

fn disk(free: u64, least: u64) -> Check {
    let figures = vec![("free_bytes", free), ("least_bytes", least)];
    Check::passed_if(free > least, figures, "too little is free")
}

fn mem(MemoryUse { used, total }: MemoryUse, ratio: f64) -> Check {
    let most = (total as f64 * ratio) as u64;
    let figures = vec![("used_bytes", used), ("most_bytes", most), ("total_bytes", total)];
    Check::passed_if(used < most, figures, "too much is used")
}

/// Late or unavailable blobs that all processes share are reported, but the check passes: what needs no blobs still
/// works.
fn store(StoreTimes { store, blobs }: StoreTimes) -> Check {
    let mut check = Check::passed(vec![("store_ms", store.as_millis() as u64)]);
    match blobs {
        Ok(time) => check.figures.push(("blobs_ms", time.as_millis() as u64)),
        Err(late) => check.reason = Some(format!("blobs: {late}")),
    }
    check
}

/// Slots that answer pass the check however busy they are: an overdue slot would have been replaced.
fn workers(SlotFigures { slots, busy, queued, abandoned, .. }: SlotFigures) -> Check {
    let figures = [("slots", slots), ("busy", busy), ("queued", queued), ("abandoned", abandoned)];
    Check::passed(figures.map(|(name, count)| (name, count as u64)).into())
}

/// The actors that did not answer a ping. Workers are checked by their slot figures instead.
fn unanswered(pings: &[ProbeResult]) -> Vec<&'static str> {
    pings.iter().filter(|ping| !ping.answered && ping.actor != "workers").map(|ping| ping.actor).collect()
}

fn actors(unanswered: Vec<&'static str>, actor_registry: &BTreeMap<&'static str, ActorStatus>) -> Check {
    let down = actor_registry.iter().filter_map(|(name, status)| (!status.up).then_some(*name));
    let missing: BTreeSet<_> = down.chain(unanswered).collect();
    let up = actor_registry.keys().filter(|name| !missing.contains(*name)).count() as u64;
    let restarts = actor_registry.values().map(|status| status.restarts).sum();
    let names = missing.iter().copied().collect::<Vec<_>>().join(", ");
    let figures = vec![("up", up), ("restarts", restarts)];
    Check::passed_if(missing.is_empty(), figures, format!("not answering: {names}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_value_exactly_at_its_threshold_fails() {
        assert!(!disk(1000, 1000).ok);
        assert!(disk(1001, 1000).ok);
        assert!(!mem(MemoryUse { used: 80, total: 100 }, 0.8).ok);
        assert!(mem(MemoryUse { used: 79, total: 100 }, 0.8).ok);
    }

    #[test]
    fn late_shared_blobs_are_reported_and_the_check_passes() {
        let (store_time, late) = (Duration::from_millis(3), Err("no answer in 20 ms".to_owned()));
        let check = store(StoreTimes { store: store_time, blobs: late });
        assert_eq!((check.ok, check.reason.as_deref()), (true, Some("blobs: no answer in 20 ms")));
        assert_eq!(check.figures, [("store_ms", 3)]);
        let check = store(StoreTimes { store: store_time, blobs: Ok(store_time) });
        assert_eq!((check.ok, check.reason), (true, None));
        assert_eq!(check.figures, [("store_ms", 3), ("blobs_ms", 3)]);
    }

    #[test]
    fn an_actor_that_is_down_or_does_not_answer_is_named_once() {
        let up = |up| ActorStatus { up, restarts: 1 };
        let actor_registry =
            BTreeMap::from([("intake", up(true)), ("metrics", up(false)), ("workers", up(true))]);
        assert!(!actors(vec![], &actor_registry).ok);
        let check = actors(vec!["metrics", "intake"], &actor_registry);
        assert_eq!(check.reason.as_deref(), Some("not answering: intake, metrics"));
        assert_eq!(check.figures, [("up", 1), ("restarts", 3)]);
    }
}
