//! Each call of the contracts, as the operation or the reads that answer it.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use super::counters::CounterDeltas;
use super::dialect::Dialect;
use super::fault::store_error;
use super::{
    SqlStore, claim, counters, create, ends, heartbeat, outbox, pauses, read, reap, secrets, settle, sweep,
};
use crate::job::{Item, ItemError, Job, JobId, JobKind, NewJob};
use crate::outbox::{After, ClaimDue, Deliveries, Delivery, DeliveryLease, DueDeliveries, Outbox, Try};
use crate::store::{
    Ask, Canceled, Claims, Collected, Created, Expired, Figures, Heartbeat, JobVersion, Key, Lease, Listing,
    Outcome, Owner, Process, Reaped, Reconciled, Removable, Retried, Selection, Settled, Store, StoreError,
};

#[async_trait]
impl Store for SqlStore {
    async fn create(&self, job: NewJob) -> Result<Created, StoreError> {
        self.write(create::Create(job)).await
    }

    async fn key(&self, scope: &str, key: &str) -> Result<Option<Key>, StoreError> {
        let mut reader = self.reader().await?;
        read(async {
            let now = self.dialect.now(&mut reader).await?;
            create::find_key(&mut reader, now.wall, scope, key).await
        })
        .await
    }

    async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        let mut reader = self.reader().await?;
        read(read::job(&mut reader, id)).await
    }

    async fn job_version(&self, id: &JobId) -> Result<Option<JobVersion>, StoreError> {
        let mut reader = self.reader().await?;
        read(read::job_version(&mut reader, id)).await
    }

    async fn items(&self, id: &JobId, from: u32, limit: u32) -> Result<Vec<Item>, StoreError> {
        let mut reader = self.reader().await?;
        read(read::items(&mut reader, id, from, limit)).await
    }

    async fn list(&self, listing: &Listing) -> Result<Vec<Job>, StoreError> {
        let mut reader = self.reader().await?;
        read(read::list(&mut reader, listing)).await
    }

    async fn claim(&self, ask: &Ask) -> Result<Claims, StoreError> {
        if self.idle.load(Ordering::Relaxed)
            && ask.selection == Selection::InTurn
            && let Some(nothing) = self.look().await?
        {
            return Ok(nothing);
        }
        let claims = self.write_leases(claim::Take(ask.clone())).await?;
        self.idle.store(!self.is_sole_writer() && claims.items.is_empty(), Ordering::Relaxed);
        Ok(claims)
    }

    async fn heartbeat(&self, heartbeat: &Heartbeat) -> Result<Reconciled, StoreError> {
        self.write_leases(heartbeat.clone()).await
    }

    async fn leave(&self, owner: &Owner) -> Result<(), StoreError> {
        self.write(heartbeat::Leave(owner.clone())).await
    }

    async fn processes(&self) -> Result<Vec<Process>, StoreError> {
        let mut reader = self.reader().await?;
        read(async {
            let now = self.dialect.now(&mut reader).await?;
            heartbeat::list(&mut reader, now).await
        })
        .await
    }

    async fn pause(&self, kind: Option<JobKind>) -> Result<(), StoreError> {
        self.write(pauses::Pause(kind)).await
    }

    async fn resume(&self, kind: Option<JobKind>) -> Result<(), StoreError> {
        self.write(pauses::Resume(kind)).await
    }

    async fn pauses(&self) -> Result<Vec<Option<JobKind>>, StoreError> {
        let mut reader = self.reader().await?;
        Ok(read(pauses::read(&mut reader)).await?.list())
    }

    async fn settle(&self, lease: &Lease, outcome: Outcome, pace_ms: u64) -> Result<Settled, StoreError> {
        self.write(settle::Settle { lease: lease.clone(), outcome, pace_ms }).await
    }

    async fn give_back(&self, leases: &[Lease]) -> Result<u64, StoreError> {
        self.write(settle::GiveBack(leases.to_vec())).await
    }

    async fn reap(&self, most: u32, crashes: u32, error: &ItemError) -> Result<Reaped, StoreError> {
        self.write_leases(reap::Reap { most, crashes, error: error.clone() }).await
    }

    async fn fetched(&self, id: &JobId) -> Result<bool, StoreError> {
        self.write(settle::Fetched(id.clone())).await
    }

    async fn retry(&self, id: &JobId) -> Result<Retried, StoreError> {
        self.write(ends::Retry(id.clone())).await
    }

    async fn cancel(&self, id: &JobId) -> Result<Canceled, StoreError> {
        self.write(ends::Cancel(id.clone())).await
    }

    async fn delete(&self, id: &JobId) -> Result<bool, StoreError> {
        self.write(ends::Delete(id.clone())).await
    }

    async fn hold_duty(&self, owner: &Owner, name: &str, lease: Duration) -> Result<bool, StoreError> {
        if self.is_sole_writer() {
            return Ok(true);
        }
        self.write(heartbeat::HoldDuty { owner: owner.clone(), name: name.to_owned(), lease }).await
    }

    async fn expire(&self, most: u32, jump: Duration) -> Result<Expired, StoreError> {
        self.write(sweep::Expire { most, jump }).await
    }

    async fn removable(&self, most: u32) -> Result<Vec<Removable>, StoreError> {
        let mut reader = self.reader().await?;
        read(async {
            let now = self.dialect.now(&mut reader).await?;
            read::removable(&mut reader, now, most).await
        })
        .await
    }

    async fn removed(&self, gone: &[Removable]) -> Result<(), StoreError> {
        self.write(sweep::Removed(gone.to_vec())).await
    }

    async fn not_removed(&self, job: &JobId, wait: Duration) -> Result<(), StoreError> {
        self.write(sweep::NotRemoved { job: job.clone(), wait }).await
    }

    async fn collect(&self, most: u32, tombstone: Duration) -> Result<Collected, StoreError> {
        self.write(sweep::Collect { most, tombstone }).await
    }

    async fn living(&self, ids: &[JobId]) -> Result<HashSet<JobId>, StoreError> {
        let mut reader = self.reader().await?;
        read(read::living(&mut reader, ids)).await
    }

    async fn consume_nonces(&self, words: &[String], keep: Duration) -> Result<bool, StoreError> {
        self.write(secrets::ConsumeNonces::new(words, keep)).await
    }

    async fn secret(&self, name: &str, made: SecretString) -> Result<SecretString, StoreError> {
        let mut reader = self.reader().await?;
        if let Some(secret) = read(secrets::find_secret(&mut reader, name)).await? {
            return Ok(secret);
        }
        drop(reader);
        self.write(secrets::Secret { name: name.to_owned(), made }).await
    }

    async fn figures(&self) -> Result<Figures, StoreError> {
        let mut reader = self.reader().await?;
        read(async {
            let now = self.dialect.now(&mut reader).await?;
            read::figures(&mut reader, now).await
        })
        .await
    }

    async fn stalled(&self, quiet: Duration) -> Result<u64, StoreError> {
        let mut reader = self.reader().await?;
        read(async {
            let now = self.dialect.now(&mut reader).await?;
            read::stalled(&mut reader, now, quiet).await
        })
        .await
    }

    async fn recount(&self) -> Result<[i64; 10], StoreError> {
        let mut reader = self.reader().await?;
        let error = read(CounterDeltas::error(&mut reader)).await?;
        drop(reader);
        // A difference stays one, whatever is counted meanwhile.
        self.write(counters::Correct(error)).await?;
        Ok(error.values())
    }

    async fn probe(&self, owner: &Owner) -> Result<(), StoreError> {
        self.write(secrets::Probe(owner.clone())).await?;
        let mut reader = self.reader().await?;
        read(secrets::find_probe(&mut reader, owner)).await
    }

    async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        if !self.is_sole_writer() {
            return Err(StoreError::Broken("a server is backed up by its own tools".into()));
        }
        let mut reader = self.reader().await?;
        read::copy(&mut reader, to).await.map_err(|error| store_error(&error))
    }

    fn is_sole_writer(&self) -> bool {
        matches!(self.dialect, Dialect::Sqlite(_))
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer_pool.close().await;
    }
}

