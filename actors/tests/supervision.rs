//! Our supervision, with every fault injected: the actor's address, queue and timers outlive it.

#![allow(clippy::unwrap_used)] // clippy knows the tests here, not what they share

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::System;
use huemill_actors::fault::Code;
use huemill_actors::supervise::{ActorStatus, RestartPolicy, ask, start};
use support::stage::{Add, Break, BreakLater, Fate, Halt, Plan, Stage, Subject, on_paused_time};
use tokio::time::Instant;

#[test]
fn a_panic_keeps_the_address_and_the_queue_and_rebuilds_the_state() {
    on_paused_time(async {
        let mut stage = Stage::with(RestartPolicy::default());
        let subject = stage.start(Subject::default());
        assert_eq!(ask(&subject, Add(40)).await.unwrap(), 40);
        let (broken, first, second) =
            tokio::join!(ask(&subject, Break), ask(&subject, Add(1)), ask(&subject, Add(1)));
        assert_eq!(broken.unwrap_err().code, Code::InternalError);
        assert_eq!((first.unwrap(), second.unwrap()), (1, 2));
        assert_eq!(stage.standing(), ActorStatus { up: true, restarts: 1 });
        assert_eq!(stage.restart_causes(), ["panic"]);
    });
}

#[test]
fn a_panic_in_an_actors_future_restarts_it() {
    on_paused_time(async {
        let mut stage = Stage::with(RestartPolicy::default());
        let subject = stage.start(Subject::default());
        assert_eq!(ask(&subject, Add(1)).await.unwrap(), 1);
        ask(&subject, BreakLater).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!stage.standing().up, "it is backing off");
        assert_eq!(ask(&subject, Add(1)).await.unwrap(), 1, "a message sent meanwhile waits");
        assert_eq!(stage.restart_causes(), ["panic"]);
    });
}

#[test]
fn a_panic_in_started_is_tried_again_with_growing_waits() {
    on_paused_time(async {
        let mut stage = Stage::with(RestartPolicy::default());
        let before = Instant::now();
        let subject = stage.start(Subject { on_start: Plan::times(3, Fate::Panic), ..Subject::default() });
        assert_eq!(ask(&subject, Add(1)).await.unwrap(), 1);
        assert_eq!(before.elapsed().as_millis() / 100, 1 + 2 + 4);
        assert_eq!(stage.restart_causes(), ["panic"; 3]);
    });
}

#[test]
fn a_panic_while_restarting_counts_as_a_failure_of_its_own() {
    on_paused_time(async {
        let stage = Stage::with(RestartPolicy::default());
        let subject = stage.start(Subject { on_restart: Plan::times(2, Fate::Panic), ..Subject::default() });
        let before = Instant::now();
        let (broken, kept) = tokio::join!(ask(&subject, Break), ask(&subject, Add(1)));
        assert_eq!((broken.unwrap_err().code, kept.unwrap()), (Code::InternalError, 1));
        assert_eq!(before.elapsed().as_millis() / 100, 1 + 2 + 4);
    });
}

#[test]
fn an_unwanted_stop_waits_its_backoff_and_keeps_the_queue() {
    on_paused_time(async {
        let mut stage = Stage::with(RestartPolicy::default());
        let subject = stage.start(Subject::default());
        let before = Instant::now();
        let (_, kept) = tokio::join!(ask(&subject, Halt), ask(&subject, Add(1)));
        assert_eq!(kept.unwrap(), 1);
        assert_eq!(before.elapsed().as_millis() / 100, 1);
        assert_eq!(stage.restart_causes(), ["stop"]);
    });
}

#[test]
fn a_stop_in_started_does_not_spin() {
    on_paused_time(async {
        let mut stage = Stage::with(RestartPolicy::default());
        let lives = Arc::new(AtomicUsize::new(0));
        let on_start = Plan::times(usize::MAX, Fate::Stop);
        let subject = stage.start(Subject { on_start, lives: lives.clone(), ..Subject::default() });
        let fatal_error = stage.fatal_error.wait_for(Option::is_some).await.unwrap().clone().unwrap();
        assert_eq!((fatal_error.actor, fatal_error.reason.as_str()), ("subject", "stopped itself"));
        assert_eq!(lives.load(Ordering::SeqCst), 1 + RestartPolicy::default().restarts);
        assert!(!subject.connected());
    });
}

