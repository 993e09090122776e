//! Workers: what happens when a picture, a thread or the actor itself fails.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::test_supervision::PanicNow;
use crate::support::test_workers::{TestWorkers, settings, soon};
use crate::support::{picture, until};
use actix::System;
use huemill_actors::fault::Code;
use huemill_actors::supervise::ask;
use huemill_actors::workers::{Run, WorkersSettings, run};
use huemill_observability::Event;

#[actix_rt::test]
async fn a_picture_past_its_deadline_fails_and_its_thread_stays() {
    let mut workers = TestWorkers::start(settings());
    let fault = workers.fault(Run { deadline: soon(), ..picture("heed") }).await;
    assert_eq!(fault.code, Code::ProcessingError);
    assert!(fault.message.contains("too long"), "{}", fault.message);
    workers.wait_for_slots(0, 0, 0).await;
    run(&workers.address, picture("ok")).await.unwrap();
    let (first, second) = (workers.started.recv().await.unwrap(), workers.started.recv().await.unwrap());
    assert_eq!(first.1, second.1);
    assert_eq!(workers.outcomes(), [("text", "processing_error"), ("text", "ok")]);
}

#[actix_rt::test]
async fn a_picture_that_ignores_cancellation_is_abandoned_with_its_memory() {
    let mut workers = TestWorkers::start(WorkersSettings { grace: Duration::from_millis(10), ..settings() });
    let fault = workers.fault(Run { deadline: soon(), ..picture("gate KIB=60") }).await;
    assert_eq!(fault.code, Code::ProcessingError);
    workers.wait_for_slots(0, 0, 1).await;
    run(&workers.address, picture("ok")).await.unwrap();
    let (first, second) = (workers.started.recv().await.unwrap(), workers.started.recv().await.unwrap());
    assert_ne!(first.1, second.1, "the slot has a new thread");
    let starved = workers.fault(Run { deadline: soon(), ..picture("KIB=60") }).await;
    assert_eq!(starved.cause.as_deref(), Some("no memory was free in time"));
    assert!(workers.fatal_error.borrow().is_none());
    workers.engine.gate.open();
    workers.wait_for_slots(0, 0, 0).await;
    run(&workers.address, picture("KIB=100")).await.unwrap();
}

#[actix_rt::test]
async fn too_many_abandoned_pictures_are_fatal() {
    let mut workers = TestWorkers::start(WorkersSettings { grace: Duration::ZERO, ..settings() });
    for _ in 0..2 {
        assert!(workers.fatal_error.borrow().is_none());
        workers.fault(Run { deadline: soon(), ..picture("gate") }).await;
    }
    let fatal_error = workers.fatal_error.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    assert_eq!(
        (fatal_error.actor, fatal_error.reason.as_str()),
        ("workers", "2 attempts were abandoned and still run")
    );
    workers.engine.gate.open();
}

#[actix_rt::test]
async fn a_picture_that_panics_is_unreadable_and_gets_a_new_engine() {
    let mut workers = TestWorkers::start(settings());
    for (bytes, made) in [("panic", 2), ("panic-early", 3)] {
        let fault = workers.fault(picture(bytes)).await;
        assert_eq!((fault.code, &*fault.message), (Code::ProcessingError, Code::ProcessingError.message()));
        assert!(fault.cause.unwrap().starts_with("panic: as planned"));
        run(&workers.address, picture("ok")).await.unwrap();
        assert_eq!(workers.engine.made.load(Ordering::SeqCst), made);
        assert_eq!(workers.engine.alive.load(Ordering::SeqCst), 1);
    }
    let outcomes = workers.outcomes();
    assert_eq!(outcomes[0], ("text", "processing_error"));
    assert_eq!(outcomes[2], ("unknown", "processing_error"));
    run(&workers.address, picture("KIB=100")).await.unwrap();
}

#[actix_rt::test]
async fn pictures_of_one_caller_that_panic_are_logged_only_so_often() {
    let mut workers = TestWorkers::start(settings());
    for _ in 0..30 {
        workers.fault(picture("panic")).await;
    }
    let left_out = std::iter::from_fn(|| workers.events.try_recv().ok())
        .filter(|event| matches!(event, Event::LogLinesSampled(1)))
        .count();
    assert_eq!(left_out, 20);
}

#[actix_rt::test]
async fn an_engine_that_cannot_be_made_is_an_internal_error_and_retried() {
    let workers = TestWorkers::start(settings());
    workers.engine.failing.store(1, Ordering::SeqCst);
    assert_eq!(workers.fault(picture("ok")).await.code, Code::InternalError);
    run(&workers.address, picture("ok")).await.unwrap();
}

#[actix_rt::test]
async fn every_error_of_a_picture_has_its_code() {
    let workers = TestWorkers::start(settings());
    for (bytes, code, expected) in [
        ("empty", Code::NoInput, "Nothing was chosen"),
        ("heic", Code::UnsupportedMediaType, "HEIC is not supported"),
        ("nothing", Code::UnsupportedMediaType, "not a picture"),
        ("damaged", Code::ProcessingError, "cannot be read"),
        ("costly", Code::PayloadTooLarge, "takes too much work to decode"),
        (
            "large",
            Code::PayloadTooLarge,
            "20000 x 3 pixels. At most 100 megapixels (250 for JPEG) and 65500 pixels a side",
        ),
    ] {
        let fault = workers.fault(picture(bytes)).await;
        assert_eq!(fault.code, code, "{bytes}");
        assert!(fault.message.contains(expected), "{}", fault.message);
    }
}

#[actix_rt::test]
async fn when_the_actor_panics_every_caller_gets_an_answer() {
    let mut workers = TestWorkers::start(settings());
    let (running, queued) = (workers.send(picture("gate 1")), workers.send(picture("2")));
    workers.wait_for_slots(1, 1, 0).await;
    assert_eq!(ask(&workers.address, PanicNow).await.unwrap_err().code, Code::InternalError);
    assert_eq!(queued.await.unwrap().unwrap_err().code, Code::NotReady);
    workers.wait_for_slots(0, 0, 1).await;
    run(&workers.address, picture("ok")).await.unwrap();
    workers.engine.gate.open();
    running.await.unwrap().unwrap();
    workers.wait_for_slots(0, 0, 0).await;
    let threads: Vec<_> =
        [workers.started.recv().await.unwrap(), workers.started.recv().await.unwrap()].into();
    assert_ne!(threads[0].1, threads[1].1);
    until(|| workers.engine.alive.load(Ordering::SeqCst) == 1).await;
}

#[test]
fn threads_end_with_their_actor() {
    let mut engine = None;
    System::new().block_on(async {
        let workers = TestWorkers::start(WorkersSettings { slots: 3, queue: 30, ..settings() });
        let sent: Vec<_> = (0..9).map(|_| workers.send(picture("ok"))).collect();
        for answer in sent {
            answer.await.unwrap().unwrap();
        }
        engine = Some(Arc::clone(&workers.engine));
    });
    System::new().block_on(until(move || engine.as_ref().unwrap().alive.load(Ordering::SeqCst) == 0));
}
