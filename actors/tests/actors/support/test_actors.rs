//! The job actors under test: with a real store and real blobs in a temporary folder, and workers whose pictures
//! script what happens to them.

use std::sync::Arc;
use std::time::Duration;

use actix::{Addr, System};
use huemill_actors::actor_system::{JobDependencies, Jobs};
use huemill_actors::clock::Clock;
use huemill_actors::delivery::DeliverySettings;
use huemill_actors::dispatcher::{Dispatcher, DispatcherSettings};
use huemill_actors::fault::Fault;
use huemill_actors::fetcher::FetcherSettings;
use huemill_actors::health::DiskProbe;
use huemill_actors::intake::{Intake, IntakeSettings, Submit};
use huemill_actors::janitor::{Janitor, JanitorSettings};
use huemill_actors::line_sampler::LineSampler;
use huemill_actors::outbound::AddressPolicy;
use huemill_actors::repository::Repository;
use huemill_actors::snapshots::Snapshots;
use huemill_actors::submission::{Submission, Submitted, UrlPicture};
use huemill_actors::supervise::{Drain, DrainFlag, ask};
use huemill_actors::workers::WorkersSettings;
use huemill_imaging::Options;
use huemill_observability::Event;
use huemill_observability::trace::Scope;
use huemill_store::Caller;
use huemill_store::blobs::Blobs;
use huemill_store::job::{Job, JobId, JobKind, NewKey, Priority};
use huemill_store::sql::{SqlStore, StoreClock};
use huemill_store::store::{CallerLimits, Created, Owner, Store};
use huemill_store::{Spool, SpoolRoom, SpoolSettings};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::test_supervision::TestSupervision;
use super::test_workers::TestWorkers;
use super::{AGES, io};

/// Store and blobs in a temporary folder, which is removed when this is dropped.
pub struct TestStorage {
    pub store: Arc<dyn Store>,
    pub snapshots: Snapshots,
    pub blobs: Blobs,
    pub dir: tempfile::TempDir,
}

pub fn open_storage() -> TestStorage {
    let dir = tempfile::tempdir().unwrap();
    let snapshots = Snapshots::new(Clock::system());
    let (path, listener) = (dir.path().join("jobs.db"), Arc::new(snapshots.clone()));
    let (send, opened) = std::sync::mpsc::channel();
    io().spawn(async move {
        let _ = send.send(SqlStore::sqlite(&path, StoreClock::system(), listener).await);
    });
    let store = Arc::new(opened.recv().unwrap().unwrap());
    let blobs = Blobs::folder(&dir.path().join("blobs")).unwrap();
    TestStorage { store, snapshots, blobs, dir }
}

/// The job actors, with two slots.
pub struct TestActors {
    pub workers: TestWorkers,
    pub storage: TestStorage,
    pub repository: Repository,
    pub jobs: Jobs,
    pub drain_flag: DrainFlag,
    pub events: mpsc::Receiver<Event>,
    room: SpoolRoom,
}

/// What the actors find around them.
pub struct Surroundings {
    /// The policy of outbound requests.
    pub outbound: AddressPolicy,
    /// What each caller may use.
    pub quotas: CallerLimits,
    /// The free bytes of the disk.
    pub disk: DiskProbe,
    /// How webhooks are sent.
    pub delivery: DeliverySettings,
    /// How many events of a caller are logged a second, by a clock that stands still; 0 logs all.
    pub lines_per_second: u32,
}

impl Default for Surroundings {
    /// No network, no quotas, room for everything.
    fn default() -> Self {
        let (outbound, quotas) = (AddressPolicy::default(), CallerLimits::default());
        Self {
            outbound,
            quotas,
            disk: Arc::new(|| Ok(u64::MAX)),
            delivery: DeliverySettings::default(),
            lines_per_second: 0,
        }
    }
}

pub fn settings() -> DispatcherSettings {
    DispatcherSettings { slots: 2, picture: AGES, ..DispatcherSettings::default() }
}

impl TestActors {
    pub fn start() -> Self {
        Self::with(settings(), JanitorSettings::default(), open_storage())
    }

