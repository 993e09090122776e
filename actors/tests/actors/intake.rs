//! Intake: which uploads it admits before their bodies are read, and that it releases every admission.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::panic_now::PanicNow;
use crate::support::test_supervision::on_paused_time;
use crate::support::{io, until};
use actix::{Addr, System};
use huemill_actors::fault::{Code, Fault};
use huemill_actors::intake::{Admission, Admit, DrainFlag, Intake, IntakeSettings};
use huemill_actors::metrics::Recorder;
use huemill_actors::supervise::{ActorRegistry, RestartPolicy, ShutdownTrigger, Supervision, ask, start};
use huemill_observability::Event;
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
        let (recorder, events) = Recorder::channel(1000);
        let (free, measurements) = (Arc::new(AtomicU64::new(1000 * MB)), Arc::new(AtomicU64::new(0)));
        let (drain, shutdown_trigger) = (DrainFlag::default(), ShutdownTrigger::new().0);
        let (shown, counted) = (free.clone(), measurements.clone());
        let disk = Arc::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            match shown.load(Ordering::SeqCst) {
                UNKNOWN => Err(std::io::Error::other("as planned")),
                free => Ok(free),
            }
        });
        let actor = Intake::new(settings, drain.clone(), disk, io(), recorder.clone());
        let supervision = Supervision {
            policy: RestartPolicy::default(),
            recorder,
            shutdown_trigger,
            actor_registry: ActorRegistry::default(),
        };
        let address = start(System::current().arbiter(), "intake", &supervision, |_| actor);
        Self { address, drain, free, measurements, events }
    }

    async fn admit(&self, declared: impl Into<Option<u64>>) -> Result<Admission, Fault> {
        ask(&self.address, Admit { declared: declared.into(), limit: 50 * MB, job: false }).await.unwrap()
    }

    async fn refusal(&self, declared: impl Into<Option<u64>>) -> (Code, Option<String>) {
        let fault = self.admit(declared).await.unwrap_err();
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

fn settings() -> IntakeSettings {
    IntakeSettings { uploads: 3, bytes: 100 * MB, disk_low: 500 * MB, jobs_disk_low: 2000 * MB }
}

fn overloaded(cause: &str) -> (Code, Option<String>) {
    (Code::Overloaded, Some(cause.to_owned()))
}

#[test]
fn the_number_of_uploads_is_limited_and_a_drop_releases_them() {
    on_paused_time(async {
        let mut intake = TestIntake::start(settings());
        let mut held = vec![intake.admit(1).await.unwrap(), intake.admit(2).await.unwrap()];
        held.push(intake.admit(0).await.unwrap());
        assert_eq!(intake.refusal(1).await, overloaded("too many uploads in flight"));
        assert_eq!(intake.in_flight(), 3);
        std::thread::spawn(move || drop(held)).join().unwrap();
        assert_eq!(intake.in_flight(), 0);
        drop(intake.admit(1).await.unwrap());
    });
}

#[test]
fn the_bytes_of_uploads_are_limited() {
    on_paused_time(async {
        let mut intake = TestIntake::start(settings());
        let mut unknown = intake.admit(None).await.unwrap();
        assert_eq!(intake.in_flight(), 50 * MB, "an unknown length counts as the maximum");
        let _known = intake.admit(50 * MB).await.unwrap();
        assert_eq!(intake.refusal(1).await, overloaded("too many bytes in flight"));
        unknown.settle(10 * MB);
        assert_eq!(intake.in_flight(), 60 * MB);
        let _third = intake.admit(40 * MB).await.unwrap();
        unknown.settle(20 * MB);
        assert_eq!(intake.in_flight(), 100 * MB, "released bytes are not reserved again");
    });
}

#[test]
fn an_upload_that_declares_more_than_its_route_accepts_is_too_large() {
    on_paused_time(async {
        let intake = TestIntake::start(settings());
        let fault = intake.admit(50 * MB + 1).await.unwrap_err();
        assert_eq!(fault.code, Code::PayloadTooLarge);
        assert!(fault.message.contains("50 MB"), "{}", fault.message);
        drop(intake.admit(50 * MB).await.unwrap());
    });
}

#[test]
fn a_drain_refuses_new_uploads_and_keeps_admitted_ones() {
    on_paused_time(async {
        let mut intake = TestIntake::start(settings());
        let admitted = intake.admit(7).await.unwrap();
        intake.drain.begin();
        assert_eq!(intake.refusal(1).await.0, Code::NotReady);
        assert_eq!(intake.in_flight(), 7);
        drop(admitted);
        assert_eq!(intake.in_flight(), 0);
    });
}

#[test]
fn a_full_disk_refuses_uploads_until_there_is_room_again() {
    on_paused_time(async {
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
    });
}

#[test]
fn a_filling_disk_refuses_jobs_before_other_uploads() {
    on_paused_time(async {
        let intake = TestIntake::start(settings());
        intake.free.store(1000 * MB, Ordering::SeqCst);
        until(|| intake.measurements.load(Ordering::SeqCst) > 0).await;
        let job = Admit { declared: Some(1), limit: 50 * MB, job: true };
        let measurements = intake.measurements.load(Ordering::SeqCst);
        until(|| intake.measurements.load(Ordering::SeqCst) > measurements + 1).await;
        let refused = ask(&intake.address, job).await.unwrap().unwrap_err();
        assert_eq!((refused.code, refused.cause.as_deref()), (Code::Overloaded, Some("the disk is low")));
        drop(intake.admit(1).await.unwrap());
    });
}

#[test]
fn many_uploads_do_not_cause_many_disk_measurements() {
    on_paused_time(async {
        let intake = TestIntake::start(IntakeSettings { uploads: 1000, ..settings() });
        until(|| intake.measurements.load(Ordering::SeqCst) > 0).await;
        let before = intake.measurements.load(Ordering::SeqCst);
        for _ in 0..500 {
            drop(intake.admit(1).await.unwrap());
        }
        assert!(intake.measurements.load(Ordering::SeqCst) <= before + 1);
    });
}

#[test]
fn a_restart_keeps_all_admissions() {
    on_paused_time(async {
        let mut intake = TestIntake::start(settings());
        let _held = [intake.admit(1).await.unwrap(), intake.admit(1).await.unwrap()];
        assert!(ask(&intake.address, PanicNow).await.is_err());
        let third = intake.admit(1).await.unwrap();
        assert_eq!(intake.refusal(1).await, overloaded("too many uploads in flight"));
        drop(third);
        assert_eq!(intake.in_flight(), 2);
        let measurements = intake.measurements.load(Ordering::SeqCst);
        until(|| intake.measurements.load(Ordering::SeqCst) > measurements).await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_limits_hold_for_any_sequence_and_everything_is_released(
        steps in prop::collection::vec((any::<bool>(), 0_u64..60), 1..40)
    ) {
        on_paused_time(async {
            let mut intake = TestIntake::start(settings());
            let mut held: Vec<(Admission, u64)> = Vec::new();
            for (arrives, size) in steps {
                let sum: u64 = held.iter().map(|(_, bytes)| bytes).sum();
                if arrives {
                    let fits = held.len() < 3 && sum + size * MB <= 100 * MB && size <= 50;
                    let answer = intake.admit(size * MB).await;
                    assert_eq!(answer.is_ok(), fits);
                    held.extend(answer.ok().map(|admission| (admission, size * MB)));
                } else if !held.is_empty() {
                    drop(held.swap_remove(size as usize % held.len()));
                }
            }
            held.clear();
            drop(intake.admit(1).await.unwrap());
            assert_eq!(intake.in_flight(), 0);
        });
    }
}
