//! A store with an empty database of its own, and verbs that say what a case is about.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use huemill_store::job::{
    Card, Item, ItemError, ItemResult, ItemSource, Job, JobId, JobKind, NewItem, NewJob, Priority,
};
use huemill_store::sql::{PostgresSettings, SqlStore, StoreClock};
use huemill_store::store::{
    Ask, Backoff, Claim, Claims, Created, Heartbeat, JobVersion, Lease, Listener, Outcome, Owner, Reaped,
    Role, Selection, Settled, Store, StoreError,
};

use crate::pgbouncer::PgBouncer;
use crate::postgres::Cluster;

/// What a picture takes in these cases.
pub(crate) const PACE_MS: u64 = 1_500;
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

/// SQLite's clock, as the case sets it.
pub(crate) struct Hands {
    pub(crate) wall: AtomicI64,
    pub(crate) tick: AtomicI64,
}

impl Default for Hands {
    fn default() -> Self {
        Self { wall: AtomicI64::new(1_900_000_000_000), tick: AtomicI64::new(1_000) }
    }
}

/// Remembers what it was told.
#[derive(Default)]
pub(crate) struct Ear(Mutex<Vec<JobVersion>>);

impl Listener for Ear {
    fn changed(&self, job_version: JobVersion) {
        self.0.lock().unwrap().push(job_version);
    }
}

/// Where a database lies, so that it can be opened again.
pub(crate) enum Place {
    File(tempfile::TempDir),
    Server(String),
    /// The server, and the PgBouncer before it.
    Pooled(String, String),
}

impl Place {
    /// The database itself.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::File(folder) => format!("sqlite://{}", folder.path().join("huemill.db").display()),
            Self::Server(url) | Self::Pooled(url, _) => url.clone(),
        }
    }
}

/// A store under test.
pub(crate) struct Bench {
    pub(crate) store: Arc<SqlStore>,
    pub(crate) place: Place,
    pub(crate) hands: Arc<Hands>,
    pub(crate) ear: Arc<Ear>,
}

impl Bench {
    pub(crate) async fn sqlite() -> Self {
        Self::open(Place::File(tempfile::tempdir().unwrap())).await
    }

    pub(crate) async fn postgres() -> Self {
        let url = tokio::task::spawn_blocking(|| Cluster::shared().database()).await.unwrap();
        Self::open(Place::Server(url)).await
    }

    pub(crate) async fn pgbouncer() -> Self {
        let urls = tokio::task::spawn_blocking(|| {
            let server = Cluster::shared().database();
            let pooled = PgBouncer::shared().url(&server);
            (server, pooled)
        });
        let (server, pooled) = urls.await.unwrap();
        Self::open(Place::Pooled(server, pooled)).await
    }

    pub(crate) async fn open(place: Place) -> Self {
        let hands = Arc::new(Hands::default());
        let ear = Arc::new(Ear::default());
        let store = Arc::new(connect(&place, &hands, &ear).await.unwrap());
        Self { store, place, hands, ear }
    }

    /// The same database as another process sees it, or this one after its next start.
    pub(crate) async fn again(&self) -> Arc<SqlStore> {
        Arc::new(connect(&self.place, &Arc::new(Hands::default()), &Arc::default()).await.unwrap())
    }

    pub(crate) fn url(&self) -> String {
        self.place.url()
    }

    pub(crate) async fn create(&self, new: NewJob) -> Job {
        match self.store.create(new).await.unwrap() {
            Created::New(job) => job,
            other => panic!("{other:?}"),
        }
    }

    /// A new job of so many items.
    pub(crate) async fn job_of(&self, items: u32) -> Job {
        self.create(new_job(items)).await
    }

    pub(crate) async fn job(&self, id: &JobId) -> Job {
        self.store.job(id).await.unwrap().unwrap()
    }

    pub(crate) async fn items(&self, id: &JobId) -> Vec<Item> {
        self.store.items(id, 0, u32::MAX).await.unwrap()
    }

    /// Up to so many items, leased for an hour.
    pub(crate) async fn claim(&self, most: u32) -> Vec<Claim> {
        self.store.claim(&ask(most)).await.unwrap().items
    }

    /// Items of a process that is dead already.
    pub(crate) async fn claim_and_die(&self, most: u32) -> Vec<Claim> {
        self.store.claim(&dying(&ask(most))).await.unwrap().items
    }

    /// A suspect, or a claim that finds none.
    pub(crate) async fn suspect(&self) -> Claims {
        self.store.claim(&Ask { selection: Selection::Suspect, ..ask(9) }).await.unwrap()
    }

    /// A suspect of a process that dies over it.
    pub(crate) async fn suspect_and_die(&self) -> Claims {
        self.store.claim(&dying(&Ask { selection: Selection::Suspect, ..ask(9) })).await.unwrap()
    }

    /// An item that must be alone, or a claim that finds none.
    pub(crate) async fn isolated(&self) -> Claims {
        self.store.claim(&Ask { selection: Selection::Isolated, ..ask(9) }).await.unwrap()
    }

    /// The figures that the transactions have kept are those that a count finds.
    pub(crate) async fn figures_are_true(&self) {
        assert_eq!(self.store.recount().await.unwrap(), [0; 10], "figures were wrong by this");
    }

    pub(crate) async fn settle(&self, lease: &Lease, outcome: Outcome) -> Settled {
        self.store.settle(lease, outcome, PACE_MS).await.unwrap()
    }