#[test]
fn past_the_intensity_the_bell_rings_and_whoever_waits_is_told() {
    on_paused_time(async {
        let stage = Stage::with(RestartPolicy { restarts: 1, ..RestartPolicy::default() });
        let subject = stage.start(Subject::default());
        let (_, _, last) = tokio::join!(ask(&subject, Break), ask(&subject, Break), ask(&subject, Add(1)));
        assert_eq!(last.unwrap_err().code, Code::NotReady);
        assert_eq!(ask(&subject, Add(1)).await.unwrap_err().code, Code::NotReady);
        assert!(stage.supervision.shutdown_trigger.is_triggered());
        assert_eq!(stage.standing(), ActorStatus { up: false, restarts: 1 });
        assert_eq!(stage.fatal_error.borrow().as_ref().unwrap().reason, "broken");
    });
}

#[test]
fn failures_that_lie_far_apart_are_no_doom() {
    on_paused_time(async {
        let stage = Stage::with(RestartPolicy { restarts: 1, ..RestartPolicy::default() });
        let subject = stage.start(Subject::default());
        for _ in 0..5 {
            assert_eq!(ask(&subject, Break).await.unwrap_err().code, Code::InternalError);
            tokio::time::sleep(Duration::from_secs(61)).await;
        }
        assert_eq!(ask(&subject, Add(1)).await.unwrap(), 1);
        assert_eq!(stage.standing().restarts, 5);
    });
}

#[test]
fn timers_run_again_after_a_restart_and_once_only() {
    on_paused_time(async {
        let stage = Stage::with(RestartPolicy::default());
        let ticks = Arc::new(AtomicUsize::new(0));
        let subject = stage.start(Subject { ticks: ticks.clone(), ..Subject::default() });
        for _ in 0..2 {
            assert!(ask(&subject, Break).await.is_err());
            ask(&subject, Add(1)).await.unwrap();
        }
        let before = ticks.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(105)).await;
        assert_eq!(ticks.load(Ordering::SeqCst) - before, 10);
    });
}

#[test]
fn an_actor_that_cannot_be_built_is_a_doom() {
    on_paused_time(async {
        let mut stage = Stage::with(RestartPolicy::default());
        let arbiter = System::current().arbiter().clone();
        let subject = start::<Subject, _>(&arbiter, "subject", &stage.supervision, |_| panic!("no parts"));
        let fatal_error = stage.fatal_error.wait_for(Option::is_some).await.unwrap().clone().unwrap();
        assert_eq!(fatal_error.reason, "cannot be built: no parts");
        assert_eq!(ask(&subject, Add(1)).await.unwrap_err().code, Code::NotReady);
    });
}

#[test]
fn a_panic_while_being_dropped_kills_nobody() {
    let stage = Stage::with(RestartPolicy::default());
    let lives = Arc::new(AtomicUsize::new(0));
    let subject = Subject {
        at_the_end: Plan::times(usize::MAX, Fate::Panic),
        lives: lives.clone(),
        ..Subject::default()
    };
    on_paused_time(async {
        let subject = stage.start(subject);
        ask(&subject, Add(1)).await.unwrap();
        // The system ends with the actor alive: its context is dropped, and that polls it once more.
    });
    assert_eq!(lives.load(Ordering::SeqCst), 1);
    assert!(!stage.supervision.shutdown_trigger.is_triggered());
}

#[test]
fn a_doomed_actor_is_not_even_asked_to_say_goodbye() {
    on_paused_time(async {
        let mut stage = Stage::with(RestartPolicy { restarts: 0, ..RestartPolicy::default() });
        let at_the_end = Plan::times(1, Fate::Panic);
        let subject = stage.start(Subject { at_the_end: at_the_end.clone(), ..Subject::default() });
        assert!(ask(&subject, Break).await.is_err());
        stage.fatal_error.wait_for(Option::is_some).await.unwrap();
        assert_eq!(at_the_end.0.lock().unwrap().0, 1, "what is broken is not run again");
        assert!(!subject.connected());
    });
}

#[test]
fn an_actor_nobody_can_reach_ends_without_a_restart() {
    on_paused_time(async {
        let mut stage = Stage::with(RestartPolicy::default());
        let subject = stage.start(Subject::default());
        ask(&subject, Halt).await.unwrap();
        drop(subject);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(stage.restart_causes(), [""; 0]);
        assert!(!stage.supervision.shutdown_trigger.is_triggered());
    });
}
