//! The verdict: what /ready answers, in a shared cell, so that reading it is no work and waits for nobody.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::clock::{Clock, Instant};
use crate::intake::DrainFlag;
use crate::supervise::ShutdownTrigger;

/// The dependencies of /ready, by the names under which it shows them.
pub const DEPENDENCIES: [&str; 7] = ["actors", "colorthief", "disk", "mem", "smartcrop", "store", "workers"];

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Whether the dependency is well.
    pub ok: bool,
    /// What was measured; the unit is in the name.
    pub figures: Vec<(&'static str, u64)>,
    /// Why it is not well, or what is odd about it.
    pub reason: Option<String>,
    /// Whether all processes that share the store see the same, so that taking this one out would help nobody.
    pub shared: bool,
}

impl Check {
    /// A dependency that is well.
    pub(crate) fn well(figures: Vec<(&'static str, u64)>) -> Self {
        Self { ok: true, figures, reason: None, shared: false }
    }

    /// A dependency that is not.
    pub(crate) fn ill(reason: impl Into<String>) -> Self {
        Self { ok: false, figures: Vec::new(), reason: Some(reason.into()), shared: false }
    }

    /// Well as long as `ok`.
    pub(crate) fn judged(ok: bool, figures: Vec<(&'static str, u64)>, reason: impl Into<String>) -> Self {
        Self { ok, figures, reason: (!ok).then(|| reason.into()), shared: false }
    }
}

/// Whether the service can do its work, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthReport {
    /// Whether it is ready: all dependencies are well, the verdict is fresh, nothing drains or is doomed.
    pub ready: bool,
    /// What stands against it beside the dependencies: `starting`, `stale`, `draining` or `fail_for_good`.
    pub reason: Option<&'static str>,
    /// Each of [`DEPENDENCIES`], and what was found.
    pub checks: BTreeMap<&'static str, Check>,
    /// How old the findings are; `None` before the first.
    pub age: Option<Duration>,
}

impl HealthReport {
    /// Each dependency by name, and whether it is well.
    pub fn dependencies(&self) -> impl Iterator<Item = (&'static str, bool)> + '_ {
        self.checks.iter().map(|(name, check)| (*name, check.ok))
    }
}

/// What Health found last.
#[derive(Debug)]
struct Findings {
    checks: BTreeMap<&'static str, Check>,
    at: Option<Instant>,
}

/// Where the verdict is read. Clones share it.
#[derive(Debug, Clone)]
pub struct HealthCell {
    findings: Arc<RwLock<Findings>>,
    clock: Clock,
    stale: Duration,
    drain: DrainFlag,
    shutdown_trigger: ShutdownTrigger,
}

impl HealthCell {
    /// A cell that says `starting`. Findings older than `stale` count as not ready.
    #[must_use]
    pub fn new(clock: Clock, stale: Duration, drain: DrainFlag, shutdown_trigger: ShutdownTrigger) -> Self {
        let unknown = |name| (name, Check::ill("not checked yet"));
        let checks = DEPENDENCIES.into_iter().map(unknown).collect();
        Self {
            findings: Arc::new(RwLock::new(Findings { checks, at: None })),
            clock,
            stale,
            drain,
            shutdown_trigger,
        }
    }

    /// The verdict of this moment.
    #[must_use]
    pub fn read(&self) -> HealthReport {
        let findings = self.findings.read().unwrap_or_else(PoisonError::into_inner);
        let age = findings.at.map(|at| self.clock.now().saturating_duration_since(at));
        let reason = if self.shutdown_trigger.is_triggered() {
            Some("doomed")
        } else if self.drain.has_begun() {
            Some("draining")
        } else {
            match age {
                None => Some("starting"),
                Some(age) if age > self.stale => Some("stale"),
                Some(_) => None,
            }
        };
        let ready = reason.is_none() && findings.checks.values().all(|check| check.ok);
        HealthReport { ready, reason, checks: findings.checks.clone(), age }
    }

    /// Takes new findings about some dependencies; the others stay as they are.
    pub(super) fn note(&self, checks: impl IntoIterator<Item = (&'static str, Check)>) {
        self.findings.write().unwrap_or_else(PoisonError::into_inner).checks.extend(checks);
    }

    /// All checks were made just now.
    pub(super) fn stamp(&self) {
        let now = self.clock.now();
        self.findings.write().unwrap_or_else(PoisonError::into_inner).at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell() -> HealthCell {
        HealthCell::new(
            Clock::manual(),
            Duration::from_secs(30),
            DrainFlag::default(),
            ShutdownTrigger::new().0,
        )
    }

    fn all_well(cell: &HealthCell) {
        cell.note(DEPENDENCIES.map(|name| (name, Check::well(Vec::new()))));
        cell.stamp();
    }

    #[test]
    fn nothing_is_ready_before_the_first_findings() {
        let verdict = cell().read();
        assert_eq!((verdict.ready, verdict.reason, verdict.age), (false, Some("starting"), None));
        assert_eq!(verdict.dependencies().collect::<Vec<_>>(), DEPENDENCIES.map(|name| (name, false)));
    }

    #[test]
    fn one_dependency_that_is_ill_is_enough() {
        for ill in DEPENDENCIES {
            let cell = cell();
            all_well(&cell);
            assert!(cell.read().ready);
            cell.note([(ill, Check::ill("broken"))]);
            let verdict = cell.read();
            assert_eq!((verdict.ready, verdict.reason), (false, None));
            assert_eq!(verdict.checks[ill].reason.as_deref(), Some("broken"));
        }
    }

    #[test]
    fn findings_of_more_than_thirty_seconds_ago_are_stale() {
        let cell = cell();
        all_well(&cell);
        cell.clock.advance(Duration::from_secs(30));
        assert!(cell.read().ready);
        cell.clock.advance(Duration::from_millis(1));
        assert_eq!(cell.read().reason, Some("stale"));
        all_well(&cell);
        assert!(cell.read().ready);
    }

    #[test]
    fn a_drain_and_a_doom_are_seen_at_once() {
        let cell = cell();
        all_well(&cell);
        cell.drain.begin();
        assert_eq!((cell.read().ready, cell.read().reason), (false, Some("draining")));
        cell.shutdown_trigger
            .trigger(crate::supervise::FatalError { actor: "workers", reason: String::new() });
        assert_eq!((cell.read().ready, cell.read().reason), (false, Some("doomed")));
    }
}
