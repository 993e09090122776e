//! Workers: what happens when a picture, a thread or the actor itself goes wrong.

#![allow(clippy::unwrap_used)] // clippy knows the tests here, not what they share

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use huemill_actors::fault::Code;
use huemill_actors::supervise::ask;
use huemill_actors::workers::{Run, WorkersSettings, run};
use support::breaking::Break;
use support::shop::{Shop, settings, soon};
use support::{on_actix, picture, until};

#[test]
fn a_picture_past_its_deadline_took_too_long_and_its_thread_stays() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        let fault = shop.fault(Run { deadline: soon(), ..picture("heed") }).await;
        assert_eq!(fault.code, Code::ProcessingError);
        assert!(fault.message.contains("too long"), "{}", fault.message);
        shop.comes_to(0, 0, 0).await;
        run(&shop.workers, picture("ok")).await.unwrap();
        let (first, second) = (shop.begun.recv().await.unwrap(), shop.begun.recv().await.unwrap());
        assert_eq!(first.1, second.1);
        assert_eq!(shop.outcomes(), [("text", "processing_error"), ("text", "ok")]);
    });
}

#[test]
fn a_picture_that_hears_nothing_is_abandoned_with_its_memory() {
    on_actix(async {
        let mut shop = Shop::open(WorkersSettings { grace: Duration::from_millis(10), ..settings() });
        let fault = shop.fault(Run { deadline: soon(), ..picture("gate KIB=60") }).await;
        assert_eq!(fault.code, Code::ProcessingError);
        shop.comes_to(0, 0, 1).await;
        run(&shop.workers, picture("ok")).await.unwrap();
        let (first, second) = (shop.begun.recv().await.unwrap(), shop.begun.recv().await.unwrap());
        assert_ne!(first.1, second.1, "the slot has a new thread");
        let starved = shop.fault(Run { deadline: soon(), ..picture("KIB=60") }).await;
        assert_eq!(starved.cause.as_deref(), Some("no memory was free in time"));
        assert!(shop.fatal_error.borrow().is_none());
        shop.mine.gate.open();
        shop.comes_to(0, 0, 0).await;
        run(&shop.workers, picture("KIB=100")).await.unwrap();
    });
}

#[test]
fn too_many_abandoned_are_a_doom() {
    on_actix(async {
        let mut shop = Shop::open(WorkersSettings { grace: Duration::ZERO, ..settings() });
        for _ in 0..2 {
            assert!(shop.fatal_error.borrow().is_none());
            shop.fault(Run { deadline: soon(), ..picture("gate") }).await;
        }
        let fatal_error = shop.fatal_error.wait_for(Option::is_some).await.unwrap().clone().unwrap();
        assert_eq!(
            (fatal_error.actor, fatal_error.reason.as_str()),
            ("workers", "2 attempts were abandoned and still run")
        );
        shop.mine.gate.open();
    });
}

#[test]
fn a_picture_that_panics_is_unreadable_and_the_mill_is_made_anew() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        for (bytes, made) in [("panic", 2), ("panic-early", 3)] {
            let fault = shop.fault(picture(bytes)).await;
            assert_eq!(
                (fault.code, &*fault.message),
                (Code::ProcessingError, Code::ProcessingError.message())
            );
            assert!(fault.cause.unwrap().starts_with("panic: as planned"));
            run(&shop.workers, picture("ok")).await.unwrap();
            assert_eq!(shop.mine.made.load(Ordering::SeqCst), made);
            assert_eq!(shop.mine.alive.load(Ordering::SeqCst), 1);
        }
        let outcomes = shop.outcomes();
        assert_eq!(outcomes[0], ("text", "processing_error"));
        assert_eq!(outcomes[2], ("unknown", "processing_error"));
        run(&shop.workers, picture("KIB=100")).await.unwrap();
    });
}

#[test]
fn a_mill_that_cannot_be_made_is_our_fault_and_tried_again() {
    on_actix(async {
        let shop = Shop::open(settings());
        shop.mine.unable.store(1, Ordering::SeqCst);
        assert_eq!(shop.fault(picture("ok")).await.code, Code::InternalError);
        run(&shop.workers, picture("ok")).await.unwrap();
    });
}

#[test]
fn every_error_of_a_picture_has_its_code() {
    on_actix(async {
        let shop = Shop::open(settings());
        for (bytes, code, told) in [
            ("empty", Code::NoInput, "Nothing was sent"),
            ("heic", Code::UnsupportedMediaType, "HEIC is not supported"),
            ("nothing", Code::ProcessingError, "cannot be read"),
            ("damaged", Code::ProcessingError, "cannot be read"),
            (
                "large",
                Code::PayloadTooLarge,
                "20000 x 3 pixels. At most 50 megapixels and 16384 pixels a side",
            ),
        ] {
            let fault = shop.fault(picture(bytes)).await;
            assert_eq!(fault.code, code, "{bytes}");
            assert!(fault.message.contains(told), "{}", fault.message);
        }
    });
}

#[test]
fn when_the_actor_fails_nobody_waits_for_ever() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        let (running, queued) = (shop.send(picture("gate 1")), shop.send(picture("2")));
        shop.comes_to(1, 1, 0).await;
        assert_eq!(ask(&shop.workers, Break).await.unwrap_err().code, Code::InternalError);
        assert_eq!(queued.await.unwrap().unwrap_err().code, Code::NotReady);
        shop.comes_to(0, 0, 1).await;
        run(&shop.workers, picture("ok")).await.unwrap();
        shop.mine.gate.open();
        running.await.unwrap().unwrap();
        shop.comes_to(0, 0, 0).await;
        let threads: Vec<_> = [shop.begun.recv().await.unwrap(), shop.begun.recv().await.unwrap()].into();
        assert_ne!(threads[0].1, threads[1].1);
        until(|| shop.mine.alive.load(Ordering::SeqCst) == 1).await;
    });
}

#[test]
fn threads_end_with_their_actor() {
    let mut mine = None;
    on_actix(async {
        let shop = Shop::open(WorkersSettings { slots: 3, queue: 9, ..settings() });
        let sent: Vec<_> = (0..9).map(|_| shop.send(picture("ok"))).collect();
        for answer in sent {
            answer.await.unwrap().unwrap();
        }
        mine = Some(Arc::clone(&shop.mine));
    });
    on_actix(until(move || mine.as_ref().unwrap().alive.load(Ordering::SeqCst) == 0));
}
