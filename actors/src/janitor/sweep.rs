//! The sweep: the Janitor's work itself, step by step. Work that one process does for all requires the sweep duty,
//! which is renewed before each batch. Every step may fail and is then repeated by the next round.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use huemill_observability::{Event, log};
use huemill_store::job::JobId;
use huemill_store::steady_clock::SteadyClock;
use huemill_store::store::{Corrections, Owner, Removable, SWEEP};

use super::dependencies::{JanitorDependencies, JanitorSettings};
use crate::blob_quota::BlobQuota;
use crate::clock::Instant;
use crate::estimate::Estimate;
use crate::fault::Fault;
use crate::observed::Observed;
use crate::repository::Repository;
use crate::telemetry::Recorder;

/// Number of jobs whose blobs are removed at the same time: requests to a bucket take long and cost little.
const PARALLEL_REMOVALS: usize = 16;

/// The first and the longest wait after blobs could not be removed.
const REMOVAL_WAITS: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(3_600));

/// Performs the Janitor's work on store and blobs.
pub(super) struct Sweep {
    settings: JanitorSettings,
    repository: Repository,
    owner: Owner,
    estimate: Estimate,
    quota: BlobQuota,
    observed: Observed,
    recorder: Recorder,
    /// When the duty was last requested, and whether this process got it.
    duty: Mutex<Option<(Instant, bool)>>,
    /// The last observed difference between the system clock and the steady clock.
    skew: AtomicI64,
}

/// Number of pages of the scan for orphans: one for each shard, and one for the layout before there were shards.
pub(super) const SCAN_PAGES: u16 = 257;

impl Sweep {
    pub(super) fn new(settings: JanitorSettings, dependencies: JanitorDependencies) -> Self {
        let JanitorDependencies { repository, owner, estimate, quota, observed, recorder } = dependencies;
        let (duty, skew) = (Mutex::default(), AtomicI64::new(0));
        Self { settings, repository, owner, estimate, quota, observed, recorder, duty, skew }
    }

    /// Whether no other process shares the store.
    pub(super) fn is_sole_writer(&self) -> bool {
        self.repository.store.is_sole_writer()
    }

    /// Logs a jump of the system clock, once per jump. The process ignores the jump until it restarts.
    fn check_clock(&self) {
        let skew = SteadyClock::of_process().skew_seconds();
        let reported = self.skew.swap(skew, Ordering::Relaxed);
        if skew.abs() >= 60 && (skew - reported).abs() >= 60 {
            log!(CLOCK_JUMPED, jump_s = skew, wait_s = None::<u64>);
        }
    }

    /// One round: expires jobs, removes blobs, collects rows. Does nothing where another process holds the duty.
    pub(super) async fn round(&self) -> Result<(), Fault> {
        self.check_clock();
        self.expire().await?;
        self.remove().await?;
        self.collect().await?;
        if self.holds_duty().await? {
            let quiet = self.settings.stalled;
            let stalled = self.repository.store.stalled(quiet).await?;
            self.recorder.record(Event::JobsStalled(stalled));
        }
        self.figures().await
    }

    /// Removes what ended jobs leave, and reads the figures if no other process triggers that.
    pub(super) async fn clean_up(&self) -> Result<(), Fault> {
        self.remove().await?;
        if self.is_sole_writer() { self.figures().await } else { Ok(()) }
    }

