//! Intake: what is let in before a body is read, and that everything let in is let go of.

#![allow(clippy::unwrap_used)] // clippy knows the tests here, not what they share

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix::{Addr, System};
use huemill_actors::fault::{Code, Fault};
use huemill_actors::intake::{Admission, Admit, DrainFlag, Intake, IntakeSettings};
use huemill_actors::metrics::Recorder;
use huemill_actors::supervise::{ActorRegistry, RestartPolicy, ShutdownTrigger, Supervision, ask, start};
use huemill_observability::Event;
use proptest::prelude::*;
use support::breaking::Break;
use support::stage::on_paused_time;
use support::{io, until};
use tokio::sync::mpsc;

const MB: u64 = 1_000_000;

struct Door {
    intake: Addr<Intake>,
    drain: DrainFlag,
    free: Arc<AtomicU64>,
    looks: Arc<AtomicU64>,
    events: mpsc::Receiver<Event>,
}

/// What the disk says when it cannot tell.
const BROKEN: u64 = u64::MAX;

impl Door {
    fn open(settings: IntakeSettings) -> Self {
        let (recorder, events) = Recorder::channel(1000);
        let (free, looks) = (Arc::new(AtomicU64::new(1000 * MB)), Arc::new(AtomicU64::new(0)));
        let (drain, shutdown_trigger) = (DrainFlag::default(), ShutdownTrigger::new().0);
        let (shown, counted) = (free.clone(), looks.clone());
        let disk = Arc::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            match shown.load(Ordering::SeqCst) {
                BROKEN => Err(std::io::Error::other("as planned")),
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
        let intake = start(System::current().arbiter(), "intake", &supervision, |_| actor);
        Self { intake, drain, free, looks, events }
    }

    async fn admit(&self, declared: impl Into<Option<u64>>) -> Result<Admission, Fault> {
        ask(&self.intake, Admit { declared: declared.into(), limit: 50 * MB, job: false }).await.unwrap()
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
fn uploads_are_let_in_by_number_and_let_go_on_drop() {
    on_paused_time(async {
        let mut door = Door::open(settings());
        let mut held = vec![door.admit(1).await.unwrap(), door.admit(2).await.unwrap()];
        held.push(door.admit(0).await.unwrap());
        assert_eq!(door.refusal(1).await, overloaded("too many uploads in flight"));
        assert_eq!(door.in_flight(), 3);
        std::thread::spawn(move || drop(held)).join().unwrap();
        assert_eq!(door.in_flight(), 0);
        drop(door.admit(1).await.unwrap());
    });
}

#[test]
fn uploads_are_let_in_by_their_bytes() {
    on_paused_time(async {
        let mut door = Door::open(settings());
        let mut unknown = door.admit(None).await.unwrap();
        assert_eq!(door.in_flight(), 50 * MB, "a length that is not known counts as the most");
        let _known = door.admit(50 * MB).await.unwrap();
        assert_eq!(door.refusal(1).await, overloaded("too many bytes in flight"));
        unknown.settle(10 * MB);
        assert_eq!(door.in_flight(), 60 * MB);
        let _third = door.admit(40 * MB).await.unwrap();
        unknown.settle(20 * MB);
        assert_eq!(door.in_flight(), 100 * MB, "what was let go does not come back");
    });
}

#[test]
fn an_upload_that_declares_more_than_its_route_takes_is_too_large() {
    on_paused_time(async {
        let door = Door::open(settings());
        let fault = door.admit(50 * MB + 1).await.unwrap_err();
        assert_eq!(fault.code, Code::PayloadTooLarge);
        assert!(fault.message.contains("50 MB"), "{}", fault.message);
        drop(door.admit(50 * MB).await.unwrap());
    });
}

#[test]
fn a_drain_lets_nobody_in_and_throws_nobody_out() {
    on_paused_time(async {
        let mut door = Door::open(settings());
        let inside = door.admit(7).await.unwrap();
        door.drain.begin();
        assert_eq!(door.refusal(1).await.0, Code::NotReady);
        assert_eq!(door.in_flight(), 7);
        drop(inside);
        assert_eq!(door.in_flight(), 0);
    });
}

#[test]
fn a_low_disk_refuses_until_there_is_room_again() {
    on_paused_time(async {
        let door = Door::open(settings());
        for (free, let_in) in [(499 * MB, false), (500 * MB, true), (0, false), (BROKEN, true)] {
            door.free.store(free, Ordering::SeqCst);
            let looks = door.looks.load(Ordering::SeqCst);
            until(|| door.looks.load(Ordering::SeqCst) > looks + 1).await;
            if let_in {
                drop(door.admit(1).await.unwrap());
            } else {
                assert_eq!(door.refusal(1).await, overloaded("the disk is low"));
            }
        }
    });
}

#[test]
fn jobs_are_refused_before_anything_else_for_want_of_disk() {
    on_paused_time(async {
        let door = Door::open(settings());
        door.free.store(1000 * MB, Ordering::SeqCst);
        until(|| door.looks.load(Ordering::SeqCst) > 0).await;
        let job = Admit { declared: Some(1), limit: 50 * MB, job: true };
        let looks = door.looks.load(Ordering::SeqCst);
        until(|| door.looks.load(Ordering::SeqCst) > looks + 1).await;
        let refused = ask(&door.intake, job).await.unwrap().unwrap_err();
        assert_eq!((refused.code, refused.cause.as_deref()), (Code::Overloaded, Some("the disk is low")));
        drop(door.admit(1).await.unwrap());
    });
}

#[test]
fn many_uploads_do_not_make_many_looks_at_the_disk() {
    on_paused_time(async {
        let door = Door::open(IntakeSettings { uploads: 1000, ..settings() });
        until(|| door.looks.load(Ordering::SeqCst) > 0).await;
        let before = door.looks.load(Ordering::SeqCst);
        for _ in 0..500 {
            drop(door.admit(1).await.unwrap());
        }
        assert!(door.looks.load(Ordering::SeqCst) <= before + 1);
    });
}

#[test]
fn a_restart_forgets_nobody_who_is_in() {
    on_paused_time(async {
        let mut door = Door::open(settings());
        let _held = [door.admit(1).await.unwrap(), door.admit(1).await.unwrap()];
        assert!(ask(&door.intake, Break).await.is_err());
        let third = door.admit(1).await.unwrap();
        assert_eq!(door.refusal(1).await, overloaded("too many uploads in flight"));
        drop(third);
        assert_eq!(door.in_flight(), 2);
        let looks = door.looks.load(Ordering::SeqCst);
        until(|| door.looks.load(Ordering::SeqCst) > looks).await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_comes_and_goes_the_bounds_hold_and_nothing_is_left(
        steps in prop::collection::vec((any::<bool>(), 0_u64..60), 1..40)
    ) {
        on_paused_time(async {
            let mut door = Door::open(settings());
            let mut held: Vec<(Admission, u64)> = Vec::new();
            for (comes, size) in steps {
                let sum: u64 = held.iter().map(|(_, bytes)| bytes).sum();
                if comes {
                    let fits = held.len() < 3 && sum + size * MB <= 100 * MB && size <= 50;
                    let answer = door.admit(size * MB).await;
                    assert_eq!(answer.is_ok(), fits);
                    held.extend(answer.ok().map(|admission| (admission, size * MB)));
                } else if !held.is_empty() {
                    drop(held.swap_remove(size as usize % held.len()));
                }
            }
            held.clear();
            drop(door.admit(1).await.unwrap());
            assert_eq!(door.in_flight(), 0);
        });
    }
}
