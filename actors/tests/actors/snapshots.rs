//! Snapshots: a poll without news costs no store access.

use std::sync::Arc;
use std::time::Duration;

use crate::servers::postgres::Cluster;
use crate::support::io;
use crate::support::test_actors::{TestActors, open_storage, settings};
use futures_util::FutureExt;
use futures_util::future::join_all;
use huemill_actors::clock::Clock;
use huemill_actors::janitor::JanitorSettings;
use huemill_actors::metrics::Recorder;
use huemill_actors::repository::Repository;
use huemill_actors::snapshots::Snapshots;
use huemill_observability::Event;
use huemill_store::Caller;
use huemill_store::blobs::Blobs;
use huemill_store::job::{ItemSource, JobId, JobKind, JobState, NewItem, NewJob, Priority};
use huemill_store::sql::{PostgresSettings, SqlStore};
use huemill_store::store::CallerLimits;
use tokio::sync::mpsc;

/// The version of a job, if it is known without the store.
async fn known(actors: &TestActors, id: &JobId) -> Option<huemill_store::store::JobVersion> {
    let closed = open_storage();
    let store = closed.store.clone();
    io().spawn(async move { store.close().await }).await.unwrap();
    // A closed store does not answer, so the result comes from a snapshot.
    actors.repository.snapshots.job_version(&closed.store, id).await.ok().flatten()
}

#[actix_rt::test]
async fn a_created_job_is_known_without_the_store() {
    let actors = TestActors::with(
        huemill_actors::dispatcher::DispatcherSettings { slots: 0, ..settings() },
        JanitorSettings::default(),
        open_storage(),
    );
    let id = actors.submit(&["one"]).await;
    let job_version = known(&actors, &id).await.unwrap();
    assert_eq!((job_version.version, job_version.state), (1, JobState::Queued));
}

#[actix_rt::test]
async fn the_snapshot_follows_the_job_to_its_end() {
    let actors = TestActors::start();
    let id = actors.submit(&["one"]).await;
    let job = actors.wait_for_end(&id).await;
    let job_version = known(&actors, &id).await.unwrap();
    assert_eq!((job_version.version, job_version.state), (job.version, JobState::Completed));
}

#[actix_rt::test]
async fn a_change_wakes_the_watchers() {
    let mut actors = TestActors::start();
    let id = actors.submit(&["gate"]).await;
    assert_eq!(actors.workers.next_started().await, "gate");
    let watch = actors.repository.snapshots.watch(&id);
    let changed = watch.changed();
    actors.workers.engine.gate.open();
    tokio::time::timeout(crate::support::AGES, changed).await.unwrap();
    actors.wait_for_end(&id).await;
}

#[actix_rt::test]
async fn an_unknown_job_has_no_version() {
    let actors = TestActors::start();
    let unknown = JobId::generate(std::time::Duration::ZERO, &mut rand::rng());
    let job_version =
        actors.repository.snapshots.job_version(&actors.repository.store, &unknown).await.unwrap();
    assert_eq!(job_version, None);
}

/// One of two processes that share a PostgreSQL database. Its clock stands still until the test moves it.
struct Process {
    repository: Repository,
    clock: Clock,
    events: mpsc::Receiver<Event>,
    _blobs: tempfile::TempDir,
}

impl Process {
    async fn start(url: &str) -> Self {
        let (clock, url) = (Clock::manual(), url.to_owned().into());
        let snapshots = Snapshots::new(clock.clone());
        let listener = Arc::new(snapshots.clone());
        let opened = io()
            .spawn(async move { SqlStore::postgres(&url, PostgresSettings::default(), listener).await })
            .await
            .unwrap();
        let blobs = tempfile::tempdir().unwrap();
        let (recorder, events) = Recorder::channel(10_000);
        let repository = Repository::new(
            Arc::new(opened.unwrap()),
            Blobs::folder(blobs.path()).unwrap(),
            snapshots,
            io(),
            recorder,
        );
        Self { repository, clock, events, _blobs: blobs }
    }