#[async_trait]
impl Outbox for SqlStore {
    async fn due(&self, call: &ClaimDue) -> Result<DueDeliveries, StoreError> {
        if !self.is_sole_writer() {
            let mut reader = self.reader().await?;
            let next = read(async {
                let now = self.dialect.now(&mut reader).await?;
                outbox::next_due(&mut reader, now).await
            });
            match next.await? {
                Some(wait) if wait.is_zero() => {}
                next => return Ok(DueDeliveries { due: Vec::new(), next }),
            }
        }
        self.write(outbox::TakeDue(call.clone())).await
    }

    async fn record_attempt(
        &self,
        lease: &DeliveryLease,
        outcome: &Try,
        after: After,
    ) -> Result<bool, StoreError> {
        self.write(outbox::WriteTry { lease: lease.clone(), outcome: outcome.clone(), after }).await
    }

    async fn snooze(&self, leases: &[DeliveryLease], wait: Duration) -> Result<(), StoreError> {
        self.write(outbox::Snooze { leases: leases.to_vec(), wait }).await
    }

    async fn deliveries(&self, which: &Deliveries) -> Result<Vec<Delivery>, StoreError> {
        let mut reader = self.reader().await?;
        read(outbox::list(&mut reader, which)).await
    }

    async fn redeliver(&self, id: &str) -> Result<bool, StoreError> {
        self.write(outbox::Redeliver(id.to_owned())).await
    }
}
