//! The Janitor's work itself, a step at a time. What one process does for all is done by whoever holds the duty, asked
//! for anew before each batch. All of it may fail, and is done again.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use huemill_observability::{Event, log};
use huemill_store::job::JobId;
use huemill_store::steady_clock::SteadyClock;
use huemill_store::store::{Owner, Removable};

use super::JanitorSettings;
use crate::blob_quota::BlobQuota;
use crate::clock::Instant;
use crate::estimate::Estimate;
use crate::fault::Fault;
use crate::metrics::Recorder;
use crate::observed::Observed;
use crate::repository::Repository;

/// The duty of expiring, removing and collecting.
const SWEEP: &str = "sweep";

/// The first wait after blobs could not be removed, and the longest.
const REMOVAL_WAITS: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(3_600));

/// What the janitor works with.
pub(super) struct Sweep {
    settings: JanitorSettings,
    repository: Repository,
    owner: Owner,
    estimate: Estimate,
    quota: BlobQuota,
    observed: Observed,
    recorder: Recorder,
    /// When the duty was last asked for, and what the answer was.
    duty: Mutex<Option<(Instant, bool)>>,
    /// How far the system's clock was off when that was last looked at.
    skew: AtomicI64,
}

/// What a page of the walk for orphans covers: the shards of one number, or the layout before there were shards.
pub(super) const WALK_PAGES: u16 = 257;

impl Sweep {
    pub(super) fn new(
        settings: JanitorSettings,
        repository: Repository,
        owner: Owner,
        (estimate, quota): (Estimate, BlobQuota),
        observed: Observed,
        recorder: Recorder,
    ) -> Self {
        Self {
            settings,
            repository,
            owner,
            estimate,
            quota,
            observed,
            recorder,
            duty: Mutex::default(),
            skew: AtomicI64::new(0),
        }
    }

    /// Whether no other process shares the store.
    pub(super) fn is_alone(&self) -> bool {
        self.repository.store.is_sole_writer()
    }

    /// Reports a jump of the system's clock, once each. It is not believed before the next start.
    fn look_at_the_clock(&self) {
        let skew = SteadyClock::of_process().skew_seconds();
        let reported = self.skew.swap(skew, Ordering::Relaxed);
        if skew.abs() >= 60 && (skew - reported).abs() >= 60 {
            log!(CLOCK_JUMPED, jump_s = skew, wait_s = None::<u64>);
        }
    }

    /// One round: what has expired, what is to be removed, what is to be forgotten. Nothing where another process does it.
    pub(super) async fn round(&self) -> Result<(), Fault> {
        self.look_at_the_clock();
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

    /// What ended jobs leave at once, and the figures where no other process looks at them now and then.
    pub(super) async fn tidy(&self) -> Result<(), Fault> {
        self.remove().await?;
        if self.is_alone() { self.figures().await } else { Ok(()) }
    }

    async fn holds_duty(&self) -> Result<bool, Fault> {
        if !self.settings.sweeps {
            return Ok(false);
        }
        // An answer is good for a third of the duty's time: enough of it is left then for one more batch.
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

    /// The figures of the store: the same few rows however many jobs there are.
    pub(super) async fn figures(&self) -> Result<(), Fault> {
        let figures = self.repository.store.figures().await?;
        self.estimate.set_waiting(figures.queued_items);
        self.estimate.set_slots(figures.slots);
        self.quota.counted(figures.blob_bytes);
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

    /// Counts everything anew and corrects the figures. They are right unless a process of an earlier version works
    /// beside this one.
    pub(super) async fn recount(&self) -> Result<(), Fault> {
        if !self.holds_duty().await? {
            return Ok(());
        }
        let corrected = self.repository.store.recount().await?;
        if corrected.iter().any(|difference| *difference != 0) {
            log!(FIGURES_CORRECTED, by = format!("{corrected:?}"));
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

    /// Removes blobs job by job. One whose blobs cannot be removed is passed over, and tried again later.
    async fn remove(&self) -> Result<(), Fault> {
        while self.holds_duty().await? {
            let due = self.repository.store.removable(self.settings.batch).await?;
            let full = due.len() >= self.settings.batch as usize;
            let mut gone = Vec::with_capacity(due.len());
            for removable in due {
                match self.remove_blobs(&removable).await {
                    Ok(removed) => {
                        self.count("blobs", removed);
                        gone.push(removable);
                    }
                    Err(fault) => self.pass_over(&removable, &fault).await?,
                }
            }
            self.repository.store.removed(&gone).await?;
            if !full {
                break;
            }
        }
        Ok(())
    }

    async fn remove_blobs(&self, due: &Removable) -> Result<u64, Fault> {
        let (blobs, Removable { job, everything, .. }) = (self.repository.blobs.clone(), due.clone());
        self.repository.on_io(async move { Ok(blobs.remove_job(&job, everything).await?) }).await
    }

    async fn pass_over(&self, due: &Removable, fault: &Fault) -> Result<(), Fault> {
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

    /// Looks through one page of the blob store for jobs without a row. The pages are small: a walk that is broken off
    /// goes on where it was.
    pub(super) async fn walk(&self, page: u16) -> Result<(), Fault> {
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
        let living = self.repository.store.living(&old).await?;
        for job in old.into_iter().filter(|id| !living.contains(id)) {
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

    /// Removes what crashes left of unfinished writes.
    pub(super) async fn sweep_unfinished(&self) -> Result<(), Fault> {
        let (blobs, age) = (self.repository.blobs.clone(), self.settings.orphan);
        let swept = self.repository.on_io(async move { Ok(blobs.sweep(age).await?) }).await?;
        self.count("orphans", swept);
        Ok(())
    }

    /// By the time in its id: a job's blobs are not older.
    fn is_old(&self, id: &JobId) -> bool {
        let now = u64::try_from(SteadyClock::of_process().millis()).unwrap_or_default();
        Duration::from_millis(now).saturating_sub(id.created_at()) >= self.settings.orphan
    }

    /// By the blob store's own clock: the id is by that of another process, which may be wrong.
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
