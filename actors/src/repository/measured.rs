//! The store behind the io runtime and a stopwatch: every call is spawned there, so that it runs to its end, is
//! counted by operation and outcome, and is a span of the work that makes it.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use huemill_observability::Event;
use huemill_observability::trace::{KeyValue, Scope, SpanKind};
use huemill_store::job::{Item, ItemError, Job, JobId, JobKind, NewJob};
use huemill_store::outbox::{
    After, ClaimDue, Deliveries, Delivery, DeliveryLease, DueDeliveries, Outbox, Try,
};
use huemill_store::store::{
    Ask, Canceled, Claims, Collected, Created, Expired, Figures, Heartbeat, JobVersion, Key, Lease, Listing,
    Outcome, Owner, Process, Reaped, Reconciled, Removable, Retried, Settled, Store, StoreError,
};
use secrecy::SecretString;
use tokio::runtime::Handle;

use crate::clock::Instant;
use crate::metrics::Recorder;

/// The operations, as metrics spell them.
pub const OPERATIONS: [&str; 39] = [
    "backup",
    "cancel",
    "claim",
    "collect",
    "create",
    "delete",
    "deliveries",
    "due",
    "expire",
    "fetched",
    "figures",
    "give_back",
    "heartbeat",
    "hold_duty",
    "items",
    "job",
    "key",
    "leave",
    "list",
    "living",
    "mark",
    "not_removed",
    "pause",
    "pauses",
    "probe",
    "processes",
    "put_off",
    "reap",
    "recount",
    "redeliver",
    "removable",
    "removed",
    "resume",
    "retry",
    "secret",
    "settle",
    "spend",
    "stalled",
    "tried",
];

pub(super) struct Measured {
    inner: Arc<dyn Store>,
    io: Handle,
    recorder: Recorder,
}

type Answer<T> = Result<T, StoreError>;

impl Measured {
    pub(super) fn new(inner: Arc<dyn Store>, io: Handle, recorder: Recorder) -> Self {
        Self { inner, io, recorder }
    }

    async fn run<T, F>(&self, operation: &'static str, call: impl FnOnce(Arc<dyn Store>) -> F) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Answer<T>> + Send + 'static,
    {
        let started = Instant::now();
        let span =
            Scope::here().span("store", SpanKind::Client, || [KeyValue::new("db.operation.name", operation)]);
        span.rename(|| format!("store {operation}"));
        let call = self.io.spawn(span.scope().run(call(Arc::clone(&self.inner))));
        let answer = call.await.unwrap_or_else(|error| Err(StoreError::Broken(error.to_string())));
        if let Err(error) = &answer {
            span.fail(kind(error));
        }
        drop(span);
        let (time, ok) = (started.elapsed(), answer.is_ok());
        self.recorder.record(Event::StoreCalled { operation, ok, time });
        answer
    }
}

/// What kind of error it is, as traces say it.
fn kind(error: &StoreError) -> &'static str {
    match error {
        StoreError::Away(_) => "away",
        StoreError::Newer(_) => "newer",
        StoreError::Broken(_) => "broken",
    }
}

#[async_trait]
impl Store for Measured {
    async fn create(&self, job: NewJob) -> Answer<Created> {
        self.run("create", move |store| async move { store.create(job).await }).await
    }

    async fn key(&self, scope: &str, key: &str) -> Answer<Option<Key>> {
        let scope = scope.to_owned();
        let key = key.to_owned();
        self.run("key", move |store| async move { store.key(&scope, &key).await }).await
    }

    async fn job(&self, id: &JobId) -> Answer<Option<Job>> {
        let id = id.clone();
        self.run("job", move |store| async move { store.job(&id).await }).await
    }

    async fn job_version(&self, id: &JobId) -> Answer<Option<JobVersion>> {
        let id = id.clone();
        self.run("mark", move |store| async move { store.job_version(&id).await }).await
    }

    async fn items(&self, id: &JobId, from: u32, limit: u32) -> Answer<Vec<Item>> {
        let id = id.clone();
        self.run("items", move |store| async move { store.items(&id, from, limit).await }).await
    }

    async fn list(&self, listing: &Listing) -> Answer<Vec<Job>> {
        let listing = listing.clone();
        self.run("list", move |store| async move { store.list(&listing).await }).await
    }

    async fn claim(&self, ask: &Ask) -> Answer<Claims> {
        let ask = ask.clone();
        self.run("claim", move |store| async move { store.claim(&ask).await }).await
    }

    async fn heartbeat(&self, heartbeat: &Heartbeat) -> Answer<Reconciled> {
        let heartbeat = heartbeat.clone();
        self.run("heartbeat", move |store| async move { store.heartbeat(&heartbeat).await }).await
    }

    async fn leave(&self, owner: &Owner) -> Answer<()> {
        let owner = owner.clone();
        self.run("leave", move |store| async move { store.leave(&owner).await }).await
    }

    async fn processes(&self) -> Answer<Vec<Process>> {
        self.run("processes", move |store| async move { store.processes().await }).await
    }

    async fn pause(&self, kind: Option<JobKind>) -> Answer<()> {
        self.run("pause", move |store| async move { store.pause(kind).await }).await
    }

    async fn resume(&self, kind: Option<JobKind>) -> Answer<()> {
        self.run("resume", move |store| async move { store.resume(kind).await }).await
    }

