//! The job system under test: a real store and real blobs in a folder of their own, workers that do as their
//! pictures say.

use std::sync::Arc;
use std::time::Duration;

use actix::{Addr, System};
use huemill_actors::actor_system::{JobDependencies, Jobs};
use huemill_actors::clock::Clock;
use huemill_actors::delivery::DeliverySettings;
use huemill_actors::dispatcher::{Dispatcher, DispatcherSettings, Drain, WorkAvailable};
use huemill_actors::fault::Fault;
use huemill_actors::fetcher::FetcherSettings;
use huemill_actors::intake::{DrainFlag, Intake, IntakeSettings, Submit};
use huemill_actors::janitor::{Janitor, JanitorSettings};
use huemill_actors::metrics::Recorder;
use huemill_actors::outbound::AddressPolicy;
use huemill_actors::repository::Repository;
use huemill_actors::snapshots::Snapshots;
use huemill_actors::submission::{Submission, Submitted};
use huemill_actors::supervise::{ActorRegistry, RestartPolicy, ShutdownTrigger, Supervision, ask};
use huemill_actors::workers::WorkersSettings;
use huemill_imaging::Options;
use huemill_observability::Event;
use huemill_observability::trace::Scope;
use huemill_store::blobs::Blobs;
use huemill_store::job::{Job, JobId, JobKind, NewKey, Priority};
use huemill_store::sql::{SqlStore, StoreClock};
use huemill_store::store::{Created, Owner, Store};
use huemill_store::{Spool, SpoolRoom, SpoolSettings};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::shop::Shop;
use super::{AGES, io};

/// Store and blobs in a folder that goes with this.
pub struct Kept {
    pub store: Arc<dyn Store>,
    pub snapshots: Snapshots,
    pub blobs: Blobs,
    pub dir: tempfile::TempDir,
}

pub fn keep() -> Kept {
    let dir = tempfile::tempdir().unwrap();
    let snapshots = Snapshots::new(Clock::system());
    let (path, listener) = (dir.path().join("jobs.db"), Arc::new(snapshots.clone()));
    let (told, opened) = std::sync::mpsc::channel();
    io().spawn(async move {
        let _ = told.send(SqlStore::sqlite(&path, StoreClock::system(), listener).await);
    });
    let store = Arc::new(opened.recv().unwrap().unwrap());
    let blobs = Blobs::folder(&dir.path().join("blobs")).unwrap();
    Kept { store, snapshots, blobs, dir }
}

/// The actors of the job system with two slots.
pub struct Office {
    pub shop: Shop,
    pub kept: Kept,
    pub repository: Repository,
    pub jobs: Jobs,
    pub drain: DrainFlag,
    pub events: mpsc::Receiver<Event>,
    room: SpoolRoom,
}

pub fn settings() -> DispatcherSettings {
    DispatcherSettings { slots: 2, picture: AGES, ..DispatcherSettings::default() }
}

impl Office {
    pub fn open() -> Self {
        Self::with(settings(), JanitorSettings::default(), keep())
    }

    /// One from which this much of the outside can be reached.
    pub fn reaching(policy: AddressPolicy) -> Self {
        Self::of(settings(), JanitorSettings::default(), keep(), policy)
    }

    pub fn with(settings: DispatcherSettings, janitor: JanitorSettings, kept: Kept) -> Self {
        Self::of(settings, janitor, kept, AddressPolicy::default())
    }

    fn of(settings: DispatcherSettings, janitor: JanitorSettings, kept: Kept, reach: AddressPolicy) -> Self {
        let shop = Shop::open(WorkersSettings { slots: settings.slots, ..super::shop::settings() });
        let (recorder, events) = Recorder::channel(10_000);
        let policy = RestartPolicy { first_backoff: Duration::from_millis(1), ..RestartPolicy::default() };
        let (shutdown_trigger, _) = ShutdownTrigger::new();
        let supervision = Supervision {
            policy,
            recorder: recorder.clone(),
            shutdown_trigger,
            actor_registry: ActorRegistry::default(),
        };
        let room = SpoolRoom::open(SpoolSettings::default()).unwrap();
        let repository =
            Repository::new(kept.store.clone(), kept.blobs.clone(), kept.snapshots.clone(), io(), recorder);
        let drain = DrainFlag::default();
        let jobs = Jobs::start(&JobDependencies {
            arbiter: &System::current().arbiter().clone(),
            net: &System::current().arbiter().clone(),
            supervision: &supervision,
            repository: &repository,
            workers: &shop.workers,
            drain: &drain,
            room: &room,
            disk: &(Arc::new(|| Ok(u64::MAX)) as _),
            owner: &Owner("office".to_owned()),
            io: &io(),
            outbound_dependencies: &super::outbound_dependencies(reach),
            dispatcher: settings,
            fetcher: FetcherSettings::default(),
            delivery: DeliverySettings::default(),
            janitor,
            intake: IntakeSettings::default(),
            blob_limit: 100_000_000,
        });
        Self { shop, kept, repository, jobs, drain, events, room }
    }

