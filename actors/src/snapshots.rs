//! Snapshots: what pollers of a job were told last, so that a poll that brings nothing new costs no store access.
//!
//! The store tells of each change that this process makes, after its commit. Where this process is the only
//! writer, that is the truth. Where others write too, no snapshot is believed for longer than a second: another
//! process may change any job, and delete an ended one. All who poll a job share one look at the store, and the next
//! look begins a second later at the earliest. With a live job's mark its small body is kept, for pollers who know
//! nothing yet. Bounded by number and length; what falls out is read again when asked for.

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

/// Most snapshots, of some 200 bytes each.
const MOST: usize = 100_000;

/// The longest body that is kept, in bytes: that of a live job has some 300.
const BODY: usize = 1024;

/// How old a snapshot may be where others write too, and how long a look at the store may be joined.
const FRESH: Duration = Duration::from_secs(1);

/// Counters that tell whether a job may have changed while it was read. Several jobs share one.
const LANES: usize = 1024;

/// See the module. Clones share.
#[derive(Clone)]
pub struct Snapshots(Arc<Inner>);

struct Inner {
    known: DashMap<JobId, Known>,
    looks: DashMap<JobId, Look>,
    watched: DashMap<JobId, Watched>,
    lanes: Vec<AtomicU64>,
    clock: Clock,
}

struct Known {
    job_version: JobVersion,
    /// When the job was in this version for certain.
    at: Instant,
    /// What is told of this version.
    body: Option<Bytes>,
}

/// What the store says of a job, as all who share a look get it.
type Answer = Result<Option<JobVersion>, StoreError>;

/// A look at the store that is under way. Held weakly: it lives as long as somebody waits for it.
struct Look {
    /// When it began, and the lane's counter then.
    at: Instant,
    lane: u64,
    answer: WeakShared<BoxFuture<'static, Answer>>,
}

struct Watched {
    shutdown_trigger: Arc<Notify>,
    watchers: usize,
}

