//! Opens a store on an empty database, on SQLite, on PostgreSQL and behind PgBouncer, and runs each test on all three.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use huemill_store::job::{Item, Job, JobId, NewJob};
use huemill_store::sql::{PostgresSettings, SqlStore, StoreClock};
use huemill_store::store::{
    Claim, ClaimRequest, ClaimResult, Corrections, Created, ItemOutcome, JobVersion, Lease, Listener, Reaped,
    Selection, Settled, Store, StoreError,
};
use tokio::sync::OnceCell;

use crate::builders::{PACE_MS, claim_request, done, from_dead_process, internal_error, new_job};
use crate::pgbouncer::PgBouncer;
use crate::postgres::Cluster;

/// The clock of an SQLite store, which the test sets.
pub(crate) struct TestClock {
    pub(crate) wall: AtomicI64,
    pub(crate) tick: AtomicI64,
}

impl Default for TestClock {
    fn default() -> Self {
        Self { wall: AtomicI64::new(1_900_000_000_000), tick: AtomicI64::new(1_000) }
    }
}

/// A listener that records the changes it is notified of.
#[derive(Default)]
pub(crate) struct RecordingListener(Mutex<Vec<JobVersion>>);

impl Listener for RecordingListener {
    fn changed(&self, job_version: JobVersion) {
        self.0.lock().unwrap().push(job_version);
    }
}

/// Where a database is, so that the test can open it again.
pub(crate) enum Location {
    File(tempfile::TempDir),
    Server(String),
    /// The URL of the server, and the URL of the PgBouncer in front of it.
    Pooled(String, String),
}

impl Location {
    /// The URL of the database itself.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::File(folder) => format!("sqlite://{}", folder.path().join("huemill.db").display()),
            Self::Server(url) | Self::Pooled(url, _) => url.clone(),
        }
    }
}

/// An open store, and what the test needs to control and observe it.
pub(crate) struct StoreUnderTest {
    pub(crate) store: Arc<SqlStore>,
    pub(crate) location: Location,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) listener: Arc<RecordingListener>,
}

impl StoreUnderTest {
    pub(crate) async fn sqlite() -> Self {
        Self::open(Location::File(tempfile::tempdir().unwrap())).await
    }

    pub(crate) async fn postgres() -> Self {
        Self::open(Location::Server(new_database().await)).await
    }

    pub(crate) async fn pgbouncer() -> Self {
        let server = new_database().await;
        let url = server.clone();
        let pooled = tokio::task::spawn_blocking(move || PgBouncer::shared().url(&url)).await.unwrap();
        Self::open(Location::Pooled(server, pooled)).await
    }

    pub(crate) async fn open(location: Location) -> Self {
        let clock = Arc::new(TestClock::default());
        let listener = Arc::new(RecordingListener::default());
        let store = Arc::new(connect(&location, &clock, &listener).await.unwrap());
        Self { store, location, clock, listener }
    }

    /// Opens the same database again, like another process or the next start of this one.
    pub(crate) async fn reopen(&self) -> Arc<SqlStore> {
        Arc::new(connect(&self.location, &Arc::new(TestClock::default()), &Arc::default()).await.unwrap())
    }

    pub(crate) fn url(&self) -> String {
        self.location.url()
    }

    pub(crate) async fn create(&self, new: NewJob) -> Job {
        match self.store.create(new).await.unwrap() {
            Created::New(job) => job,
            other => panic!("{other:?}"),
        }
    }

    /// Creates a job with this many items.
    pub(crate) async fn create_job(&self, items: u32) -> Job {
        self.create(new_job(items)).await
    }

    pub(crate) async fn job(&self, id: &JobId) -> Job {
        self.store.job(id).await.unwrap().unwrap()
    }

    pub(crate) async fn items(&self, id: &JobId) -> Vec<Item> {
        self.store.items(id, 0, u32::MAX).await.unwrap()
    }

    /// Claims up to this many items for an hour.
    pub(crate) async fn claim(&self, limit: u32) -> Vec<Claim> {
        self.store.claim(&claim_request(limit)).await.unwrap().items
    }

    /// Claims items for a process that is dead already.
    pub(crate) async fn claim_and_die(&self, limit: u32) -> Vec<Claim> {
        self.store.claim(&from_dead_process(&claim_request(limit))).await.unwrap().items
    }

    /// Makes suspects of this many items: a process claims them and dies.
    pub(crate) async fn make_suspects(&self, items: u32) {
        self.claim_and_die(items).await;
        self.reap().await;
    }

