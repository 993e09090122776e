//! Snapshots: the last known version of each job, so that a poll without news costs no store access.
//!
//! The store reports each change that this process makes, after its commit. If this process is the only writer, the
//! snapshots are exact. If others write too, a snapshot is valid for a second, since another process may change any
//! job and delete an ended one. Concurrent pollers of a job share one query, and the next query starts at least a
//! second later. With a live job's version its small body is kept, for pollers that have no version yet. Number and
//! body length are bounded; a snapshot that was evicted is read again on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use huemill_store::job::JobId;
use huemill_store::store::{JobVersion, Listener, Store, StoreError};
use tokio::sync::Notify;

use crate::clock::{Clock, Instant};

/// Maximum number of snapshots, at about 200 bytes each.
const MAX_SNAPSHOTS: usize = 100_000;

/// The longest body that is kept, in bytes; that of a live job has about 300.
const MAX_BODY: usize = 1024;

/// How long a snapshot is valid if other processes write too, and how long a query may be joined.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Number of change counters, which tell whether a job may have changed while it was read. Jobs share them.
const COUNTERS: usize = 1024;

/// The snapshots. Clones share them.
#[derive(Clone)]
pub struct Snapshots(Arc<Inner>);

struct Inner {
    snapshots: DashMap<JobId, Snapshot>,
    queries: DashMap<JobId, Query>,
    watched: DashMap<JobId, Watched>,
    counters: Vec<AtomicU64>,
    clock: Clock,
}

struct Snapshot {
    job_version: JobVersion,
    /// When the job certainly had this version.
    at: Instant,
    /// The rendered body of this version.
    body: Option<Bytes>,
}

/// What the store says about a job; all pollers that share a query get it.
type QueryResult = Result<Option<JobVersion>, StoreError>;

/// A running query of the store. Held weakly: it lives as long as a poller waits for it.
struct Query {
    /// When it started.
    at: Instant,
    /// The job's change counter at that time.
    changes: u64,
    result: WeakShared<BoxFuture<'static, QueryResult>>,
}

/// Wakes the watchers of a job.
struct Watched {
    changed: Arc<Notify>,
    watchers: usize,
}

