//! Workers: slots and their queue, and requesters that come and go.

#![allow(clippy::unwrap_used)] // clippy knows the tests here, not what they share

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use huemill_actors::fault::Code;
use huemill_actors::workers::{Input, Run, SlotFigures, WorkersSettings, run};
use huemill_observability::Event;
use support::shop::{Shop, settings};
use support::{on_actix, picture, request, until};

#[test]
fn a_picture_is_worked_on_and_counted() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        let done = run(&shop.workers, picture("ok")).await.unwrap();
        assert_eq!(done.outcome.source.format, "png");
        assert_eq!(shop.outcomes(), [("text", "ok")]);
    });
}

#[test]
fn the_canary_is_not_counted() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        run(&shop.workers, Run { counted: false, ..picture("ok") }).await.unwrap();
        let told: Vec<_> = std::iter::from_fn(|| shop.events.try_recv().ok()).collect();
        let customers = |event: &Event| {
            matches!(
                event,
                Event::AttemptEnded { .. }
                    | Event::PictureShaped(_)
                    | Event::QueueWaited(_)
                    | Event::StageTimed { .. }
            )
        };
        assert!(!told.is_empty() && !told.iter().any(customers));
    });
}

#[test]
fn one_thread_serves_picture_after_picture() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        let mut threads = std::collections::HashSet::new();
        for _ in 0..20 {
            run(&shop.workers, picture("ok")).await.unwrap();
            threads.insert(shop.begun.recv().await.unwrap().1);
        }
        assert_eq!((threads.len(), shop.mine.made.load(Ordering::SeqCst)), (1, 1));
    });
}

#[test]
fn who_waits_is_served_in_order() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        let sent = ["gate 1", "2", "3"].map(|text| shop.send(picture(text)));
        shop.comes_to(1, 2, 0).await;
        shop.mine.gate.open();
        for answer in sent {
            answer.await.unwrap().unwrap();
        }
        let order = [shop.begun().await, shop.begun().await, shop.begun().await];
        assert_eq!(order, ["gate 1", "2", "3"]);
    });
}

#[test]
fn a_full_queue_refuses_at_once() {
    on_actix(async {
        let shop = Shop::open(settings());
        let _sent = ["gate 1", "2", "3"].map(|text| shop.send(picture(text)));
        shop.comes_to(1, 2, 0).await;
        let fault = shop.fault(picture("4")).await;
        assert_eq!((fault.code, fault.cause.as_deref()), (Code::Overloaded, Some("the queue is full")));
        assert!(fault.retry_after.is_some());
        shop.mine.gate.open();
    });
}

#[test]
fn who_waits_too_long_for_a_slot_is_told_and_leaves_nothing_behind() {
    on_actix(async {
        let shop = Shop::open(WorkersSettings { queue_wait: Duration::from_millis(30), ..settings() });
        let first = shop.send(picture("gate 1"));
        shop.comes_to(1, 0, 0).await;
        let input: Arc<[u8]> = b"2".as_slice().into();
        let fault = shop.fault(request(Input::Bytes(input.clone()))).await;
        assert_eq!((fault.code, fault.cause.unwrap()), (Code::Overloaded, "no slot was free in time".into()));
        until(|| Arc::strong_count(&input) == 1).await;
        shop.comes_to(1, 0, 0).await;
        shop.mine.gate.open();
        first.await.unwrap().unwrap();
    });
}

#[test]
fn a_requester_that_leaves_the_queue_frees_its_input_at_once() {
    on_actix(async {
        let shop = Shop::open(settings());
        let _first = shop.send(picture("gate 1"));
        shop.comes_to(1, 0, 0).await;
        let input: Arc<[u8]> = b"2".as_slice().into();
        let second = shop.send(request(Input::Bytes(input.clone())));
        shop.comes_to(1, 1, 0).await;
        second.abort();
        until(|| Arc::strong_count(&input) == 1).await;
        shop.comes_to(1, 0, 0).await;
        shop.mine.gate.open();
    });
}

#[test]
fn a_requester_that_leaves_stops_its_picture() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        let sent = shop.send(picture("heed"));
        assert_eq!(shop.begun().await, "heed");
        sent.abort();
        shop.comes_to(0, 0, 0).await;
        assert_eq!(shop.outcomes(), [("text", "canceled")]);
    });
}

#[test]
fn a_canceled_token_stops_its_picture_and_spares_those_of_others() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        let wanted = picture("heed");
        let token = wanted.cancel.clone();
        let sent = shop.send(wanted);
        shop.begun().await;
        token.cancel();
        assert!(sent.await.unwrap().is_err());
        run(&shop.workers, picture("ok")).await.unwrap();
    });
}

#[test]
fn the_answer_does_not_cancel_the_requesters_other_pictures() {
    on_actix(async {
        let shop = Shop::open(settings());
        let first = picture("ok");
        let token = first.cancel.clone();
        run(&shop.workers, first).await.unwrap();
        assert!(!token.is_cancelled());
    });
}

#[test]
fn a_pulse_tells_busy_from_dead() {
    on_actix(async {
        let mut shop = Shop::open(WorkersSettings { slots: 2, ..settings() });
        assert_eq!(shop.pulse().await, SlotFigures { slots: 2, busy: 0, queued: 0, abandoned: 0 });
        let first = shop.send(picture("gate"));
        shop.begun().await;
        assert_eq!(shop.pulse().await, SlotFigures { slots: 2, busy: 1, queued: 0, abandoned: 0 });
        shop.mine.gate.open();
        first.await.unwrap().unwrap();
    });
}
