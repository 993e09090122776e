//! The Dispatcher: pictures of jobs from the store to the workers and back.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use huemill_actors::dispatcher::{CancelJob, DispatcherSettings};
use huemill_actors::janitor::JanitorSettings;
use huemill_observability::Event;
use huemill_store::job::{ItemState, JobState};
use huemill_store::store::{Ask, Owner, Selection};
use support::breaking::Break;
use support::office::{Office, keep, settings};
use support::{io, on_actix, until};

#[test]
fn a_job_is_worked_on_and_completed() {
    on_actix(async {
        let mut office = Office::open();
        let id = office.submit(&["one", "two", "three"]).await;
        let job = office.ends(&id).await;
        assert_eq!((job.state, job.succeeded, job.failed), (JobState::Completed, 3, 0));
        let items = office.records.store.items(&id, 0, 10).await.unwrap();
        assert!(items.iter().all(|item| item.attempt == 1 && item.result.is_some()));
        // They are told behind the commit, which is all that is known by now.
        let mut events = Vec::new();
        let told = |event: &Event| matches!(event, Event::ImageProcessed { .. } | Event::JobEnded { .. });
        until(|| {
            events.extend(std::iter::from_fn(|| office.events.try_recv().ok()));
            events.iter().filter(|event| told(event)).count() == 4
        })
        .await;
        let count = |wanted: fn(&Event) -> bool| events.iter().filter(|event| wanted(event)).count();
        assert_eq!(count(|event| matches!(event, Event::JobCreated { kind: "image_batch" })), 1);
        assert_eq!(count(|event| matches!(event, Event::JobStarted { .. })), 1);
        assert_eq!(count(|event| matches!(event, Event::ImageProcessed { endpoint: "/jobs" })), 3);
        assert_eq!(count(|event| matches!(event, Event::JobEnded { status: "completed", .. })), 1);
    });
}

#[test]
fn a_bad_picture_fails_alone_and_says_why() {
    on_actix(async {
        let office = Office::open();
        let id = office.submit(&["one", "damaged", "panic", "four"]).await;
        let job = office.ends(&id).await;
        assert_eq!((job.state, job.succeeded, job.failed), (JobState::Completed, 2, 2));
        for number in [1, 2] {
            let item = &office.records.store.items(&id, number, 1).await.unwrap()[0];
            assert_eq!(item.state, ItemState::Failed);
            assert_eq!(item.error.as_ref().unwrap().code, "PROCESSING_ERROR");
        }
    });
}

#[test]
fn a_picture_that_is_too_large_fails_at_its_first_attempt() {
    on_actix(async {
        let small = DispatcherSettings { longest_input: 8, ..settings() };
        let office = Office::with(small, JanitorSettings::default(), keep());
        let id = office.submit(&["one", "longer than eight bytes"]).await;
        let job = office.ends(&id).await;
        assert_eq!((job.state, job.succeeded, job.failed), (JobState::Completed, 1, 1));
        let item = &office.records.store.items(&id, 1, 1).await.unwrap()[0];
        assert_eq!((item.error.as_ref().unwrap().code.as_str(), item.attempt), ("PAYLOAD_TOO_LARGE", 1));
    });
}

#[test]
fn a_job_of_bad_pictures_alone_has_failed() {
    on_actix(async {
        let office = Office::open();
        let id = office.submit(&["damaged", "heic"]).await;
        assert_eq!(office.ends(&id).await.state, JobState::Failed);
    });
}

#[test]
fn a_long_job_does_not_hold_up_a_short_one() {
    on_actix(async {
        let mut office =
            Office::with(DispatcherSettings { slots: 1, ..settings() }, JanitorSettings::default(), keep());
        let long = office.submit(&["gate", "l1", "l2", "l3", "l4", "l5"]).await;
        assert_eq!(office.shop.begun().await, "gate");
        let short = office.submit(&["short"]).await;
        office.shop.mine.gate.open();
        office.ends(&short).await;
        office.ends(&long).await;
        let mut order = Vec::new();
        for _ in 0..6 {
            order.push(office.shop.begun().await);
        }
        let place = order.iter().position(|text| text == "short").unwrap();
        assert!(place <= 1, "the short job came after {place} pictures of the long one: {order:?}");
    });
}

#[test]
fn a_canceled_job_stops_its_running_picture_and_keeps_what_is_done() {
    on_actix(async {
        let mut office = Office::open();
        let id = office.submit(&["done", "heed", "never"]).await;
        while office.shop.begun().await != "heed" {}
        office.comes_to(&id, |job| job.succeeded >= 1).await;
        office.records.store.cancel(&id).await.unwrap();
        office.dispatcher().do_send(CancelJob(id.clone()));
        office.shop.comes_to(0, 0, 0).await;
        let job = office.job(&id).await;
        assert_eq!(job.state, JobState::Canceled);
        assert!(job.succeeded >= 1);
    });
}

