//! Intake: which uploads it admits before their bodies are read, that it releases every admission, and that the blobs of
//! a submitted job are stored a few at a time, and either all of them or none. Also Idempotency, which Intake's callers
//! ask first: one request per key at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::proxy::{Mode, Proxy};
use crate::servers::s3::{self, S3};
use crate::support::test_actors::{self, Surroundings, TestActors, open_storage};
use crate::support::test_supervision::{PanicNow, PausedTime, TestSupervision};
use crate::support::{io, until};
use actix::{Addr, System};
use huemill_actors::fault::{Code, Fault};
use huemill_actors::idempotency::{Idempotency, Reserve};
use huemill_actors::intake::{Admission, Admit, Intake, IntakeSettings, Submit};
use huemill_actors::janitor::JanitorSettings;
use huemill_actors::supervise::{DrainFlag, RestartPolicy, ask, start};
use huemill_observability::Event;
use huemill_observability::trace::Scope;
use huemill_store::Caller;
use huemill_store::blobs::{Blobs, BucketSettings, input_key};
use huemill_store::job::JobId;
use huemill_store::store::CallerLimits;
use proptest::prelude::*;
use tokio::sync::mpsc;

const MB: u64 = 1_000_000;

/// An Intake whose disk the test controls.
struct TestIntake {
    address: Addr<Intake>,
    drain: DrainFlag,
    free: Arc<AtomicU64>,
    measurements: Arc<AtomicU64>,
    events: mpsc::Receiver<Event>,
}

/// Free bytes that stand for a disk that cannot be measured.
const UNKNOWN: u64 = u64::MAX;

impl TestIntake {
    fn start(settings: IntakeSettings) -> Self {
        let TestSupervision { supervision, events, .. } = TestSupervision::with(RestartPolicy::default());
        let (free, measurements) = (Arc::new(AtomicU64::new(1000 * MB)), Arc::new(AtomicU64::new(0)));
        let drain = DrainFlag::default();
        let (shown, counted) = (free.clone(), measurements.clone());
        let disk = Arc::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            match shown.load(Ordering::SeqCst) {
                UNKNOWN => Err(std::io::Error::other("as planned")),
                free => Ok(free),
            }
        });
        let actor = Intake::new(settings, drain.clone(), disk, io(), supervision.recorder.clone());
        let address = start(System::current().arbiter(), "intake", &supervision, |_| actor);
        Self { address, drain, free, measurements, events }
    }

    async fn admit_of(&self, caller: Caller, declared: impl Into<Option<u64>>) -> Result<Admission, Fault> {
        let admit = Admit { caller, declared: declared.into(), limit: 50 * MB, most: None, job: false };
        ask(&self.address, admit).await.unwrap()
    }

    async fn admit(&self, declared: impl Into<Option<u64>>) -> Result<Admission, Fault> {
        self.admit_of(caller(1), declared).await
    }

    /// An upload of which this much has arrived.
    async fn upload(&self, caller: Caller, bytes: u64) -> Result<Admission, Fault> {
        let mut admission = self.admit_of(caller, bytes).await?;
        admission.settle(bytes)?;
        Ok(admission)
    }

    async fn refusal(&self, declared: impl Into<Option<u64>>) -> (Code, Option<String>) {
        let fault = self.admit_of(caller(9), declared).await.unwrap_err();
        (fault.code, fault.cause)
    }

    fn in_flight(&mut self) -> u64 {
        let bytes = |event| match event {
            Event::UploadsInFlight(bytes) => Some(bytes),
            _ => None,
        };
        std::iter::from_fn(|| self.events.try_recv().ok()).filter_map(bytes).last().unwrap()
    }
}

fn caller(number: u8) -> Caller {
    Caller::of_address([192, 0, 2, number].into())
}

fn settings() -> IntakeSettings {
    IntakeSettings { uploads: 6, bytes: 100 * MB, disk_low: 500 * MB, jobs_disk_low: 2000 * MB }
}

fn overloaded(cause: &str) -> (Code, Option<String>) {
    (Code::Overloaded, Some(cause.to_owned()))
}