    async fn holds_duty(&self) -> Result<bool, Fault> {
        if !self.settings.sweeps {
            return Ok(false);
        }
        // An answer is valid for a third of the duty's time, which leaves enough for one more batch.
        let last = *self.duty.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, held)) = last
            && at.elapsed() < self.settings.duty / 3
        {
            return Ok(held);
        }
        let asked = Instant::now();
        let held = self.repository.store.hold_duty(&self.owner, SWEEP, self.settings.duty).await?;
        *self.duty.lock().unwrap_or_else(PoisonError::into_inner) = Some((asked, held));
        self.observed.update(|all| all.janitor.sweeps = held);
        Ok(held)
    }

    /// Reads the figures of the store: the same few rows however many jobs there are.
    pub(super) async fn figures(&self) -> Result<(), Fault> {
        let figures = self.repository.store.figures().await?;
        self.estimate.set_waiting(figures.queued_items);
        self.estimate.set_slots(figures.slots);
        self.quota.set_stored(figures.blob_bytes, figures.reserved_bytes);
        self.recorder.record(Event::Jobs {
            by_state: figures.jobs,
            queued_items: figures.queued_items,
            oldest_queued: figures.oldest_queued,
        });
        self.recorder.record(Event::Outbox { pending: figures.deliveries, dead: figures.dead_letters });
        self.recorder.record(Event::BlobBytes(figures.blob_bytes));
        self.recorder.record(Event::Processes(figures.processes));
        let pauses = if figures.pauses > 0 { self.repository.store.pauses().await? } else { Vec::new() };
        self.recorder.record(Event::QueuePaused(pauses.len() as u64));
        self.observed.queue_paused(pauses);
        Ok(())
    }

    /// Counts everything again and corrects the figures. They are right unless a process of an earlier version runs
    /// beside this one.
    pub(super) async fn recount(&self) -> Result<(), Fault> {
        if !self.holds_duty().await? {
            return Ok(());
        }
        let corrected = self.repository.store.recount().await?;
        if corrected != Corrections::default() {
            let Corrections { counters, callers } = corrected;
            log!(FIGURES_CORRECTED, by = format!("{counters:?}"), callers);
        }
        Ok(())
    }

    async fn expire(&self) -> Result<(), Fault> {
        while self.holds_duty().await? {
            let expired = self.repository.store.expire(self.settings.batch, self.settings.clock_jump).await?;
            if let Some(jump) = expired.jumped {
                let (jump_s, wait_s) = (jump.as_secs() as i64, self.settings.clock_jump.as_secs());
                log!(CLOCK_JUMPED, jump_s, wait_s);
            }
            self.count("results", expired.jobs.len() as u64);
            if expired.jobs.len() < self.settings.batch as usize {
                break;
            }
        }
        Ok(())
    }

    /// Removes the blobs of several jobs at a time, and records each group before the next. A job whose blobs cannot be removed is skipped and retried later.
    async fn remove(&self) -> Result<(), Fault> {
        while self.holds_duty().await? {
            let due = self.repository.store.removable(self.settings.batch).await?;
            let full = due.len() >= self.settings.batch as usize;
            for group in due.chunks(PARALLEL_REMOVALS) {
                // A slow blob store may take longer for a batch than the duty lasts.
                if !self.holds_duty().await? {
                    return Ok(());
                }
                self.remove_group(group).await?;
            }
            if !full {
                break;
            }
        }
        Ok(())
    }

    async fn remove_group(&self, due: &[Removable]) -> Result<(), Fault> {
        let removals = due.iter().map(|removable| self.remove_blobs(removable));
        let mut gone = Vec::with_capacity(due.len());
        for (removable, result) in due.iter().zip(join_all(removals).await) {
            match result {
                Ok(removed) => {
                    self.count("blobs", removed);
                    gone.push(removable.clone());
                }
                Err(fault) => self.skip(removable, &fault).await?,
            }
        }
        Ok(self.repository.store.removed(&gone).await?)
    }

    async fn remove_blobs(&self, due: &Removable) -> Result<u64, Fault> {
        let (blobs, Removable { job, everything, .. }) = (self.repository.blobs.clone(), due.clone());
        self.repository.on_io(async move { Ok(blobs.remove_job(&job, everything).await?) }).await
    }

    async fn skip(&self, due: &Removable, fault: &Fault) -> Result<(), Fault> {
        let (first, longest) = REMOVAL_WAITS;
        let wait = first.saturating_mul(1 << due.failures.min(16)).min(longest);
        let (job_id, retry_in_ms) = (due.job.as_str(), wait.as_millis() as u64);
        log!(BLOBS_NOT_REMOVED, job_id, retry_in_ms, cause = fault.cause.as_deref());
        self.recorder.record(Event::BlobsNotRemoved);
        Ok(self.repository.store.not_removed(&due.job, wait).await?)
    }

    async fn collect(&self) -> Result<(), Fault> {
        while self.holds_duty().await? {
            let gone = self.repository.store.collect(self.settings.batch, self.settings.tombstone).await?;
            self.count("jobs", gone.jobs);
            self.count("keys", gone.keys);
            self.count("nonces", gone.nonces);
            if !gone.more {
                break;
            }
        }
        Ok(())
    }

    /// Scans one page of the blob store for jobs without a row. The pages are small, so an interrupted scan resumes
    /// where it was.
    pub(super) async fn scan(&self, page: u16) -> Result<(), Fault> {
        if !self.holds_duty().await? {
            return Ok(());
        }
        let blobs = self.repository.blobs.clone();
        let found = async move {
            Ok(match u8::try_from(page) {
                Ok(shard) => blobs.jobs_in(shard).await?,
                Err(_) => blobs.jobs_of_old_layout().await?,
            })
        };
        let old: Vec<JobId> =
            self.repository.on_io(found).await?.into_iter().filter(|id| self.is_old(id)).collect();
        let existing = self.repository.store.living(&old).await?;
        for job in old.into_iter().filter(|id| !existing.contains(id)) {
            if self.is_being_written(&job).await? {
                continue;
            }
            let orphan = Removable { job, everything: true, failures: 0 };
            match self.remove_blobs(&orphan).await {
                Ok(removed) => self.count("orphans", removed),
                Err(fault) => {
                    let (job_id, cause) = (orphan.job.as_str(), fault.cause.as_deref());
                    log!(BLOBS_NOT_REMOVED, job_id, retry_in_ms = None::<u64>, cause);
                    self.recorder.record(Event::BlobsNotRemoved);
                }
            }
        }
        Ok(())
    }

    /// Removes unfinished writes that crashes left behind.
    pub(super) async fn sweep_unfinished(&self) -> Result<(), Fault> {
        let (blobs, age) = (self.repository.blobs.clone(), self.settings.orphan);
        let swept = self.repository.on_io(async move { Ok(blobs.sweep(age).await?) }).await?;
        self.count("orphans", swept);
        Ok(())
    }

    /// Whether a job is old enough to count as an orphan, by the time in its id; its blobs are not older.
    fn is_old(&self, id: &JobId) -> bool {
        let now = u64::try_from(SteadyClock::of_process().millis()).unwrap_or_default();
        Duration::from_millis(now).saturating_sub(id.created_at()) >= self.settings.orphan
    }

    /// Whether a job's blobs are still being written, by the blob store's clock: the id has the clock of another
    /// process, which may be wrong.
    async fn is_being_written(&self, job: &JobId) -> Result<bool, Fault> {
        let (blobs, job) = (self.repository.blobs.clone(), job.clone());
        let age = self.repository.on_io(async move { Ok(blobs.age_of(&job).await?) }).await?;
        Ok(age.is_some_and(|age| age < self.settings.orphan))
    }

    fn count(&self, kind: &'static str, count: u64) {
        if count > 0 {
            self.recorder.record(Event::Collected { kind, count });
        }
    }
}
