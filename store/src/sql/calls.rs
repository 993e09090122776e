//! Implements the contracts of the store and its outbox: each method runs as one named operation, a write or some
//! reads.
//!
//! The names are label values of metrics and names of spans. They are listed in
//! [`OPERATIONS`](crate::store::OPERATIONS).

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use super::counters::CounterDeltas;
use super::store::SqlStore;
use super::{
    create, figures, heartbeat, job_control, outbox, pauses, read, reap, secrets, settle, sweep, usage,
};
use crate::job::{Item, ItemError, Job, JobId, JobKind, NewJob};
use crate::outbox::{
    AfterAttempt, ClaimDue, DeliveryAttempt, DeliveryFilter, DeliveryLease, DeliveryRecord, DueDeliveries,
    Outbox,
};
use crate::store::{
    Canceled, ClaimRequest, ClaimResult, Collected, Corrections, Created, Expired, Heartbeat, ItemOutcome,
    JobFilter, JobVersion, Lease, Observer, Owner, Process, Reaped, Reconciled, Removable, Retried, SWEEP,
    Settled, Store, StoreError, StoreStats, StoredKey,
};

type Answer<T> = Result<T, StoreError>;

#[async_trait]
impl Store for SqlStore {
    fn observed(&self, observer: Arc<dyn Observer>) -> Arc<dyn Store> {
        Arc::new(self.with_observer(observer))
    }

    async fn create(&self, job: NewJob) -> Answer<Created> {
        self.write("create", create::Create(job)).await
    }

    async fn key(&self, scope: &str, key: &str) -> Answer<Option<StoredKey>> {
        let (scope, key) = (scope.to_owned(), key.to_owned());
        self.read_now("key", |connection, now| {
            Box::pin(async move { create::find_key(connection, now.wall, &scope, &key).await })
        })
        .await
    }

    async fn job(&self, id: &JobId) -> Answer<Option<Job>> {
        let id = id.clone();
        self.read("job", |connection| Box::pin(async move { read::job(connection, &id).await })).await
    }

    async fn job_version(&self, id: &JobId) -> Answer<Option<JobVersion>> {
        let id = id.clone();
        self.read("mark", |connection| Box::pin(async move { read::job_version(connection, &id).await }))
            .await
    }

    async fn items(&self, id: &JobId, from: u32, limit: u32) -> Answer<Vec<Item>> {
        let id = id.clone();
        self.read("items", move |connection| {
            Box::pin(async move { read::items(connection, &id, from, limit).await })
        })
        .await
    }

    async fn list(&self, filter: &JobFilter) -> Answer<Vec<Job>> {
        let filter = filter.clone();
        self.read("list", |connection| Box::pin(async move { read::list(connection, &filter).await })).await
    }

    async fn claim(&self, request: &ClaimRequest) -> Answer<ClaimResult> {
        let request = request.clone();
        self.run("claim", |database| async move { database.claim(request).await }).await
    }

    async fn heartbeat(&self, heartbeat: &Heartbeat) -> Answer<Reconciled> {
        self.write_leases("heartbeat", heartbeat.clone()).await
    }

    async fn leave(&self, owner: &Owner) -> Answer<()> {
        self.write("leave", heartbeat::Leave(owner.clone())).await
    }

    async fn processes(&self) -> Answer<Vec<Process>> {
        let mut processes =
            self.read_now("processes", |connection, now| Box::pin(heartbeat::list(connection, now))).await?;
        if self.is_sole_writer() {
            // The only process has all duties, without a row.
            for process in &mut processes {
                process.duties = vec![SWEEP.to_owned()];
            }
        }
        Ok(processes)
    }

    async fn pause(&self, kind: Option<JobKind>) -> Answer<()> {
        self.write("pause", pauses::Pause(kind)).await
    }

    async fn resume(&self, kind: Option<JobKind>) -> Answer<()> {
        self.write("resume", pauses::Resume(kind)).await
    }

    async fn pauses(&self) -> Answer<Vec<Option<JobKind>>> {
        let pauses = self.read("pauses", |connection| Box::pin(pauses::read(connection))).await?;
        Ok(pauses.list())
    }

    async fn settle(&self, lease: &Lease, outcome: ItemOutcome, pace_ms: u64) -> Answer<Settled> {
        self.write("settle", settle::Settle { lease: lease.clone(), outcome, pace_ms }).await
    }

    async fn give_back(&self, leases: &[Lease]) -> Answer<u64> {
        self.write("give_back", settle::GiveBack(leases.to_vec())).await
    }

    async fn reap(&self, limit: u32, max_crashes: u32, error: &ItemError) -> Answer<Reaped> {
        self.write_leases("reap", reap::Reap { limit, max_crashes, error: error.clone() }).await
    }

    async fn fetched(&self, id: &JobId) -> Answer<bool> {
        self.write("fetched", settle::MarkFetched(id.clone())).await
    }

    async fn retry(&self, id: &JobId) -> Answer<Retried> {
        self.write("retry", job_control::Retry(id.clone())).await
    }

    async fn cancel(&self, id: &JobId) -> Answer<Canceled> {
        self.write("cancel", job_control::Cancel(id.clone())).await
    }

    async fn delete(&self, id: &JobId) -> Answer<bool> {
        self.write("delete", job_control::Delete(id.clone())).await
    }

