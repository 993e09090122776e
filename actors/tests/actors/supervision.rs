//! Supervision, with every kind of failure injected: the actor's address, queue and timers survive it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::test_supervision::{
    Add, Failure, FailurePlan, PanicLater, PanicNow, PausedTime, StopNow, TestActor, TestSupervision,
};
use actix::System;
use huemill_actors::fault::Code;
use huemill_actors::supervise::{ActorStatus, RestartPolicy, ask, start};
use tokio::time::Instant;

#[actix_rt::test(system = "PausedTime")]
async fn a_panic_keeps_the_address_and_the_queue_and_rebuilds_the_state() {
    let mut harness = TestSupervision::with(RestartPolicy::default());
    let actor = harness.start(TestActor::default());
    assert_eq!(ask(&actor, Add(40)).await.unwrap(), 40);
    let (panicked, first, second) =
        tokio::join!(ask(&actor, PanicNow), ask(&actor, Add(1)), ask(&actor, Add(1)));
    assert_eq!(panicked.unwrap_err().code, Code::InternalError);
    assert_eq!((first.unwrap(), second.unwrap()), (1, 2));
    assert_eq!(harness.status(), ActorStatus { up: true, restarts: 1 });
    assert_eq!(harness.restart_causes(), ["panic"]);
}

#[actix_rt::test(system = "PausedTime")]
async fn a_panic_in_an_actors_future_restarts_it() {
    let mut harness = TestSupervision::with(RestartPolicy::default());
    let actor = harness.start(TestActor::default());
    assert_eq!(ask(&actor, Add(1)).await.unwrap(), 1);
    ask(&actor, PanicLater).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!harness.status().up, "it is backing off");
    assert_eq!(ask(&actor, Add(1)).await.unwrap(), 1, "a message sent meanwhile waits");
    assert_eq!(harness.restart_causes(), ["panic"]);
}

#[actix_rt::test(system = "PausedTime")]
async fn a_panic_in_started_is_retried_with_growing_waits() {
    let mut harness = TestSupervision::with(RestartPolicy::default());
    let before = Instant::now();
    let actor =
        harness.start(TestActor { on_start: FailurePlan::times(3, Failure::Panic), ..TestActor::default() });
    assert_eq!(ask(&actor, Add(1)).await.unwrap(), 1);
    assert_eq!(before.elapsed().as_millis() / 100, 1 + 2 + 4);
    assert_eq!(harness.restart_causes(), ["panic"; 3]);
}

#[actix_rt::test(system = "PausedTime")]
async fn a_panic_while_restarting_counts_as_a_failure_of_its_own() {
    let harness = TestSupervision::with(RestartPolicy::default());
    let actor = harness
        .start(TestActor { on_restart: FailurePlan::times(2, Failure::Panic), ..TestActor::default() });
    let before = Instant::now();
    let (panicked, answered) = tokio::join!(ask(&actor, PanicNow), ask(&actor, Add(1)));
    assert_eq!((panicked.unwrap_err().code, answered.unwrap()), (Code::InternalError, 1));
    assert_eq!(before.elapsed().as_millis() / 100, 1 + 2 + 4);
}

#[actix_rt::test(system = "PausedTime")]
async fn an_unexpected_stop_backs_off_and_keeps_the_queue() {
    let mut harness = TestSupervision::with(RestartPolicy::default());
    let actor = harness.start(TestActor::default());
    let before = Instant::now();
    let (_, answered) = tokio::join!(ask(&actor, StopNow), ask(&actor, Add(1)));
    assert_eq!(answered.unwrap(), 1);
    assert_eq!(before.elapsed().as_millis() / 100, 1);
    assert_eq!(harness.restart_causes(), ["stop"]);
}

#[actix_rt::test(system = "PausedTime")]
async fn a_stop_in_started_does_not_spin() {
    let mut harness = TestSupervision::with(RestartPolicy::default());
    let starts = Arc::new(AtomicUsize::new(0));
    let on_start = FailurePlan::times(usize::MAX, Failure::Stop);
    let actor = harness.start(TestActor { on_start, starts: starts.clone(), ..TestActor::default() });
    let fatal_error = harness.fatal_error.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    assert_eq!((fatal_error.actor, fatal_error.reason.as_str()), ("test_actor", "stopped itself"));
    assert_eq!(starts.load(Ordering::SeqCst), 1 + RestartPolicy::default().restarts);
    assert!(!actor.connected());
}

