//! Snapshots: a poll that brings nothing new costs no store access.

#![allow(clippy::unwrap_used)]

#[path = "../../store/tests/support/servers.rs"]
mod servers;
mod support;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use huemill_actors::clock::Clock;
use huemill_actors::janitor::JanitorSettings;
use huemill_actors::metrics::Recorder;
use huemill_actors::repository::Repository;
use huemill_actors::snapshots::Snapshots;
use huemill_observability::Event;
use huemill_store::blobs::Blobs;
use huemill_store::job::{ItemSource, JobId, JobKind, JobState, NewItem, NewJob, Priority};
use huemill_store::sql::{PostgresSettings, SqlStore};
use servers::postgres::Cluster;
use support::office::{Office, keep, settings};
use support::{io, on_actix};
use tokio::sync::mpsc;

/// The mark of a job, where it is known without the store.
async fn known(office: &Office, id: &JobId) -> Option<huemill_store::store::JobVersion> {
    let closed = keep();
    let store = closed.store.clone();
    io().spawn(async move { store.close().await }).await.unwrap();
    // A store that is closed answers nothing: what comes back is known without it.
    office.repository.snapshots.job_version(&closed.store, id).await.ok().flatten()
}

#[test]
fn a_created_job_is_known_without_the_store() {
    on_actix(async {
        let office = Office::with(
            huemill_actors::dispatcher::DispatcherSettings { slots: 0, ..settings() },
            JanitorSettings::default(),
            keep(),
        );
        let id = office.submit(&["one"]).await;
        let job_version = known(&office, &id).await.unwrap();
        assert_eq!((job_version.version, job_version.state), (1, JobState::Queued));
    });
}

#[test]
fn what_is_known_follows_the_job_to_its_end() {
    on_actix(async {
        let office = Office::open();
        let id = office.submit(&["one"]).await;
        let job = office.ends(&id).await;
        let job_version = known(&office, &id).await.unwrap();
        assert_eq!((job_version.version, job_version.state), (job.version, JobState::Completed));
    });
}

#[test]
fn who_watches_is_woken_by_a_change() {
    on_actix(async {
        let mut office = Office::open();
        let id = office.submit(&["gate"]).await;
        assert_eq!(office.shop.begun().await, "gate");
        let watch = office.repository.snapshots.watch(&id);
        let changed = watch.changed();
        office.shop.mine.gate.open();
        tokio::time::timeout(support::AGES, changed).await.unwrap();
        office.ends(&id).await;
    });
}

#[test]
fn a_job_that_nobody_knows_is_not_there() {
    on_actix(async {
        let office = Office::open();
        let nobody = JobId::generate(std::time::Duration::ZERO, &mut rand::rng());
        let job_version =
            office.repository.snapshots.job_version(&office.repository.store, &nobody).await.unwrap();
        assert_eq!(job_version, None);
    });
}

/// One of two processes on the same PostgreSQL. Its clock stands still until it is moved.
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
            input_bytes: 0,
            id: id.clone(),
            kind: JobKind::Url,
            priority: Priority::Normal,
            options: "{}".into(),
            request_id: "req-0001".into(),
            traceparent: None,
            base_url: "https://huemill.example".into(),
            callback_url: None,
            ttl: Duration::from_secs(3_600),
            eta_s: 9,
            items: vec![NewItem { name: "0.png".into(), source }],
            key: None,
        };
        self.repository.store.create(job).await.unwrap();
        id
    }

    /// What a poll of this process sees.
    async fn state(&self, id: &JobId) -> Option<JobState> {
        let job_version = self.repository.snapshots.job_version(&self.repository.store, id).await.unwrap();
        job_version.map(|job_version| job_version.state)
    }

    /// How often the store was asked for a job's version since the last call.
    fn looks(&mut self) -> usize {
        let events = std::iter::from_fn(|| self.events.try_recv().ok());
        events.filter(|event| matches!(event, Event::StoreCalled { operation: "mark", .. })).count()
    }
}

/// How old a snapshot may be where other processes write.
const FRESH: Duration = Duration::from_secs(1);

#[test]
fn an_ended_job_that_another_process_deletes_is_gone_within_a_second() {
    crate::servers::require!(PostgreSql);
    on_actix(async {
        let (here, there) = Process::pair().await;
        let id = here.create().await;
        here.repository.store.cancel(&id).await.unwrap();
        assert_eq!(there.state(&id).await, Some(JobState::Canceled));
        assert!(here.repository.store.delete(&id).await.unwrap());
        there.clock.advance(FRESH);
        assert_eq!(there.state(&id).await, Some(JobState::Expired));
    });
}

#[test]
fn a_poll_asks_the_store_once_a_second_at_most() {
    crate::servers::require!(PostgreSql);
    on_actix(async {
        let (here, mut there) = Process::pair().await;
        let id = here.create().await;
        for _ in 0..3 {
            for _ in 0..20 {
                assert_eq!(there.state(&id).await, Some(JobState::Queued));
            }
            assert_eq!(there.looks(), 1);
            there.clock.advance(FRESH);
        }
    });
}

#[test]
fn concurrent_pollers_of_a_job_share_one_look() {
    crate::servers::require!(PostgreSql);
    on_actix(async {
        let (here, mut there) = Process::pair().await;
        let (id, missing) = (here.create().await, JobId::generate(Duration::ZERO, &mut rand::rng()));
        let polls = join_all((0..100).map(|_| there.state(&id))).await;
        assert!(polls.iter().all(|state| *state == Some(JobState::Queued)), "{polls:?}");
        assert_eq!(there.looks(), 1);
        let polls = join_all((0..100).map(|_| there.state(&missing))).await;
        assert!(polls.iter().all(Option::is_none), "{polls:?}");
        // A look that finds nothing is not kept: one that is over before all have asked is followed by another.
        assert!((1..100).contains(&there.looks()));
    });
}

#[test]
fn a_look_that_its_poller_abandoned_is_not_believed_later() {
    crate::servers::require!(PostgreSql);
    on_actix(async {
        let (here, there) = Process::pair().await;
        let id = here.create().await;
        assert_eq!(there.state(&id).now_or_never(), None, "the look is under way");
        assert!(here.repository.store.delete(&id).await.unwrap());
        assert_eq!(there.state(&id).await, Some(JobState::Expired));
    });
}