#[actix_rt::test(system = "PausedTime")]
async fn uploads_are_shared_among_callers_and_a_drop_releases_them() {
    let mut intake = TestIntake::start(settings());
    let mut held = Vec::new();
    while let Ok(admission) = intake.upload(caller(1), 1).await {
        held.push(admission);
    }
    assert_eq!(held.len(), 4, "one caller gets two thirds");
    let fault = intake.admit(1).await.unwrap_err();
    assert_eq!((fault.code, fault.limit.map(|limit| limit.policy)), (Code::RateLimited, Some("uploads")));
    held.extend([intake.upload(caller(2), 1).await.unwrap(), intake.upload(caller(3), 1).await.unwrap()]);
    let fault = intake.admit_of(caller(4), 1).await.unwrap_err();
    assert_eq!((fault.code, fault.cause.as_deref()), (Code::Overloaded, Some("too many uploads in flight")));
    assert_eq!(intake.in_flight(), 6);
    std::thread::spawn(move || drop(held)).join().unwrap();
    assert_eq!(intake.in_flight(), 0);
    drop(intake.admit(1).await.unwrap());
}

#[actix_rt::test(system = "PausedTime")]
async fn bytes_are_reserved_as_they_come() {
    let mut intake = TestIntake::start(settings());
    let mut announced = Vec::new();
    for _ in 0..3 {
        announced.push(intake.admit(50 * MB).await.unwrap());
    }
    announced[0].received(60 * MB).unwrap();
    assert_eq!(intake.in_flight(), 60 * MB, "what is only announced is not reserved");
    let fault = announced[1].received(20 * MB).unwrap_err();
    assert_eq!((fault.code, fault.limit.map(|limit| limit.policy)), (Code::RateLimited, Some("uploads")));
    let mut other = intake.admit_of(caller(2), 30 * MB).await.unwrap();
    other.received(20 * MB).unwrap();
    announced[0].settle(10 * MB).unwrap();
    assert_eq!(intake.in_flight(), 30 * MB);
    announced[1].received(30 * MB).unwrap();
}

#[actix_rt::test(system = "PausedTime")]
async fn an_upload_that_declares_more_than_its_route_accepts_is_too_large() {
    let intake = TestIntake::start(settings());
    let fault = intake.admit(50 * MB + 1).await.unwrap_err();
    assert_eq!(fault.code, Code::PayloadTooLarge);
    assert!(fault.message.contains("47.68 MiB"), "{}", fault.message);
    drop(intake.admit(50 * MB).await.unwrap());
}

#[actix_rt::test(system = "PausedTime")]
async fn a_drain_at_last_refuses_new_uploads_and_keeps_admitted_ones() {
    let mut intake = TestIntake::start(settings());
    let admitted = intake.upload(caller(1), 7).await.unwrap();
    intake.drain.begin();
    drop(intake.admit(1).await.unwrap());
    intake.drain.refuse_uploads();
    assert_eq!(intake.refusal(1).await.0, Code::NotReady);
    assert_eq!(intake.in_flight(), 7);
    drop(admitted);
    assert_eq!(intake.in_flight(), 0);
}

#[actix_rt::test(system = "PausedTime")]
async fn a_full_disk_refuses_uploads_until_there_is_room_again() {
    let intake = TestIntake::start(settings());
    for (free, is_admitted) in [(499 * MB, false), (500 * MB, true), (0, false), (UNKNOWN, true)] {
        intake.free.store(free, Ordering::SeqCst);
        let measurements = intake.measurements.load(Ordering::SeqCst);
        until(|| intake.measurements.load(Ordering::SeqCst) > measurements + 1).await;
        if is_admitted {
            drop(intake.admit(1).await.unwrap());
        } else {
            assert_eq!(intake.refusal(1).await, overloaded("the disk is low"));
        }
    }
}

#[actix_rt::test(system = "PausedTime")]
async fn a_filling_disk_refuses_jobs_before_other_uploads() {
    let intake = TestIntake::start(settings());
    intake.free.store(1000 * MB, Ordering::SeqCst);
    until(|| intake.measurements.load(Ordering::SeqCst) > 0).await;
    let job = Admit { caller: Caller::Service, declared: Some(1), limit: 50 * MB, most: None, job: true };
    let measurements = intake.measurements.load(Ordering::SeqCst);
    until(|| intake.measurements.load(Ordering::SeqCst) > measurements + 1).await;
    let refused = ask(&intake.address, job).await.unwrap().unwrap_err();
    assert_eq!((refused.code, refused.cause.as_deref()), (Code::Overloaded, Some("the disk is low")));
    drop(intake.admit(1).await.unwrap());
}