    /// Actors whose outbound requests have this policy.
    pub fn with_outbound(policy: AddressPolicy) -> Self {
        Self::among(Surroundings { outbound: policy, ..Surroundings::default() })
    }

    /// The same with these settings of webhooks.
    pub fn with_delivery(policy: AddressPolicy, delivery: DeliverySettings) -> Self {
        Self::among(Surroundings { outbound: policy, delivery, ..Surroundings::default() })
    }

    pub fn among(surroundings: Surroundings) -> Self {
        Self::start_with(settings(), JanitorSettings::default(), open_storage(), surroundings)
    }

    pub fn with(settings: DispatcherSettings, janitor: JanitorSettings, storage: TestStorage) -> Self {
        Self::start_with(settings, janitor, storage, Surroundings::default())
    }

    fn start_with(
        settings: DispatcherSettings,
        janitor: JanitorSettings,
        storage: TestStorage,
        surroundings: Surroundings,
    ) -> Self {
        let workers =
            TestWorkers::start(WorkersSettings { slots: settings.slots, ..super::test_workers::settings() });
        let TestSupervision { supervision, events, .. } = TestSupervision::quick();
        let room = SpoolRoom::open(SpoolSettings::default()).unwrap();
        let repository = Repository::new(
            storage.store.clone(),
            storage.blobs.clone(),
            storage.snapshots.clone(),
            io(),
            supervision.recorder.clone(),
        );
        let drain = DrainFlag::default();
        let line_sampler =
            LineSampler::new(surroundings.lines_per_second, Clock::manual(), supervision.recorder.clone());
        let jobs = Jobs::start(&JobDependencies {
            arbiter: &System::current().arbiter().clone(),
            net: &System::current().arbiter().clone(),
            supervision: &supervision,
            repository: &repository,
            workers: &workers.address,
            drain: &drain,
            line_sampler: &line_sampler,
            room: &room,
            disk: &surroundings.disk,
            owner: &Owner("test".to_owned()),
            io: &io(),
            outbound_dependencies: &super::outbound_dependencies(surroundings.outbound),
            dispatcher: settings,
            fetcher: FetcherSettings::default(),
            delivery: surroundings.delivery,
            janitor,
            intake: IntakeSettings::default(),
            blob_limit: 1_000_000_000,
            quotas: surroundings.quotas,
        });
        Self { workers, storage, repository, jobs, drain_flag: drain, events, room }
    }

    /// Submits pictures whose bytes are these texts.
    pub async fn submit(&self, pictures: &[&str]) -> JobId {
        match self.try_submit(pictures, None).await.unwrap() {
            Created::New(job) => job.id,
            other => panic!("{other:?}"),
        }
    }

    /// The same with a webhook URL.
    pub async fn submit_with_callback(&self, pictures: &[&str], url: &str) -> JobId {
        let submission = self.submission(pictures, None);
        self.send(Submission { callback_url: Some(url.to_owned()), ..submission }).await
    }

    /// Submits pictures by their names and URLs.
    pub async fn submit_urls(&self, urls: Vec<(String, String)>) -> JobId {
        let submission = self.submission(&[], None);
        let picture = |(name, url)| UrlPicture { name, url, same_as: None };
        let urls = urls.into_iter().map(picture).collect();
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
            limits: huemill_store::access_key::KeyLimits::NONE,
            caller: Caller::Service,
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

    /// Waits until the job meets the condition.
    pub async fn wait_for(&self, id: &JobId, condition: impl Fn(&Job) -> bool) -> Job {
        let deadline = std::time::Instant::now() + AGES;
        loop {
            let job = self.job(id).await;
            if condition(&job) {
                return job;
            }
            assert!(std::time::Instant::now() < deadline, "the job stays {job:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub async fn wait_for_end(&self, id: &JobId) -> Job {
        self.wait_for(id, |job| job.state.has_ended()).await
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
        walk(&self.storage.dir.path().join("blobs"), &mut names);
        names.retain(|name| name.contains("/jobs/"));
        names.sort();
        names
    }

    /// Drains with this time limit.
    pub async fn drain(&self, time: Duration) {
        self.drain_flag.begin();
        ask(&self.jobs.dispatcher, Drain { until: Instant::now() + time }).await.unwrap();
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