#[test]
fn the_card_of_a_picture_that_was_canceled_meanwhile_is_removed() {
    on_actix(async {
        let mut office = Office::open();
        let id = office.submit(&["done", "gate"]).await;
        while office.shop.begun().await != "gate" {}
        office.comes_to(&id, |job| job.succeeded >= 1).await;
        office.records.store.cancel(&id).await.unwrap();
        // No one stops the attempt: it stores its card and finds when it settles that the job has ended.
        let mine = office.shop.mine.clone();
        io().spawn_blocking(move || mine.gate.open());
        until(|| office.jobs.observed.read().dispatcher.claimed == 0).await;
        let cards = office.blobs().into_iter().filter(|key| key.contains("/out/")).count();
        assert_eq!(cards, 1, "{:?}", office.blobs());
        assert_eq!(office.job(&id).await.succeeded, 1);
    });
}

#[test]
fn at_rest_a_picture_in_flight_is_given_back_uncounted() {
    on_actix(async {
        let mut office = Office::open();
        let id = office.submit(&["heed"]).await;
        assert_eq!(office.shop.begun().await, "heed");
        office.rest(Duration::ZERO).await;
        let item = office.records.store.items(&id, 0, 1).await.unwrap().remove(0);
        assert_eq!(item.state, ItemState::Queued);
        let ask = Ask {
            owner: Owner("next".to_owned()),
            most: 1,
            lease: Duration::from_secs(30),
            selection: Selection::InTurn,
            sequence: 1,
            pace_ms: 1,
        };
        let claims = office.records.store.claim(&ask).await.unwrap();
        assert_eq!(claims.items.len(), 1, "it waits like any other");
        assert!(!claims.suspects);
    });
}

#[test]
fn at_rest_a_picture_that_ends_in_time_counts() {
    on_actix(async {
        let mut office = Office::open();
        let id = office.submit(&["gate"]).await;
        assert_eq!(office.shop.begun().await, "gate");
        let mine = office.shop.mine.clone();
        io().spawn_blocking(move || mine.gate.open());
        office.rest(support::AGES).await;
        assert_eq!(office.job(&id).await.state, JobState::Completed);
    });
}

#[test]
fn a_dispatcher_that_breaks_gives_back_what_it_held_and_goes_on() {
    on_actix(async {
        let mut office = Office::open();
        let id = office.submit(&["heed", "one", "two"]).await;
        while office.shop.begun().await != "heed" {}
        office.comes_to(&id, |job| job.succeeded == 2).await;
        office.dispatcher().do_send(Break);
        // It is begun a second time.
        while office.shop.begun().await != "heed" {}
        assert_eq!(office.records.store.items(&id, 0, 1).await.unwrap()[0].attempt, 2);
    });
}

#[test]
fn what_an_earlier_life_left_in_flight_is_tried_alone() {
    on_actix(async {
        // A life that claims and dies.
        let idle = DispatcherSettings { slots: 0, ..settings() };
        let dead = Office::with(idle, JanitorSettings::default(), keep());
        let id = dead.submit(&["first", "second", "third"]).await;
        let ask = Ask {
            owner: Owner("dead".to_owned()),
            most: 2,
            lease: Duration::from_millis(1),
            selection: Selection::InTurn,
            sequence: 1,
            pace_ms: 1,
        };
        assert_eq!(dead.records.store.claim(&ask).await.unwrap().items.len(), 2);
        let lively = DispatcherSettings { lease: Duration::from_millis(30), ..settings() };
        let next = Office::with(lively, JanitorSettings::default(), dead.kept);
        let job = next.ends(&id).await;
        assert_eq!((job.state, job.succeeded), (JobState::Completed, 3));
        let items = next.records.store.items(&id, 0, 3).await.unwrap();
        assert_eq!(items.iter().map(|item| item.attempt).collect::<Vec<_>>(), [2, 2, 1]);
    });
}

#[test]
fn inputs_go_when_the_job_has_ended_and_cards_stay() {
    on_actix(async {
        let office = Office::open();
        let id = office.submit(&["one", "two"]).await;
        office.ends(&id).await;
        until(|| office.blobs().len() == 2).await;
        assert!(office.blobs().iter().all(|name| name.contains("/out/")), "{:?}", office.blobs());
    });
}