#[actix_rt::test(system = "PausedTime")]
async fn many_uploads_do_not_cause_many_disk_measurements() {
    let intake = TestIntake::start(IntakeSettings { uploads: 1000, ..settings() });
    until(|| intake.measurements.load(Ordering::SeqCst) > 0).await;
    let before = intake.measurements.load(Ordering::SeqCst);
    for _ in 0..500 {
        drop(intake.admit(1).await.unwrap());
    }
    assert!(intake.measurements.load(Ordering::SeqCst) <= before + 1);
}

#[actix_rt::test(system = "PausedTime")]
async fn a_restart_keeps_all_admissions() {
    let mut intake = TestIntake::start(settings());
    let held = [1, 2, 3, 4].map(|number| intake.upload(caller(number), 1));
    let held = futures_util::future::join_all(held).await;
    assert!(held.iter().all(Result::is_ok));
    assert!(ask(&intake.address, PanicNow).await.is_err());
    let more = [intake.upload(caller(5), 1).await.unwrap(), intake.upload(caller(6), 1).await.unwrap()];
    assert_eq!(intake.refusal(1).await, overloaded("too many uploads in flight"));
    drop(more);
    assert_eq!(intake.in_flight(), 4);
    let measurements = intake.measurements.load(Ordering::SeqCst);
    until(|| intake.measurements.load(Ordering::SeqCst) > measurements).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_limits_hold_for_any_sequence_and_everything_is_released(
        steps in prop::collection::vec((any::<bool>(), 0_u64..60, 0_u8..4), 1..40)
    ) {
        PausedTime::new().block_on(async {
            let mut intake = TestIntake::start(settings());
            let mut held: Vec<(Admission, u64)> = Vec::new();
            for (arrives, size, number) in steps {
                if arrives {
                    let answer = intake.upload(caller(number), size * MB).await;
                    held.extend(answer.ok().map(|admission| (admission, size * MB)));
                    assert!(held.len() <= 6 && held.iter().map(|(_, bytes)| bytes).sum::<u64>() <= 100 * MB);
                } else if !held.is_empty() {
                    drop(held.swap_remove(size as usize % held.len()));
                }
            }
            held.clear();
            drop(intake.upload(caller(1), 1).await.unwrap());
            assert_eq!(intake.in_flight(), 0);
        });
    }
}

/// How many blobs are stored at a time.
const CONCURRENT_UPLOADS: usize = 4;

const PICTURES: [&str; 11] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];

#[actix_rt::test]
async fn a_caller_beyond_a_quota_is_refused_and_leaves_no_blobs() {
    let quotas = CallerLimits { stored_bytes: Some(3_000_000), ..CallerLimits::default() };
    let actors = TestActors::among(Surroundings { quotas, ..Surroundings::default() });
    let blobs = async |job: &JobId| {
        actors.wait_for_end(job).await;
        until(|| !actors.blobs().iter().any(|name| name.contains("/in/"))).await;
        actors.blobs().len()
    };
    // A card counts as 1.2 MB until it is stored.
    let refused = actors.try_submit(&["one", "two", "three"], None).await.unwrap_err();
    assert_eq!(
        (refused.code, refused.limit.map(|limit| limit.policy)),
        (Code::RateLimited, Some("stored_bytes"))
    );
    assert!(refused.retry_after.is_some() && actors.blobs().is_empty());
    let first = actors.submit(&["one", "two"]).await;
    assert_eq!(blobs(&first).await, 2);
    let second = actors.submit(&["one", "two"]).await;
    assert_eq!(blobs(&second).await, 4);
}

