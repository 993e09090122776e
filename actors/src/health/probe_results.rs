//! What one round of probes found, and whether it is well.

use super::probe_targets::{ProbeResult, StoreTimes};
use super::{Check, HealthSettings, MemoryUse};
use crate::supervise::ActorStatus;
use crate::workers::SlotFigures;
use std::collections::{BTreeMap, BTreeSet};

/// Each probe's answer, or why there is none.
pub(super) struct ProbeResults {
    pub(super) disk: Result<u64, String>,
    pub(super) memory: Result<MemoryUse, String>,
    pub(super) pulse: Result<SlotFigures, String>,
    /// Where it was asked: how long the store took, and the blobs.
    pub(super) store: Option<Result<StoreTimes, String>>,
    /// Whether other processes have the same store.
    pub(super) is_store_shared: bool,
    /// What came of the pings.
    pub(super) signs: Vec<ProbeResult>,
}

impl ProbeResults {
    /// The checks by the names of their dependencies.
    pub(super) fn judge(
        self,
        settings: &HealthSettings,
        actor_registry: &BTreeMap<&'static str, ActorStatus>,
    ) -> Vec<(&'static str, Check)> {
        let ill = |reason| Check::ill(reason);
        let mut checks = vec![
            ("disk", self.disk.map_or_else(ill, |free| disk(free, settings.disk_free))),
            ("mem", self.memory.map_or_else(ill, |memory| mem(memory, settings.memory_ratio))),
            ("workers", self.pulse.map_or_else(ill, workers)),
            ("actors", actors(silent(&self.signs), actor_registry)),
        ];
        let shared = self.is_store_shared;
        let store = |times: Result<_, _>| Check { shared, ..times.map_or_else(ill, store) };
        checks.extend(self.store.map(|times| ("store", store(times))));
        checks
    }
}

fn disk(free: u64, least: u64) -> Check {
    let figures = vec![("free_bytes", free), ("least_bytes", least)];
    Check::judged(free > least, figures, "too little is free")
}

fn mem(MemoryUse { used, total }: MemoryUse, ratio: f64) -> Check {
    let most = (total as f64 * ratio) as u64;
    let figures = vec![("used_bytes", used), ("most_bytes", most), ("total_bytes", total)];
    Check::judged(used < most, figures, "too much is used")
}

/// Blobs that are late or away for all are reported, and no reason to take a process out: what needs none goes on.
fn store(StoreTimes { store, blobs }: StoreTimes) -> Check {
    let mut check = Check::well(vec![("store_ms", store.as_millis() as u64)]);
    match blobs {
        Ok(time) => check.figures.push(("blobs_ms", time.as_millis() as u64)),
        Err(late) => check.reason = Some(format!("blobs: {late}")),
    }
    check
}

/// A pool that answers is well, however busy it is: a slot that is overdue would have been replaced.
fn workers(SlotFigures { slots, busy, queued, abandoned }: SlotFigures) -> Check {
    let figures = [("slots", slots), ("busy", busy), ("queued", queued), ("abandoned", abandoned)];
    Check::well(figures.map(|(name, count)| (name, count as u64)).into())
}

/// Those that gave no sign of life. The workers' is their pulse.
fn silent(signs: &[ProbeResult]) -> Vec<&'static str> {
    signs.iter().filter(|sign| !sign.answered && sign.actor != "workers").map(|sign| sign.actor).collect()
}

fn actors(silent: Vec<&'static str>, actor_registry: &BTreeMap<&'static str, ActorStatus>) -> Check {
    let down = actor_registry.iter().filter_map(|(name, standing)| (!standing.up).then_some(*name));
    let missing: BTreeSet<_> = down.chain(silent).collect();
    let up = actor_registry.keys().filter(|name| !missing.contains(*name)).count() as u64;
    let restarts = actor_registry.values().map(|standing| standing.restarts).sum();
    let names = missing.iter().copied().collect::<Vec<_>>().join(", ");
    let figures = vec![("up", up), ("restarts", restarts)];
    Check::judged(missing.is_empty(), figures, format!("not answering: {names}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn exactly_at_a_threshold_is_not_well() {
        assert!(!disk(1000, 1000).ok);
        assert!(disk(1001, 1000).ok);
        assert!(!mem(MemoryUse { used: 80, total: 100 }, 0.8).ok);
        assert!(mem(MemoryUse { used: 79, total: 100 }, 0.8).ok);
    }

    #[test]
    fn blobs_that_are_late_for_all_are_reported_and_well() {
        let (store_time, late) = (Duration::from_millis(3), Err("no answer in 20 ms".to_owned()));
        let check = store(StoreTimes { store: store_time, blobs: late });
        assert_eq!((check.ok, check.reason.as_deref()), (true, Some("blobs: no answer in 20 ms")));
        assert_eq!(check.figures, [("store_ms", 3)]);
        let check = store(StoreTimes { store: store_time, blobs: Ok(store_time) });
        assert_eq!((check.ok, check.reason), (true, None));
        assert_eq!(check.figures, [("store_ms", 3), ("blobs_ms", 3)]);
    }

    #[test]
    fn an_actor_that_is_down_or_silent_is_named_once() {
        let up = |up| ActorStatus { up, restarts: 1 };
        let actor_registry =
            BTreeMap::from([("intake", up(true)), ("metrics", up(false)), ("workers", up(true))]);
        assert!(!actors(vec![], &actor_registry).ok);
        let check = actors(vec!["metrics", "intake"], &actor_registry);
        assert_eq!(check.reason.as_deref(), Some("not answering: intake, metrics"));
        assert_eq!(check.figures, [("up", 1), ("restarts", 3)]);
    }
}
