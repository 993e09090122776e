//! The Janitor's work itself, a round at a time: what goes, what is measured. All of it may fail, and is done again.

use std::time::SystemTime;

use huemill_observability::Event;
use huemill_store::job::JobId;
use huemill_store::store::Removable;

use super::JanitorSettings;
use crate::estimate::Estimate;
use crate::fault::Fault;
use crate::fill::Fill;
use crate::metrics::Recorder;
use crate::records::Records;

/// What the janitor works with.
pub(super) struct Broom {
    pub(super) settings: JanitorSettings,
    pub(super) records: Records,
    pub(super) estimate: Estimate,
    pub(super) fill: Fill,
    pub(super) recorder: Recorder,
}

impl Broom {
    pub(super) async fn round(&self, walk: bool) -> Result<(), Fault> {
        self.expire().await?;
        self.collect().await?;
        if walk {
            self.walk().await?;
        }
        self.tidy().await
    }

    /// What ended jobs leave at once, and the figures.
    pub(super) async fn tidy(&self) -> Result<(), Fault> {
        self.remove().await?;
        let figures = self.records.store.figures().await?;
        self.estimate.set_waiting(figures.queued_items);
        self.recorder.record(Event::Jobs {
            by_state: figures.jobs,
            queued_items: figures.queued_items,
            oldest_queued: figures.oldest_queued,
        });
        self.recorder.record(Event::Outbox { pending: figures.deliveries, dead: figures.dead_letters });
        Ok(())
    }

    async fn expire(&self) -> Result<(), Fault> {
        loop {
            let expired = self.records.store.expire(self.settings.batch).await?.len();
            self.count("results", expired as u64);
            if expired < self.settings.batch as usize {
                return Ok(());
            }
        }
    }

    async fn remove(&self) -> Result<(), Fault> {
        loop {
            let due = self.records.store.removable(self.settings.batch).await?;
            let full = due.len() >= self.settings.batch as usize;
            let removed = self.remove_blobs(due.clone()).await?;
            self.count("blobs", removed);
            self.records.store.removed(&due).await?;
            if !full {
                return Ok(());
            }
        }
    }

    async fn remove_blobs(&self, due: Vec<Removable>) -> Result<u64, Fault> {
        let blobs = self.records.blobs.clone();
        let remove = async move {
            let mut removed = 0;
            for Removable { job, everything } in due {
                removed += blobs.remove_job(&job, everything).await?;
            }
            Ok(removed)
        };
        self.records.on_io(remove).await
    }

    async fn collect(&self) -> Result<(), Fault> {
        loop {
            let gone = self.records.store.collect(self.settings.batch, self.settings.tombstone).await?;
            self.count("jobs", gone.jobs);
            self.count("keys", gone.keys);
            self.count("nonces", gone.nonces);
            if !gone.more {
                return Ok(());
            }
        }
    }

    /// Looks for blobs without a row, shard by shard.
    async fn walk(&self) -> Result<(), Fault> {
        for shard in 0..=u8::MAX {
            let blobs = self.records.blobs.clone();
            let found = self.records.on_io(async move { Ok(blobs.jobs_in(shard).await?) }).await?;
            self.remove_orphans(found).await?;
        }
        let blobs = self.records.blobs.clone();
        let found = self.records.on_io(async move { Ok(blobs.jobs_of_old_layout().await?) }).await?;
        self.remove_orphans(found).await?;
        let (blobs, age) = (self.records.blobs.clone(), self.settings.orphan);
        let swept = self.records.on_io(async move { Ok(blobs.sweep(age).await?) }).await?;
        self.count("orphans", swept);
        Ok(())
    }

    async fn remove_orphans(&self, mut found: Vec<JobId>) -> Result<(), Fault> {
        found.retain(|id| self.is_old(id));
        for page in found.chunks(self.settings.batch as usize) {
            let living = self.records.store.living(page).await?;
            let orphans = page.iter().filter(|id| !living.contains(id)).cloned();
            let orphans = orphans.map(|job| Removable { job, everything: true }).collect();
            let removed = self.remove_blobs(orphans).await?;
            self.count("orphans", removed);
        }
        Ok(())
    }

    pub(super) async fn measure(&self) -> Result<(), Fault> {
        let blobs = self.records.blobs.clone();
        let used = self.records.on_io(async move { Ok(blobs.used().await?) }).await?;
        self.fill.measured(used);
        self.recorder.record(Event::BlobBytes(used));
        Ok(())
    }

    fn is_old(&self, job: &JobId) -> bool {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        since_1970.saturating_sub(job.created_at()) >= self.settings.orphan
    }

    fn count(&self, kind: &'static str, count: u64) {
        if count > 0 {
            self.recorder.record(Event::Collected { kind, count });
        }
    }
}