    /// Reaps with two crashes allowed.
    pub(crate) async fn reap(&self) -> Reaped {
        self.store.reap(100, 2, &poison()).await.unwrap()
    }

    /// Claims and settles whatever there is, until there is nothing.
    pub(crate) async fn work_off(&self) {
        loop {
            let claims = self.claim(50).await;
            if claims.is_empty() {
                return;
            }
            for claim in claims {
                self.settle(&claim.lease, done(&claim.lease)).await;
            }
        }
    }

    /// What the listener was told since it was last asked.
    pub(crate) fn heard(&self) -> Vec<JobVersion> {
        std::mem::take(&mut *self.ear.0.lock().unwrap())
    }
}

pub(crate) async fn connect(
    place: &Place,
    hands: &Arc<Hands>,
    ear: &Arc<Ear>,
) -> Result<SqlStore, huemill_store::store::StoreError> {
    match place {
        Place::File(folder) => {
            let (wall, tick) = (hands.clone(), hands.clone());
            let clock = StoreClock::new(
                move || wall.wall.load(Ordering::Relaxed),
                move || tick.tick.load(Ordering::Relaxed),
            );
            SqlStore::sqlite(&folder.path().join("huemill.db"), clock, ear.clone()).await
        }
        Place::Server(url) => {
            SqlStore::postgres(&url.clone().into(), PostgresSettings::default(), ear.clone()).await
        }
        Place::Pooled(_, url) => {
            let settings = PostgresSettings { pgbouncer: true, ..PostgresSettings::default() };
            SqlStore::postgres(&url.clone().into(), settings, ear.clone()).await
        }
    }
}

pub(crate) fn new_id() -> JobId {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    JobId::generate(now, &mut rand::rng())
}

/// A job of so many items, kept for an hour, without a key or a callback.
pub(crate) fn new_job(items: u32) -> NewJob {
    let id = new_id();
    let source = |number| ItemSource::Url { url: format!("https://example.org/{number}.png") };
    NewJob {
        kind: JobKind::Url,
        priority: Priority::Normal,
        options: r#"{"colors":5}"#.into(),
        request_id: "req-0001".into(),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        base_url: "https://huemill.example".into(),
        callback_url: None,
        ttl: HOUR,
        eta_s: 9,
        items: (0..items)
            .map(|number| NewItem { name: format!("{number}.png"), source: source(number) })
            .collect(),
        input_bytes: u64::from(items) * 1_000,
        key: None,
        id,
    }
}

pub(crate) fn owner() -> Owner {
    Owner("bench".into())
}

pub(crate) fn ask(most: u32) -> Ask {
    Ask { owner: owner(), sequence: 1, most, lease: HOUR, selection: Selection::InTurn, pace_ms: PACE_MS }
}

/// The same for a process of its own that is dead as soon as it has its answer.
pub(crate) fn dying(ask: &Ask) -> Ask {
    static DEAD: AtomicI64 = AtomicI64::new(0);
    let number = DEAD.fetch_add(1, Ordering::Relaxed);
    Ask { owner: Owner(format!("dead {number}")), lease: Duration::ZERO, ..ask.clone() }
}

/// A heartbeat of this owner that names these leases.
pub(crate) fn heartbeat(owner: Owner, lease: Duration, held: &[Lease]) -> Heartbeat {
    Heartbeat {
        owner,
        host: "bench".into(),
        version: "1".into(),
        role: Role::All,
        slots: 2,
        lease,
        answered: u64::MAX,
        held: held.to_vec(),
    }
}

pub(crate) fn result(lease: &Lease) -> ItemResult {
    let card = Card {
        key: format!("jobs/{}/out/{}.png", lease.job, lease.number),
        media_type: "image/png".into(),
        length: 1_234,
        crc32: 0xdead_beef,
    };
    ItemResult { members: format!(r#"{{"attempt":{}}}"#, lease.attempt), card }
}

pub(crate) fn done(lease: &Lease) -> Outcome {
    Outcome::Done(result(lease))
}

pub(crate) fn failed() -> Outcome {
    Outcome::Failed(broken())
}

/// An attempt that failed by a fault that is not the picture's; at this many failures it is for good.
pub(crate) fn retry(limit: u32) -> Outcome {
    Outcome::Retry(poison(), Backoff { first: Duration::ZERO, longest: HOUR, limit })
}

pub(crate) fn broken() -> ItemError {
    ItemError { code: "PROCESSING_ERROR".into(), message: "The picture is damaged.".into() }
}

pub(crate) fn poison() -> ItemError {
    ItemError { code: "INTERNAL".into(), message: "The picture could not be processed.".into() }
}

/// Asks again while the store is away: rows that many want are not had in time on a machine that is busy.
pub(crate) async fn patiently<T, F>(ask: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, StoreError>>,
{
    for _ in 0..20 {
        match ask().await {
            Err(StoreError::Away(_)) => {}
            answer => return answer.unwrap(),
        }
    }
    panic!("the store stays away");
}

/// Runs each case on both stores, PostgreSQL with and without PgBouncer, each on an empty database.
macro_rules! on_both_stores {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case($crate::bench::Bench::sqlite().await).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::servers::require!(PostgreSql);
                super::$case($crate::bench::Bench::postgres().await).await;
            })+
        }

        mod pgbouncer {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::servers::require!(PostgreSql, PgBouncer);
                super::$case($crate::bench::Bench::pgbouncer().await).await;
            })+
        }
    };
}
pub(crate) use on_both_stores;