impl Snapshots {
    /// None yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let lanes = (0..LANES).map(|_| AtomicU64::new(0)).collect();
        let (known, looks, watched) = (DashMap::new(), DashMap::new(), DashMap::new());
        Self(Arc::new(Inner { known, looks, watched, lanes, clock }))
    }

    /// What is known of a job; asks the store where nothing is, or where it may have become old.
    pub async fn job_version(&self, store: &Arc<dyn Store>, id: &JobId) -> Answer {
        if let Some(job_version) = self.known(id, store.is_sole_writer()) {
            return Ok(Some(job_version));
        }
        self.look(store, id).await
    }

    /// Joins the look that is under way, or begins one.
    fn look(&self, store: &Arc<dyn Store>, id: &JobId) -> Shared<BoxFuture<'static, Answer>> {
        let (at, lane) = (self.0.clock.now(), self.lane(id).load(Ordering::Acquire));
        // One that began before a change of this process may not have seen it.
        let joinable = |look: &Look| look.lane == lane && at.saturating_duration_since(look.at) < FRESH;
        let entry = self.0.looks.entry(id.clone());
        if let Entry::Occupied(look) = &entry
            && joinable(look.get())
            && let Some(answer) = look.get().answer.upgrade()
        {
            return answer;
        }
        let (look, store) = (Looking { snapshots: self.clone(), id: id.clone(), at }, Arc::clone(store));
        let answer = async move { look.snapshots.ask(&*store, &look.id, at, lane).await }.boxed().shared();
        if let Some(weak) = answer.downgrade() {
            entry.insert(Look { at, lane, answer: weak });
        }
        answer
    }

    async fn ask(&self, store: &dyn Store, id: &JobId, at: Instant, lane: u64) -> Answer {
        let job_version = store.job_version(id).await?;
        match &job_version {
            // Read before a change of which was told meanwhile: too old to be kept.
            Some(job_version) if self.lane(id).load(Ordering::Acquire) == lane => {
                self.learn(job_version.clone(), at)
            }
            Some(_) => {}
            None => drop(self.0.known.remove_if(id, |_, known| known.at <= at)),
        }
        Ok(job_version)
    }

    /// The body of this version of a job, if it is kept.
    #[must_use]
    pub fn body(&self, job_version: &JobVersion) -> Option<Bytes> {
        let known = self.0.known.get(&job_version.id)?;
        known.body.clone().filter(|_| known.job_version.version == job_version.version)
    }

    /// Keeps the body of this version of a job, if that is still the newest.
    pub fn keep_body(&self, id: &JobId, version: i64, body: &Bytes) {
        if body.len() <= BODY
            && let Some(mut known) = self.0.known.get_mut(id)
            && known.job_version.version == version
        {
            known.body = Some(body.clone());
        }
    }

    /// Waits for changes of a job that this process makes.
    #[must_use]
    pub fn watch(&self, id: &JobId) -> Watch {
        let mut watched = self
            .0
            .watched
            .entry(id.clone())
            .or_insert_with(|| Watched { shutdown_trigger: Arc::default(), watchers: 0 });
        watched.watchers += 1;
        Watch {
            shutdown_trigger: Arc::clone(&watched.shutdown_trigger),
            id: id.clone(),
            snapshots: self.clone(),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.known.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.known.is_empty()
    }

    fn known(&self, id: &JobId, sole_writer: bool) -> Option<JobVersion> {
        let known = self.0.known.get(id)?;
        let fresh = || self.0.clock.now().saturating_duration_since(known.at) < FRESH;
        (sole_writer || fresh()).then(|| known.job_version.clone())
    }

    fn lane(&self, id: &JobId) -> &AtomicU64 {
        // The id's last digits are random.
        let digits = id.as_str().as_bytes().iter().rev().take(8);
        let lane = digits.fold(0usize, |sum, digit| sum.wrapping_mul(31).wrapping_add(usize::from(*digit)));
        &self.0.lanes[lane % LANES]
    }

    /// Keeps a mark that was true at this time, unless a newer one is known.
    fn learn(&self, job_version: JobVersion, at: Instant) {
        if self.len() >= MOST {
            self.make_room();
        }
        let known = Known { at, job_version, body: None };
        match self.0.known.entry(known.job_version.id.clone()) {
            Entry::Occupied(old) if old.get().job_version.version > known.job_version.version => {}
            // The same version again is the same body.
            Entry::Occupied(mut old) if old.get().job_version.version == known.job_version.version => {
                let old = old.get_mut();
                old.at = old.at.max(at);
            }
            Entry::Occupied(mut old) => {
                old.insert(known);
            }
            Entry::Vacant(none) => {
                none.insert(known);
            }
        }
    }

    /// Lets go of the ended ones; where that is not enough, of all.
    fn make_room(&self) {
        self.0.known.retain(|_, known| !known.job_version.state.has_ended());
        if self.len() >= MOST {
            self.0.known.clear();
        }
    }
}

impl Listener for Snapshots {
    fn changed(&self, job_version: JobVersion) {
        self.lane(&job_version.id).fetch_add(1, Ordering::AcqRel);
        let id = job_version.id.clone();
        self.learn(job_version, self.0.clock.now());
        if let Some(watched) = self.0.watched.get(&id) {
            watched.shutdown_trigger.notify_waiters();
        }
    }
}

/// Removes a look from the list when it has ended or all who waited for it are gone.
struct Looking {
    snapshots: Snapshots,
    id: JobId,
    at: Instant,
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.snapshots.0.looks.remove_if(&self.id, |_, look| look.at == self.at);
    }
}

/// One who waits for a job's changes.
pub struct Watch {
    shutdown_trigger: Arc<Notify>,
    id: JobId,
    snapshots: Snapshots,
}

impl Watch {
    /// Resolves when the job changes from now on. Make it before reading the job, await it after, and no change
    /// is missed.
    pub fn changed(&self) -> impl Future<Output = ()> + use<> {
        let shutdown_trigger = Arc::clone(&self.shutdown_trigger);
        let mut rung = Box::pin(shutdown_trigger.notified_owned());
        rung.as_mut().enable();
        rung
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