    async fn pauses(&self) -> Answer<Vec<Option<JobKind>>> {
        self.run("pauses", move |store| async move { store.pauses().await }).await
    }

    async fn settle(&self, lease: &Lease, outcome: Outcome, pace_ms: u64) -> Answer<Settled> {
        let lease = lease.clone();
        self.run("settle", move |store| async move { store.settle(&lease, outcome, pace_ms).await }).await
    }

    async fn give_back(&self, leases: &[Lease]) -> Answer<u64> {
        let leases = leases.to_vec();
        self.run("give_back", move |store| async move { store.give_back(&leases).await }).await
    }

    async fn reap(&self, most: u32, crashes: u32, error: &ItemError) -> Answer<Reaped> {
        let error = error.clone();
        self.run("reap", move |store| async move { store.reap(most, crashes, &error).await }).await
    }

    async fn fetched(&self, id: &JobId) -> Answer<bool> {
        let id = id.clone();
        self.run("fetched", move |store| async move { store.fetched(&id).await }).await
    }

    async fn cancel(&self, id: &JobId) -> Answer<Canceled> {
        let id = id.clone();
        self.run("cancel", move |store| async move { store.cancel(&id).await }).await
    }

    async fn delete(&self, id: &JobId) -> Answer<bool> {
        let id = id.clone();
        self.run("delete", move |store| async move { store.delete(&id).await }).await
    }

    async fn retry(&self, id: &JobId) -> Answer<Retried> {
        let id = id.clone();
        self.run("retry", move |store| async move { store.retry(&id).await }).await
    }

    async fn hold_duty(&self, owner: &Owner, name: &str, lease: Duration) -> Answer<bool> {
        if self.inner.is_sole_writer() {
            return Ok(true);
        }
        let (owner, name) = (owner.clone(), name.to_owned());
        self.run("hold_duty", move |store| async move { store.hold_duty(&owner, &name, lease).await }).await
    }

    async fn expire(&self, most: u32, jump: Duration) -> Answer<Expired> {
        self.run("expire", move |store| async move { store.expire(most, jump).await }).await
    }

    async fn removable(&self, most: u32) -> Answer<Vec<Removable>> {
        self.run("removable", move |store| async move { store.removable(most).await }).await
    }

    async fn removed(&self, gone: &[Removable]) -> Answer<()> {
        let gone = gone.to_vec();
        self.run("removed", move |store| async move { store.removed(&gone).await }).await
    }

    async fn not_removed(&self, job: &JobId, wait: Duration) -> Answer<()> {
        let job = job.clone();
        self.run("not_removed", move |store| async move { store.not_removed(&job, wait).await }).await
    }

    async fn collect(&self, most: u32, tombstone: Duration) -> Answer<Collected> {
        self.run("collect", move |store| async move { store.collect(most, tombstone).await }).await
    }

    async fn living(&self, ids: &[JobId]) -> Answer<HashSet<JobId>> {
        let ids = ids.to_vec();
        self.run("living", move |store| async move { store.living(&ids).await }).await
    }

    async fn consume_nonces(&self, words: &[String], keep: Duration) -> Answer<bool> {
        let words = words.to_vec();
        self.run("spend", move |store| async move { store.consume_nonces(&words, keep).await }).await
    }

    async fn secret(&self, name: &str, made: SecretString) -> Answer<SecretString> {
        let name = name.to_owned();
        self.run("secret", move |store| async move { store.secret(&name, made).await }).await
    }

    async fn figures(&self) -> Answer<Figures> {
        self.run("figures", move |store| async move { store.figures().await }).await
    }

    async fn stalled(&self, quiet: Duration) -> Answer<u64> {
        self.run("stalled", move |store| async move { store.stalled(quiet).await }).await
    }

    async fn recount(&self) -> Answer<[i64; 10]> {
        self.run("recount", move |store| async move { store.recount().await }).await
    }

    async fn probe(&self, owner: &Owner) -> Answer<()> {
        let owner = owner.clone();
        self.run("probe", move |store| async move { store.probe(&owner).await }).await
    }

    async fn backup(&self, to: &Path) -> Answer<()> {
        let to = to.to_owned();
        self.run("backup", move |store| async move { store.backup(&to).await }).await
    }

    fn is_sole_writer(&self) -> bool {
        self.inner.is_sole_writer()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[async_trait]
impl Outbox for Measured {
    async fn due(&self, call: &ClaimDue) -> Answer<DueDeliveries> {
        let call = call.clone();
        self.run("due", move |store| async move { store.due(&call).await }).await
    }

    async fn record_attempt(&self, lease: &DeliveryLease, outcome: &Try, after: After) -> Answer<bool> {
        let (lease, outcome) = (lease.clone(), outcome.clone());
        self.run("tried", move |store| async move { store.record_attempt(&lease, &outcome, after).await })
            .await
    }

    async fn snooze(&self, leases: &[DeliveryLease], wait: Duration) -> Answer<()> {
        let leases = leases.to_vec();
        self.run("put_off", move |store| async move { store.snooze(&leases, wait).await }).await
    }

    async fn deliveries(&self, which: &Deliveries) -> Answer<Vec<Delivery>> {
        let which = which.clone();
        self.run("deliveries", move |store| async move { store.deliveries(&which).await }).await
    }

    async fn redeliver(&self, id: &str) -> Answer<bool> {
        let id = id.to_owned();
        self.run("redeliver", move |store| async move { store.redeliver(&id).await }).await
    }
}
