//! Snapshots: what pollers of a job were told last, so that a poll that brings nothing new costs no store access.
//!
//! The store tells of each change that this process makes, after its commit. Where this process is the only
//! writer, that is the truth. Where others write too, a live job is asked for again once it is a second old; an
//! ended one changes no more until it expires. With a live job's mark its small body is kept, for pollers who know
//! nothing yet. Bounded by number and length; what falls out is read again when asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use huemill_store::job::JobId;
use huemill_store::store::{Listener, Mark, Store, StoreError};
use tokio::sync::Notify;

use crate::clock::{Clock, Instant};

/// Most snapshots, of some 200 bytes each.
const MOST: usize = 100_000;

/// The longest body that is kept, in bytes: that of a live job has some 300.
const BODY: usize = 1024;

/// How old what is known of a live job may be where others write too.
const FRESH: Duration = Duration::from_secs(1);

/// Counters that tell whether a job may have changed while it was read. Several jobs share one.
const LANES: usize = 1024;

/// See the module. Clones share.
#[derive(Clone)]
pub struct Snapshots(Arc<Inner>);

struct Inner {
    known: DashMap<JobId, Known>,
    watched: DashMap<JobId, Watched>,
    lanes: Vec<AtomicU64>,
    clock: Clock,
}

struct Known {
    mark: Mark,
    at: Instant,
    /// What is told of this version.
    body: Option<Bytes>,
}

struct Watched {
    bell: Arc<Notify>,
    watchers: usize,
}

impl Snapshots {
    /// None yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let lanes = (0..LANES).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Inner { known: DashMap::new(), watched: DashMap::new(), lanes, clock }))
    }

    /// What is known of a job; asks the store where nothing is, or where it may have become old.
    pub async fn mark(&self, store: &dyn Store, id: &JobId) -> Result<Option<Mark>, StoreError> {
        if let Some(mark) = self.known(id, store.is_sole_writer()) {
            return Ok(Some(mark));
        }
        let before = self.lane(id).load(Ordering::Acquire);
        let mark = store.mark(id).await?;
        // Read before a change of which was told meanwhile: too old to be kept.
        if let Some(mark) = &mark
            && self.lane(id).load(Ordering::Acquire) == before
        {
            self.learn(mark.clone());
        }
        Ok(mark)
    }

    /// The body of this version of a job, if it is kept.
    #[must_use]
    pub fn body(&self, mark: &Mark) -> Option<Bytes> {
        let known = self.0.known.get(&mark.id)?;
        known.body.clone().filter(|_| known.mark.version == mark.version)
    }

    /// Keeps the body of this version of a job, if that is still the newest.
    pub fn keep_body(&self, id: &JobId, version: i64, body: &Bytes) {
        if body.len() <= BODY
            && let Some(mut known) = self.0.known.get_mut(id)
            && known.mark.version == version
        {
            known.body = Some(body.clone());
        }
    }

    /// Waits for changes of a job that this process makes.
    #[must_use]
    pub fn watch(&self, id: &JobId) -> Watch {
        let mut watched =
            self.0.watched.entry(id.clone()).or_insert_with(|| Watched { bell: Arc::default(), watchers: 0 });
        watched.watchers += 1;
        Watch { bell: Arc::clone(&watched.bell), id: id.clone(), snapshots: self.clone() }
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

    fn known(&self, id: &JobId, sole_writer: bool) -> Option<Mark> {
        let known = self.0.known.get(id)?;
        let fresh = || self.0.clock.now().saturating_duration_since(known.at) < FRESH;
        (sole_writer || known.mark.state.has_ended() || fresh()).then(|| known.mark.clone())
    }

    fn lane(&self, id: &JobId) -> &AtomicU64 {
        // The id's last digits are random.
        let digits = id.as_str().as_bytes().iter().rev().take(8);
        let lane = digits.fold(0usize, |sum, digit| sum.wrapping_mul(31).wrapping_add(usize::from(*digit)));
        &self.0.lanes[lane % LANES]
    }

    /// Keeps a mark, unless a newer one is known.
    fn learn(&self, mark: Mark) {
        if self.len() >= MOST {
            self.make_room();
        }
        let known = Known { at: self.0.clock.now(), mark, body: None };
        match self.0.known.entry(known.mark.id.clone()) {
            Entry::Occupied(old) if old.get().mark.version > known.mark.version => {}
            // The same version again is the same body.
            Entry::Occupied(mut old) if old.get().mark.version == known.mark.version => {
                old.get_mut().at = known.at;
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
        self.0.known.retain(|_, known| !known.mark.state.has_ended());
        if self.len() >= MOST {
            self.0.known.clear();
        }
    }
}

impl Listener for Snapshots {
    fn changed(&self, mark: Mark) {
        self.lane(&mark.id).fetch_add(1, Ordering::AcqRel);
        let id = mark.id.clone();
        self.learn(mark);
        if let Some(watched) = self.0.watched.get(&id) {
            watched.bell.notify_waiters();
        }
    }
}

/// One who waits for a job's changes.
pub struct Watch {
    bell: Arc<Notify>,
    id: JobId,
    snapshots: Snapshots,
}

impl Watch {
    /// Resolves when the job changes from now on. Make it before reading the job, await it after, and no change
    /// is missed.
    pub fn changed(&self) -> impl Future<Output = ()> + use<> {
        let bell = Arc::clone(&self.bell);
        let mut rung = Box::pin(bell.notified_owned());
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