#[actix_rt::test(system = "PausedTime")]
async fn a_failure_past_the_restart_limit_is_fatal_and_answers_pending_messages() {
    let harness = TestSupervision::with(RestartPolicy { restarts: 1, ..RestartPolicy::default() });
    let actor = harness.start(TestActor::default());
    let (_, _, last) = tokio::join!(ask(&actor, PanicNow), ask(&actor, PanicNow), ask(&actor, Add(1)));
    assert_eq!(last.unwrap_err().code, Code::NotReady);
    assert_eq!(ask(&actor, Add(1)).await.unwrap_err().code, Code::NotReady);
    assert!(harness.supervision.shutdown_trigger.is_triggered());
    assert_eq!(harness.status(), ActorStatus { up: false, restarts: 1 });
    assert_eq!(harness.fatal_error.borrow().as_ref().unwrap().reason, "broken");
}

#[actix_rt::test(system = "PausedTime")]
async fn failures_that_are_far_apart_are_not_fatal() {
    let harness = TestSupervision::with(RestartPolicy { restarts: 1, ..RestartPolicy::default() });
    let actor = harness.start(TestActor::default());
    for _ in 0..5 {
        assert_eq!(ask(&actor, PanicNow).await.unwrap_err().code, Code::InternalError);
        tokio::time::sleep(Duration::from_secs(61)).await;
    }
    assert_eq!(ask(&actor, Add(1)).await.unwrap(), 1);
    assert_eq!(harness.status().restarts, 5);
}

#[actix_rt::test(system = "PausedTime")]
async fn a_restart_sets_timers_again_exactly_once() {
    let harness = TestSupervision::with(RestartPolicy::default());
    let ticks = Arc::new(AtomicUsize::new(0));
    let actor = harness.start(TestActor { ticks: ticks.clone(), ..TestActor::default() });
    for _ in 0..2 {
        assert!(ask(&actor, PanicNow).await.is_err());
        ask(&actor, Add(1)).await.unwrap();
    }
    let before = ticks.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(105)).await;
    assert_eq!(ticks.load(Ordering::SeqCst) - before, 10);
}

#[actix_rt::test(system = "PausedTime")]
async fn an_actor_that_cannot_be_built_is_fatal() {
    let mut harness = TestSupervision::with(RestartPolicy::default());
    let arbiter = System::current().arbiter().clone();
    let actor = start::<TestActor, _>(&arbiter, "test_actor", &harness.supervision, |_| panic!("no parts"));
    let fatal_error = harness.fatal_error.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    assert_eq!(fatal_error.reason, "cannot be built: no parts");
    assert_eq!(ask(&actor, Add(1)).await.unwrap_err().code, Code::NotReady);
}

#[test]
fn a_panic_in_drop_is_contained() {
    let harness = TestSupervision::with(RestartPolicy::default());
    let starts = Arc::new(AtomicUsize::new(0));
    let actor = TestActor {
        on_stop: FailurePlan::times(usize::MAX, Failure::Panic),
        starts: starts.clone(),
        ..TestActor::default()
    };
    PausedTime::new().block_on(async {
        let actor = harness.start(actor);
        ask(&actor, Add(1)).await.unwrap();
        // The system ends while the actor is alive: dropping its context polls it once more.
    });
    assert_eq!(starts.load(Ordering::SeqCst), 1);
    assert!(!harness.supervision.shutdown_trigger.is_triggered());
}

#[actix_rt::test(system = "PausedTime")]
async fn a_terminated_actor_does_not_run_its_stopped_method() {
    let mut harness = TestSupervision::with(RestartPolicy { restarts: 0, ..RestartPolicy::default() });
    let on_stop = FailurePlan::times(1, Failure::Panic);
    let actor = harness.start(TestActor { on_stop: on_stop.clone(), ..TestActor::default() });
    assert!(ask(&actor, PanicNow).await.is_err());
    harness.fatal_error.wait_for(Option::is_some).await.unwrap();
    assert_eq!(on_stop.0.lock().unwrap().0, 1, "a broken actor does not run again");
    assert!(!actor.connected());
}

#[actix_rt::test(system = "PausedTime")]
async fn an_actor_without_an_address_ends_without_a_restart() {
    let mut harness = TestSupervision::with(RestartPolicy::default());
    let actor = harness.start(TestActor::default());
    ask(&actor, StopNow).await.unwrap();
    drop(actor);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(harness.restart_causes(), [""; 0]);
    assert!(!harness.supervision.shutdown_trigger.is_triggered());
}