    async fn hold_duty(&self, owner: &Owner, name: &str, lease: Duration) -> Answer<bool> {
        if self.is_sole_writer() {
            return Ok(true);
        }
        let hold = heartbeat::HoldDuty { owner: owner.clone(), name: name.to_owned(), lease };
        self.write("hold_duty", hold).await
    }

    async fn expire(&self, limit: u32, jump: Duration) -> Answer<Expired> {
        self.write("expire", sweep::Expire { limit, jump }).await
    }

    async fn removable(&self, limit: u32) -> Answer<Vec<Removable>> {
        self.read_now("removable", move |connection, now| Box::pin(read::removable(connection, now, limit)))
            .await
    }

    async fn removed(&self, removed: &[Removable]) -> Answer<()> {
        self.write("removed", sweep::MarkRemoved(removed.to_vec())).await
    }

    async fn not_removed(&self, job: &JobId, wait: Duration) -> Answer<()> {
        self.write("not_removed", sweep::DeferRemoval { job: job.clone(), wait }).await
    }

    async fn collect(&self, limit: u32, tombstone: Duration) -> Answer<Collected> {
        self.write("collect", sweep::Collect { limit, tombstone }).await
    }

    async fn living(&self, ids: &[JobId]) -> Answer<HashSet<JobId>> {
        let ids = ids.to_vec();
        self.read("living", |connection| Box::pin(async move { read::living(connection, &ids).await })).await
    }

    async fn consume_nonces(&self, nonces: &[String], keep: Duration) -> Answer<bool> {
        self.write("spend", secrets::ConsumeNonces::new(nonces, keep)).await
    }

    async fn secret(&self, name: &str, generated: SecretString) -> Answer<SecretString> {
        let name = name.to_owned();
        self.run("secret", |database| async move {
            let wanted = name.clone();
            let stored = database
                .read(|connection| Box::pin(async move { secrets::find_secret(connection, &wanted).await }));
            match stored.await? {
                Some(secret) => Ok(secret),
                None => database.write(secrets::Secret { name, generated }).await,
            }
        })
        .await
    }

    async fn figures(&self) -> Answer<StoreStats> {
        self.read_now("figures", |connection, now| Box::pin(figures::figures(connection, now))).await
    }

    async fn stalled(&self, quiet: Duration) -> Answer<u64> {
        self.read_now("stalled", move |connection, now| Box::pin(figures::stalled(connection, now, quiet)))
            .await
    }

    async fn recount(&self) -> Answer<Corrections> {
        self.run("recount", |database| async move {
            let counters = database.read(|connection| Box::pin(CounterDeltas::error(connection))).await?;
            let callers = database.read(|connection| Box::pin(usage::errors(connection))).await?;
            let corrections = Corrections { counters: counters.values(), callers: callers.len() as u64 };
            // The differences stay valid, whatever is counted in the meantime.
            database.write(figures::Correct { counters, callers }).await?;
            Ok(corrections)
        })
        .await
    }

    async fn probe(&self, owner: &Owner) -> Answer<()> {
        let owner = owner.clone();
        self.run("probe", |database| async move {
            database.write(secrets::Probe(owner.clone())).await?;
            database
                .read(|connection| Box::pin(async move { secrets::find_probe(connection, &owner).await }))
                .await
        })
        .await
    }

    async fn backup(&self, to: &Path) -> Answer<()> {
        let to = to.to_owned();
        self.run("backup", |database| async move {
            if !database.is_sole_writer() {
                return Err(StoreError::Broken("use the server's own tools to back it up".into()));
            }
            database.copy_to(&to).await
        })
        .await
    }

    fn is_sole_writer(&self) -> bool {
        self.database.is_sole_writer()
    }

    async fn close(&self) {
        self.database.close().await;
    }
}

#[async_trait]
impl Outbox for SqlStore {
    async fn due(&self, request: &ClaimDue) -> Answer<DueDeliveries> {
        let request = request.clone();
        self.run("due", |database| async move {
            if !database.is_sole_writer() {
                // With other processes around, a claim locks rows only if something is due.
                let next = database.read_now(|connection, now| Box::pin(outbox::next_due(connection, now)));
                match next.await? {
                    Some(wait) if wait.is_zero() => {}
                    next => {
                        return Ok(DueDeliveries { turns: request.turns, next, ..DueDeliveries::default() });
                    }
                }
            }
            database.write(outbox::ClaimDueDeliveries(request)).await
        })
        .await
    }

    async fn record_attempt(
        &self,
        lease: &DeliveryLease,
        attempt: &DeliveryAttempt,
        after: AfterAttempt,
    ) -> Answer<bool> {
        let record = outbox::RecordAttempt { lease: lease.clone(), attempt: attempt.clone(), after };
        self.write("tried", record).await
    }

    async fn snooze(&self, leases: &[DeliveryLease], wait: Duration) -> Answer<()> {
        self.write("put_off", outbox::Snooze { leases: leases.to_vec(), wait }).await
    }

    async fn deliveries(&self, filter: &DeliveryFilter) -> Answer<Vec<DeliveryRecord>> {
        let filter = filter.clone();
        self.read("deliveries", |connection| Box::pin(async move { outbox::list(connection, &filter).await }))
            .await
    }

    async fn redeliver(&self, id: &str) -> Answer<bool> {
        self.write("redeliver", outbox::Redeliver(id.to_owned())).await
    }
}
