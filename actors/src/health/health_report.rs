//! The health report: what /ready answers. It lies in a shared cell, so that reading it needs no message and never
//! waits.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::clock::{Clock, Instant};
use crate::supervise::{DrainFlag, ShutdownTrigger};

/// The dependencies of /ready, under the names that it shows.
pub const DEPENDENCIES: [&str; 7] = ["actors", "colorthief", "disk", "mem", "smartcrop", "store", "workers"];

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Whether the check passed.
    pub ok: bool,
    /// The measurements; each name contains the unit.
    pub figures: Vec<(&'static str, u64)>,
    /// Why the check failed, or what is unusual although it passed.
    pub reason: Option<String>,
    /// Whether all processes that share the store get the same result, so that removing this one would not help.
    pub shared: bool,
}

impl Check {
    /// A check that passed.
    pub(crate) fn passed(figures: Vec<(&'static str, u64)>) -> Self {
        Self { ok: true, figures, reason: None, shared: false }
    }

    /// A check that failed.
    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self { ok: false, figures: Vec::new(), reason: Some(reason.into()), shared: false }
    }

    /// A check that passed if `ok`; the reason is used otherwise.
    pub(crate) fn passed_if(ok: bool, figures: Vec<(&'static str, u64)>, reason: impl Into<String>) -> Self {
        Self { ok, figures, reason: (!ok).then(|| reason.into()), shared: false }
    }
}

/// Whether the service can do its work, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthReport {
    /// Whether it is ready: all checks passed, the report is fresh, and the process neither drains nor shuts down.
    pub ready: bool,
    /// What else prevents readiness: `starting`, `stale`, `draining` or `doomed` (after a fatal error).
    pub reason: Option<&'static str>,
    /// The check of each of [`DEPENDENCIES`].
    pub checks: BTreeMap<&'static str, Check>,
    /// The age of the checks; `None` before the first.
    pub age: Option<Duration>,
}

impl HealthReport {
    /// Each dependency by name, and whether its check passed.
    pub fn dependencies(&self) -> impl Iterator<Item = (&'static str, bool)> + '_ {
        self.checks.iter().map(|(name, check)| (*name, check.ok))
    }
}

/// The latest checks.
#[derive(Debug)]
struct LatestChecks {
    checks: BTreeMap<&'static str, Check>,
    at: Option<Instant>,
}

/// Holds the latest checks and makes reports of them. Clones share it.
#[derive(Debug, Clone)]
pub struct HealthCell {
    latest: Arc<RwLock<LatestChecks>>,
    clock: Clock,
    stale: Duration,
    drain: DrainFlag,
    shutdown_trigger: ShutdownTrigger,
}

impl HealthCell {
    /// A cell that reports `starting`. Checks older than `stale` count as not ready.
    #[must_use]
    pub fn new(clock: Clock, stale: Duration, drain: DrainFlag, shutdown_trigger: ShutdownTrigger) -> Self {
        let unknown = |name| (name, Check::failed("not checked yet"));
        let checks = DEPENDENCIES.into_iter().map(unknown).collect();
        Self {
            latest: Arc::new(RwLock::new(LatestChecks { checks, at: None })),
            clock,
            stale,
            drain,
            shutdown_trigger,
        }
    }

    /// The report of this moment.
    #[must_use]
    pub fn read(&self) -> HealthReport {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        let age = latest.at.map(|at| self.clock.now().saturating_duration_since(at));
        let reason = if self.shutdown_trigger.is_triggered() {
            Some("doomed")
        } else if self.drain.is_announced() {
            Some("draining")
        } else {
            match age {
                None => Some("starting"),
                Some(age) if age > self.stale => Some("stale"),
                Some(_) => None,
            }
        };
        let ready = reason.is_none() && latest.checks.values().all(|check| check.ok);
        HealthReport { ready, reason, checks: latest.checks.clone(), age }
    }

    /// Replaces the checks of some dependencies; the others stay.
    pub(super) fn update(&self, checks: impl IntoIterator<Item = (&'static str, Check)>) {
        self.latest.write().unwrap_or_else(PoisonError::into_inner).checks.extend(checks);
    }

    /// Sets the time of the checks to now.
    pub(super) fn mark_fresh(&self) {
        let now = self.clock.now();
        self.latest.write().unwrap_or_else(PoisonError::into_inner).at = Some(now);
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

    fn pass_all(cell: &HealthCell) {
        cell.update(DEPENDENCIES.map(|name| (name, Check::passed(Vec::new()))));
        cell.mark_fresh();
    }

    #[test]
    fn nothing_is_ready_before_the_first_checks() {
        let report = cell().read();
        assert_eq!((report.ready, report.reason, report.age), (false, Some("starting"), None));
        assert_eq!(report.dependencies().collect::<Vec<_>>(), DEPENDENCIES.map(|name| (name, false)));
    }

    #[test]
    fn one_failed_check_makes_the_report_not_ready() {
        for failed in DEPENDENCIES {
            let cell = cell();
            pass_all(&cell);
            assert!(cell.read().ready);
            cell.update([(failed, Check::failed("broken"))]);
            let report = cell.read();
            assert_eq!((report.ready, report.reason), (false, None));
            assert_eq!(report.checks[failed].reason.as_deref(), Some("broken"));
        }
    }

    #[test]
    fn checks_older_than_thirty_seconds_are_stale() {
        let cell = cell();
        pass_all(&cell);
        cell.clock.advance(Duration::from_secs(30));
        assert!(cell.read().ready);
        cell.clock.advance(Duration::from_millis(1));
        assert_eq!(cell.read().reason, Some("stale"));
        pass_all(&cell);
        assert!(cell.read().ready);
    }

    #[test]
    fn a_drain_and_a_fatal_error_show_at_once() {
        let cell = cell();
        pass_all(&cell);
        cell.drain.begin();
        assert_eq!((cell.read().ready, cell.read().reason), (false, Some("draining")));
        cell.shutdown_trigger
            .trigger(crate::supervise::FatalError { actor: "workers", reason: String::new() });
        assert_eq!((cell.read().ready, cell.read().reason), (false, Some("doomed")));
    }
}