impl Snapshots {
    /// No snapshots yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let counters = (0..COUNTERS).map(|_| AtomicU64::new(0)).collect();
        let (snapshots, queries, watched) = (DashMap::new(), DashMap::new(), DashMap::new());
        Self(Arc::new(Inner { snapshots, queries, watched, counters, clock }))
    }

    /// The job's version. Queries the store if there is no snapshot or if it may be outdated.
    pub async fn job_version(&self, store: &Arc<dyn Store>, id: &JobId) -> QueryResult {
        if let Some(job_version) = self.valid(id, store.is_sole_writer()) {
            return Ok(Some(job_version));
        }
        self.query(store, id).await
    }

    /// Joins the running query, or starts one.
    fn query(&self, store: &Arc<dyn Store>, id: &JobId) -> Shared<BoxFuture<'static, QueryResult>> {
        let (at, changes) = (self.0.clock.now(), self.counter(id).load(Ordering::Acquire));
        // A query that started before a change by this process may not have seen it.
        let joinable =
            |query: &Query| query.changes == changes && at.saturating_duration_since(query.at) < MAX_AGE;
        let entry = self.0.queries.entry(id.clone());
        if let Entry::Occupied(query) = &entry
            && joinable(query.get())
            && let Some(result) = query.get().result.upgrade()
        {
            return result;
        }
        let (guard, store) = (QueryGuard { snapshots: self.clone(), id: id.clone(), at }, Arc::clone(store));
        let result =
            async move { guard.snapshots.run_query(&*store, &guard.id, at, changes).await }.boxed().shared();
        if let Some(weak) = result.downgrade() {
            entry.insert(Query { at, changes, result: weak });
        }
        result
    }

    async fn run_query(&self, store: &dyn Store, id: &JobId, at: Instant, changes: u64) -> QueryResult {
        let job_version = store.job_version(id).await?;
        match &job_version {
            // If the counter moved, a change was reported meanwhile: this version may be too old to keep.
            Some(job_version) if self.counter(id).load(Ordering::Acquire) == changes => {
                self.insert(job_version.clone(), at);
            }
            Some(_) => {}
            None => drop(self.0.snapshots.remove_if(id, |_, snapshot| snapshot.at <= at)),
        }
        Ok(job_version)
    }

    /// The body of this version of a job, if it is kept.
    #[must_use]
    pub fn body(&self, job_version: &JobVersion) -> Option<Bytes> {
        let snapshot = self.0.snapshots.get(&job_version.id)?;
        snapshot.body.clone().filter(|_| snapshot.job_version.version == job_version.version)
    }

    /// Keeps the body of this version of a job, if that is still the newest.
    pub fn keep_body(&self, id: &JobId, version: i64, body: &Bytes) {
        if body.len() <= MAX_BODY
            && let Some(mut snapshot) = self.0.snapshots.get_mut(id)
            && snapshot.job_version.version == version
        {
            snapshot.body = Some(body.clone());
        }
    }

    /// Watches for changes of a job that this process makes.
    #[must_use]
    pub fn watch(&self, id: &JobId) -> Watch {
        let new = || Watched { changed: Arc::default(), watchers: 0 };
        let mut watched = self.0.watched.entry(id.clone()).or_insert_with(new);
        watched.watchers += 1;
        Watch { changed: Arc::clone(&watched.changed), id: id.clone(), snapshots: self.clone() }
    }

    /// The number of snapshots.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.snapshots.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.snapshots.is_empty()
    }

    fn valid(&self, id: &JobId, is_sole_writer: bool) -> Option<JobVersion> {
        let snapshot = self.0.snapshots.get(id)?;
        let is_fresh = || self.0.clock.now().saturating_duration_since(snapshot.at) < MAX_AGE;
        (is_sole_writer || is_fresh()).then(|| snapshot.job_version.clone())
    }

    /// The change counter of a job.
    fn counter(&self, id: &JobId) -> &AtomicU64 {
        // The id's last digits are random.
        let digits = id.as_str().as_bytes().iter().rev().take(8);
        let hash = digits.fold(0usize, |sum, digit| sum.wrapping_mul(31).wrapping_add(usize::from(*digit)));
        &self.0.counters[hash % COUNTERS]
    }

    /// Keeps a version that was current at this time, unless a newer one is known.
    fn insert(&self, job_version: JobVersion, at: Instant) {
        if self.len() >= MAX_SNAPSHOTS {
            self.evict();
        }
        let new = Snapshot { at, job_version, body: None };
        match self.0.snapshots.entry(new.job_version.id.clone()) {
            Entry::Occupied(old) if old.get().job_version.version > new.job_version.version => {}
            // The same version has the same body.
            Entry::Occupied(mut old) if old.get().job_version.version == new.job_version.version => {
                let old = old.get_mut();
                old.at = old.at.max(at);
            }
            Entry::Occupied(mut old) => {
                old.insert(new);
            }
            Entry::Vacant(entry) => {
                entry.insert(new);
            }
        }
    }

    /// Evicts the snapshots of ended jobs, or all if that is not enough.
    fn evict(&self) {
        self.0.snapshots.retain(|_, snapshot| !snapshot.job_version.state.has_ended());
        if self.len() >= MAX_SNAPSHOTS {
            self.0.snapshots.clear();
        }
    }
}

impl Listener for Snapshots {
    fn changed(&self, job_version: JobVersion) {
        self.counter(&job_version.id).fetch_add(1, Ordering::AcqRel);
        let id = job_version.id.clone();
        self.insert(job_version, self.0.clock.now());
        if let Some(watched) = self.0.watched.get(&id) {
            watched.changed.notify_waiters();
        }
    }
}

/// Removes a query from the map once it ends or all its pollers are gone.
struct QueryGuard {
    snapshots: Snapshots,
    id: JobId,
    at: Instant,
}

impl Drop for QueryGuard {
    fn drop(&mut self) {
        self.snapshots.0.queries.remove_if(&self.id, |_, query| query.at == self.at);
    }
}

/// Watches a job for changes.
pub struct Watch {
    changed: Arc<Notify>,
    id: JobId,
    snapshots: Snapshots,
}

impl Watch {
    /// Resolves when the job changes from now on. To miss no change, call it before reading the job and await it
    /// after.
    pub fn changed(&self) -> impl Future<Output = ()> + use<> {
        let changed = Arc::clone(&self.changed);
        let mut notified = Box::pin(changed.notified_owned());
        notified.as_mut().enable();
        notified
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Entry::Occupied(mut watched) = self.snapshots.0.watched.entry(self.id.clone()) {
            watched.get_mut().watchers -= 1;
            if watched.get().watchers == 0 {
                watched.remove();
            }
        }
    }
}