    /// Submits pictures whose bytes are these texts.
    pub async fn submit(&self, pictures: &[&str]) -> JobId {
        match self.try_submit(pictures, None).await.unwrap() {
            Created::New(job) => job.id,
            other => panic!("{other:?}"),
        }
    }

    /// The same, told there when it ends.
    pub async fn submit_told(&self, pictures: &[&str], url: &str) -> JobId {
        let submission = self.submission(pictures, None);
        self.send(Submission { callback_url: Some(url.to_owned()), ..submission }).await
    }

    /// The same, of pictures that are to be had there.
    pub async fn submit_urls(&self, urls: Vec<(String, String)>) -> JobId {
        let submission = self.submission(&[], None);
        self.send(Submission { kind: JobKind::Url, input: Submitted::Urls(urls), ..submission }).await
    }

    async fn send(&self, submission: Submission) -> JobId {
        match ask(&self.jobs.intake, Submit(submission, Scope::default())).await.unwrap().unwrap() {
            Created::New(job) => job.id,
            other => panic!("{other:?}"),
        }
    }

    pub async fn try_submit(&self, pictures: &[&str], key: Option<NewKey>) -> Result<Created, Fault> {
        ask(&self.jobs.intake, Submit(self.submission(pictures, key), Scope::default())).await?
    }

    pub fn submission(&self, pictures: &[&str], key: Option<NewKey>) -> Submission {
        let spool = |text: &str| Spool::from_bytes(&self.room, text.into()).unwrap();
        let images = pictures.iter().enumerate().map(|(n, text)| (format!("{n}.png"), spool(text)));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Submission {
            id: JobId::generate(now, &mut rand::rng()),
            kind: JobKind::Image,
            priority: Priority::Normal,
            options: Options::default(),
            request_id: "c298c805".to_owned(),
            traceparent: None,
            base_url: "http://huemill.test".to_owned(),
            callback_url: None,
            ttl: AGES * 100,
            key,
            input: Submitted::Images(images.collect()),
        }
    }

    pub async fn job(&self, id: &JobId) -> Job {
        self.repository.store.job(id).await.unwrap().unwrap()
    }

    /// Waits until the job is so.
    pub async fn comes_to(&self, id: &JobId, what: impl Fn(&Job) -> bool) -> Job {
        let deadline = std::time::Instant::now() + AGES;
        loop {
            let job = self.job(id).await;
            if what(&job) {
                return job;
            }
            assert!(std::time::Instant::now() < deadline, "it stays {job:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub async fn ends(&self, id: &JobId) -> Job {
        self.comes_to(id, |job| job.state.has_ended()).await
    }

    /// The names of all blobs, sorted.
    pub fn blobs(&self) -> Vec<String> {
        fn walk(dir: &std::path::Path, names: &mut Vec<String>) {
            for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    walk(&entry.path(), names);
                } else {
                    names.push(entry.path().display().to_string());
                }
            }
        }
        let mut names = Vec::new();
        walk(&self.kept.dir.path().join("blobs"), &mut names);
        names.retain(|name| name.contains("/jobs/"));
        names.sort();
        names
    }

    pub async fn rest(&self, time: Duration) {
        self.drain.begin();
        ask(&self.jobs.dispatcher, Drain { until: Instant::now() + time }).await.unwrap();
    }

    pub fn wake(&self) {
        self.jobs.dispatcher.do_send(WorkAvailable);
    }

    pub fn dispatcher(&self) -> &Addr<Dispatcher> {
        &self.jobs.dispatcher
    }

    pub fn intake(&self) -> &Addr<Intake> {
        &self.jobs.intake
    }

    pub fn janitor(&self) -> &Addr<Janitor> {
        &self.jobs.janitor
    }
}