    async fn pair() -> (Self, Self) {
        let url = Cluster::shared().database();
        (Self::start(&url).await, Self::start(&url).await)
    }

    async fn create(&self) -> JobId {
        let id = JobId::generate(Duration::from_secs(1_900_000_000), &mut rand::rng());
        let source = ItemSource::Url { url: "https://example.org/0.png".into() };
        let job = NewJob {
            expected_bytes: 0,
            limits: CallerLimits::default(),
            input_bytes: 0,
            id: id.clone(),
            caller: Caller::Service,
            kind: JobKind::Url,
            priority: Priority::Normal,
            options: "{}".into(),
            request_id: "req-0001".into(),
            traceparent: None,
            base_url: "https://huemill.example".into(),
            callback_url: None,
            ttl: Duration::from_secs(3_600),
            eta_s: 9,
            items: vec![NewItem { name: "0.png".into(), source, host: String::new(), same_as: None }],
            key: None,
        };
        self.repository.store.create(job).await.unwrap();
        id
    }

    /// The state that a poll of this process sees.
    async fn state(&self, id: &JobId) -> Option<JobState> {
        let job_version = self.repository.snapshots.job_version(&self.repository.store, id).await.unwrap();
        job_version.map(|job_version| job_version.state)
    }

    /// How many queries for a job's version the store got since the last call.
    fn queries(&mut self) -> usize {
        let events = std::iter::from_fn(|| self.events.try_recv().ok());
        events.filter(|event| matches!(event, Event::StoreCalled { operation: "mark", .. })).count()
    }
}

/// How long a snapshot is valid if other processes write.
const MAX_AGE: Duration = Duration::from_secs(1);

#[actix_rt::test]
async fn an_ended_job_that_another_process_deletes_is_gone_within_a_second() {
    crate::servers::require!(PostgreSql);
    let (here, there) = Process::pair().await;
    let id = here.create().await;
    here.repository.store.cancel(&id).await.unwrap();
    assert_eq!(there.state(&id).await, Some(JobState::Canceled));
    assert!(here.repository.store.delete(&id).await.unwrap());
    there.clock.advance(MAX_AGE);
    assert_eq!(there.state(&id).await, Some(JobState::Expired));
}

#[actix_rt::test]
async fn polls_query_the_store_at_most_once_a_second() {
    crate::servers::require!(PostgreSql);
    let (here, mut there) = Process::pair().await;
    let id = here.create().await;
    for _ in 0..3 {
        for _ in 0..20 {
            assert_eq!(there.state(&id).await, Some(JobState::Queued));
        }
        assert_eq!(there.queries(), 1);
        there.clock.advance(MAX_AGE);
    }
}

#[actix_rt::test]
async fn concurrent_pollers_of_a_job_share_one_query() {
    crate::servers::require!(PostgreSql);
    let (here, mut there) = Process::pair().await;
    let (id, missing) = (here.create().await, JobId::generate(Duration::ZERO, &mut rand::rng()));
    let polls = join_all((0..100).map(|_| there.state(&id))).await;
    assert!(polls.iter().all(|state| *state == Some(JobState::Queued)), "{polls:?}");
    assert_eq!(there.queries(), 1);
    let polls = join_all((0..100).map(|_| there.state(&missing))).await;
    assert!(polls.iter().all(Option::is_none), "{polls:?}");
    // A query that finds nothing is not kept: if it ends before all have polled, another one follows.
    assert!((1..100).contains(&there.queries()));
}

#[actix_rt::test]
async fn a_query_that_its_poller_abandoned_is_not_used_later() {
    crate::servers::require!(PostgreSql);
    let (here, there) = Process::pair().await;
    // On a busy machine a query may be answered before its poller looks for the first time.
    let id = loop {
        let id = here.create().await;
        if there.state(&id).now_or_never().is_none() {
            break id;
        }
    };
    assert!(here.repository.store.delete(&id).await.unwrap());
    assert_eq!(there.state(&id).await, Some(JobState::Expired));
}