    /// Claims a suspect.
    pub(crate) async fn claim_suspect(&self) -> ClaimResult {
        self.store.claim(&selecting(Selection::Suspect)).await.unwrap()
    }

    /// Claims a suspect for a process that is dead already.
    pub(crate) async fn claim_suspect_and_die(&self) -> ClaimResult {
        self.store.claim(&from_dead_process(&selecting(Selection::Suspect))).await.unwrap()
    }

    /// Claims a suspect that must run in isolation.
    pub(crate) async fn claim_isolated(&self) -> ClaimResult {
        self.store.claim(&selecting(Selection::Isolated)).await.unwrap()
    }

    /// Checks that the counters equal the true counts.
    pub(crate) async fn check_counters(&self) {
        assert_eq!(
            self.store.recount().await.unwrap(),
            Corrections::default(),
            "the counters were wrong by this much"
        );
    }

    pub(crate) async fn settle(&self, lease: &Lease, outcome: ItemOutcome) -> Settled {
        self.store.settle(lease, outcome, PACE_MS).await.unwrap()
    }

    /// Reaps with a limit of two crashes.
    pub(crate) async fn reap(&self) -> Reaped {
        self.store.reap(100, 2, &internal_error()).await.unwrap()
    }

    /// Claims and settles items until none are left.
    pub(crate) async fn process_all(&self) {
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

    /// Returns the changes since the last call.
    pub(crate) fn notifications(&self) -> Vec<JobVersion> {
        std::mem::take(&mut *self.listener.0.lock().unwrap())
    }
}

/// A claim of these items.
fn selecting(selection: Selection) -> ClaimRequest {
    ClaimRequest { selection, ..claim_request(9) }
}

/// Opens the store at a location.
pub(crate) async fn connect(
    location: &Location,
    clock: &Arc<TestClock>,
    listener: &Arc<RecordingListener>,
) -> Result<SqlStore, StoreError> {
    match location {
        Location::File(folder) => {
            let (wall, tick) = (clock.clone(), clock.clone());
            let clock = StoreClock::new(
                move || wall.wall.load(Ordering::Relaxed),
                move || tick.tick.load(Ordering::Relaxed),
            );
            SqlStore::sqlite(&folder.path().join("huemill.db"), clock, listener.clone()).await
        }
        Location::Server(url) => {
            SqlStore::postgres(&url.clone().into(), PostgresSettings::default(), listener.clone()).await
        }
        Location::Pooled(_, url) => {
            let settings = PostgresSettings { pgbouncer: true, ..PostgresSettings::default() };
            SqlStore::postgres(&url.clone().into(), settings, listener.clone()).await
        }
    }
}

/// A database of PostgreSQL with all migrations and no job. Copying one takes less than migrating each.
async fn new_database() -> String {
    static ORIGINAL: OnceCell<String> = OnceCell::const_new();
    let migrated = async {
        let url = tokio::task::spawn_blocking(|| Cluster::shared().database()).await.unwrap();
        let (at, nobody) = (url.clone().into(), Arc::new(RecordingListener::default()));
        let store = SqlStore::postgres(&at, PostgresSettings::default(), nobody);
        store.await.unwrap().close().await;
        url
    };
    let original = ORIGINAL.get_or_init(|| migrated).await;
    tokio::task::spawn_blocking(|| Cluster::shared().copy_of(original)).await.unwrap()
}

/// Runs each test on SQLite, on PostgreSQL, and on PostgreSQL behind PgBouncer, each time on an empty database.
macro_rules! on_all_stores {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::harness::StoreUnderTest::sqlite().await).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                $crate::servers::require!(PostgreSql);
                super::$test($crate::harness::StoreUnderTest::postgres().await).await;
            })+
        }

        mod pgbouncer {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                $crate::servers::require!(PostgreSql, PgBouncer);
                super::$test($crate::harness::StoreUnderTest::pgbouncer().await).await;
            })+
        }
    };
}
pub(crate) use on_all_stores;

/// The result of a call that is repeated while no connection is free, as may be on a busy machine. It has not begun then,
/// so nothing happens twice.
pub(crate) async fn once_connected<T, F: Future<Output = Result<T, StoreError>>>(
    mut call: impl FnMut() -> F,
) -> T {
    for _ in 0..20 {
        match call().await {
            Err(StoreError::Away(cause)) if cause.contains("pool timed out") => {}
            result => return result.unwrap(),
        }
    }
    panic!("no connection became free");
}