#[actix_rt::test]
async fn jobs_are_refused_whose_cards_would_fill_the_disk() {
    // Two gigabytes must stay free for jobs.
    let disk = Arc::new(|| Ok(2_003_000_000));
    let actors = TestActors::among(Surroundings { disk, ..Surroundings::default() });
    let submit = async || actors.try_submit(&["one", "two", "three"], None).await;
    // Until the disk is measured, everything is accepted.
    let refused = loop {
        match submit().await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.code, Code::Overloaded);
    assert!(refused.cause.is_some_and(|cause| cause.contains("the disk has room for 3000000")));
}

#[actix_rt::test]
async fn four_blobs_of_a_job_are_uploaded_at_a_time() {
    crate::servers::require!(S3);
    let server = S3::shared();
    let bucket = server.bucket();
    let network = Proxy::start(server.endpoint().strip_prefix("http://").unwrap().parse().unwrap());
    let environment = s3::environment(format!("http://{}", network.address()));
    let mut storage = open_storage();
    storage.blobs =
        Blobs::open(&format!("s3://{bucket}/"), &BucketSettings::default(), &environment).unwrap();
    // Without sweeps, no scan for orphans sends requests to the bucket.
    let janitor = JanitorSettings { sweeps: false, ..JanitorSettings::default() };
    let actors = TestActors::with(test_actors::settings(), janitor, storage);
    network.set(Mode::Hold);

    let submitted = actors.try_submit(&PICTURES, None);
    let watched = async {
        until(|| network.unanswered() >= CONCURRENT_UPLOADS).await;
        // After a whole answer of the server, the number is still the same.
        assert!(server.keys(&bucket).is_empty());
        assert_eq!(network.unanswered(), CONCURRENT_UPLOADS);
        network.set(Mode::Pass);
    };
    let (created, ()) = tokio::join!(submitted, watched);
    created.unwrap();
}

#[actix_rt::test]
async fn if_one_blob_cannot_be_stored_none_of_the_job_is_left() {
    let actors = TestActors::start();
    let submission = actors.submission(&PICTURES, None);
    let id = submission.id.clone();
    // A folder takes the place of one of the first four blobs, so that blob cannot be written.
    let obstacle = actors.storage.dir.path().join("blobs").join(input_key(&id, 1)).join("obstacle");
    std::fs::create_dir_all(&obstacle).unwrap();
    let refused = ask(actors.intake(), Submit(submission, Scope::default())).await.unwrap();
    assert_eq!(refused.unwrap_err().code, Code::Overloaded);
    assert_eq!(actors.blobs(), Vec::<String>::new());
    assert_eq!(actors.repository.store.job(&id).await.unwrap(), None);
}

fn start_idempotency() -> Addr<Idempotency> {
    let TestSupervision { supervision, .. } = TestSupervision::quick();
    start(System::current().arbiter(), "idempotency", &supervision, |_| Idempotency::default())
}

fn key(scope: &str, key: &str) -> Reserve {
    Reserve { scope: scope.to_owned(), key: key.to_owned() }
}

#[actix_rt::test]
async fn a_key_belongs_to_one_request_until_it_releases_it() {
    let keys = start_idempotency();
    let first = ask(&keys, key("POST /jobs", "a")).await.unwrap().unwrap();
    let second = ask(&keys, key("POST /jobs", "a")).await.unwrap().unwrap_err();
    assert_eq!(second.code, Code::IdempotencyInProgress);
    assert!(second.retry_after.is_some());
    drop(first);
    assert!(ask(&keys, key("POST /jobs", "a")).await.unwrap().is_ok());
}

#[actix_rt::test]
async fn another_key_or_scope_is_independent() {
    let keys = start_idempotency();
    let _first = ask(&keys, key("POST /jobs", "a")).await.unwrap().unwrap();
    let _other = ask(&keys, key("POST /jobs", "b")).await.unwrap().unwrap();
    let _scope = ask(&keys, key("POST /jobs of another client", "a")).await.unwrap().unwrap();
}

#[actix_rt::test]
async fn a_restart_keeps_all_reservations() {
    let keys = start_idempotency();
    let first = ask(&keys, key("s", "a")).await.unwrap().unwrap();
    keys.do_send(PanicNow);
    let refused = ask(&keys, key("s", "a")).await.unwrap();
    assert_eq!(refused.unwrap_err().code, Code::IdempotencyInProgress);
    drop(first);
    assert!(ask(&keys, key("s", "a")).await.unwrap().is_ok());
}
