//! The Dispatcher: it hands pictures of jobs to the workers and writes their results back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::support::test_actors::{Surroundings, TestActors, open_storage, settings};
use crate::support::test_supervision::PanicNow;
use crate::support::{io, until};
use huemill_actors::dispatcher::{CancelJob, DispatcherSettings};
use huemill_actors::fault::Code;
use huemill_actors::janitor::JanitorSettings;
use huemill_observability::Event;
use huemill_store::job::{ItemState, JobState};
use huemill_store::store::{ClaimRequest, DownloadLimits, Owner, Selection};

/// A claim of items in turn by another process.
fn claim_of(owner: &str, limit: u32, lease: Duration) -> ClaimRequest {
    let (owner, selection) = (Owner(owner.to_owned()), Selection::InTurn);
    let downloads = DownloadLimits::default();
    ClaimRequest { owner, sequence: 1, limit, lease, selection, downloads, pace_ms: 1 }
}

#[actix_rt::test]
async fn a_job_is_processed_and_completed() {
    let mut actors = TestActors::start();
    let id = actors.submit(&["one", "two", "three"]).await;
    let job = actors.wait_for_end(&id).await;
    assert_eq!((job.state, job.succeeded, job.failed), (JobState::Completed, 3, 0));
    let items = actors.repository.store.items(&id, 0, 10).await.unwrap();
    assert!(items.iter().all(|item| item.attempt == 1 && item.result.is_some()));
    // Events follow the commit, so they may not all have arrived yet.
    let mut events = Vec::new();
    let is_counted = |event: &Event| matches!(event, Event::ImageProcessed { .. } | Event::JobEnded { .. });
    until(|| {
        events.extend(std::iter::from_fn(|| actors.events.try_recv().ok()));
        events.iter().filter(|event| is_counted(event)).count() == 4
    })
    .await;
    let count = |wanted: fn(&Event) -> bool| events.iter().filter(|event| wanted(event)).count();
    assert_eq!(count(|event| matches!(event, Event::JobCreated { kind: "image_batch" })), 1);
    assert_eq!(count(|event| matches!(event, Event::JobStarted { .. })), 1);
    assert_eq!(count(|event| matches!(event, Event::ImageProcessed { endpoint: "/jobs" })), 3);
    assert_eq!(count(|event| matches!(event, Event::JobEnded { status: "completed", .. })), 1);
}

#[actix_rt::test]
async fn nothing_is_claimed_while_the_disk_is_low() {
    let free = Arc::new(AtomicU64::new(u64::MAX / 2));
    let probe = Arc::clone(&free);
    let disk = Arc::new(move || Ok(probe.load(Ordering::Relaxed)));
    let mut actors = TestActors::among(Surroundings { disk, ..Surroundings::default() });
    let id = actors.submit(&["gate", "gate", "one", "two"]).await;
    for _ in 0..2 {
        assert_eq!(actors.workers.next_started().await, "gate");
    }
    free.store(1_000_000, Ordering::Relaxed);
    let is_refused =
        async || actors.try_submit(&["one"], None).await.is_err_and(|fault| fault.code == Code::Overloaded);
    while !is_refused().await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // What is in progress goes on.
    let control = actors.workers.engine.clone();
    io().spawn_blocking(move || (control.gate.open(), control.gate.open()));
    until(|| actors.jobs.observed.read().dispatcher.paused.is_some()).await;
    free.store(u64::MAX / 2, Ordering::Relaxed);
    assert_eq!(actors.wait_for_end(&id).await.succeeded, 4);
    assert!(actors.repository.store.items(&id, 0, 9).await.unwrap().iter().all(|item| item.attempt == 1));
}

#[actix_rt::test]
async fn a_bad_picture_fails_alone_and_says_why() {
    let actors = TestActors::start();
    let id = actors.submit(&["one", "damaged", "panic", "four"]).await;
    let job = actors.wait_for_end(&id).await;
    assert_eq!((job.state, job.succeeded, job.failed), (JobState::Completed, 2, 2));
    for number in [1, 2] {
        let item = &actors.repository.store.items(&id, number, 1).await.unwrap()[0];
        assert_eq!(item.state, ItemState::Failed);
        assert_eq!(item.error.as_ref().unwrap().code, "PROCESSING_ERROR");
    }
}

#[actix_rt::test]
async fn a_picture_that_is_too_large_fails_at_its_first_attempt() {
    let small = DispatcherSettings { longest_input: 8, ..settings() };
    let actors = TestActors::with(small, JanitorSettings::default(), open_storage());
    let id = actors.submit(&["one", "longer than eight bytes"]).await;
    let job = actors.wait_for_end(&id).await;
    assert_eq!((job.state, job.succeeded, job.failed), (JobState::Completed, 1, 1));
    let item = &actors.repository.store.items(&id, 1, 1).await.unwrap()[0];
    assert_eq!((item.error.as_ref().unwrap().code.as_str(), item.attempt), ("PAYLOAD_TOO_LARGE", 1));
}

#[actix_rt::test]
async fn a_job_whose_pictures_all_fail_has_failed() {
    let actors = TestActors::start();
    let id = actors.submit(&["damaged", "heic"]).await;
    assert_eq!(actors.wait_for_end(&id).await.state, JobState::Failed);
}

#[actix_rt::test]
async fn a_long_job_does_not_delay_a_short_one() {
    let mut actors = TestActors::with(
        DispatcherSettings { slots: 1, ..settings() },
        JanitorSettings::default(),
        open_storage(),
    );
    let long = actors.submit(&["gate", "l1", "l2", "l3", "l4", "l5"]).await;
    assert_eq!(actors.workers.next_started().await, "gate");
    let short = actors.submit(&["short"]).await;
    actors.workers.engine.gate.open();
    actors.wait_for_end(&short).await;
    actors.wait_for_end(&long).await;
    let mut order = Vec::new();
    for _ in 0..6 {
        order.push(actors.workers.next_started().await);
    }
    let place = order.iter().position(|text| text == "short").unwrap();
    assert!(place <= 1, "the short job came after {place} pictures of the long one: {order:?}");
}

#[actix_rt::test]
async fn a_canceled_job_stops_its_running_picture_and_keeps_finished_ones() {
    let mut actors = TestActors::start();
    let id = actors.submit(&["done", "heed", "never"]).await;
    while actors.workers.next_started().await != "heed" {}
    actors.wait_for(&id, |job| job.succeeded >= 1).await;
    actors.repository.store.cancel(&id).await.unwrap();
    actors.dispatcher().do_send(CancelJob(id.clone()));
    actors.workers.wait_for_slots(0, 0, 0).await;
    let job = actors.job(&id).await;
    assert_eq!(job.state, JobState::Canceled);
    assert!(job.succeeded >= 1);
}

#[actix_rt::test]
async fn the_card_of_a_picture_whose_job_was_canceled_is_removed() {
    let mut actors = TestActors::start();
    let id = actors.submit(&["done", "gate"]).await;
    while actors.workers.next_started().await != "gate" {}
    actors.wait_for(&id, |job| job.succeeded >= 1).await;
    actors.repository.store.cancel(&id).await.unwrap();
    // Nothing stops the attempt: it stores its card, and settling reports that the job has ended.
    let control = actors.workers.engine.clone();
    io().spawn_blocking(move || control.gate.open());
    until(|| actors.jobs.observed.read().dispatcher.claimed == 0).await;
    let cards = actors.blobs().into_iter().filter(|key| key.contains("/out/")).count();
    assert_eq!(cards, 1, "{:?}", actors.blobs());
    assert_eq!(actors.job(&id).await.succeeded, 1);
}

#[actix_rt::test]
async fn a_drain_gives_back_a_picture_in_flight_without_counting_a_failure() {
    let mut actors = TestActors::start();
    let id = actors.submit(&["heed"]).await;
    assert_eq!(actors.workers.next_started().await, "heed");
    actors.drain(Duration::ZERO).await;
    let item = actors.repository.store.items(&id, 0, 1).await.unwrap().remove(0);
    assert_eq!(item.state, ItemState::Queued);
    let ask = claim_of("next", 1, Duration::from_secs(30));
    let claims = actors.repository.store.claim(&ask).await.unwrap();
    assert_eq!(claims.items.len(), 1, "it waits like any other picture");
    assert!(!claims.suspects);
}

#[actix_rt::test]
async fn a_picture_that_ends_within_the_drain_timeout_is_settled() {
    let mut actors = TestActors::start();
    let id = actors.submit(&["gate"]).await;
    assert_eq!(actors.workers.next_started().await, "gate");
    let engine = actors.workers.engine.clone();
    io().spawn_blocking(move || engine.gate.open());
    actors.drain(crate::support::AGES).await;
    assert_eq!(actors.job(&id).await.state, JobState::Completed);
}

#[actix_rt::test]
async fn a_dispatcher_that_panics_gives_back_its_pictures_and_continues() {
    let mut actors = TestActors::start();
    let id = actors.submit(&["heed", "one", "two"]).await;
    while actors.workers.next_started().await != "heed" {}
    actors.wait_for(&id, |job| job.succeeded == 2).await;
    actors.dispatcher().do_send(PanicNow);
    // It is started a second time.
    while actors.workers.next_started().await != "heed" {}
    assert_eq!(actors.repository.store.items(&id, 0, 1).await.unwrap()[0].attempt, 2);
}

#[actix_rt::test]
async fn pictures_in_flight_when_a_process_died_are_tried_one_at_a_time() {
    // A process that claims and dies.
    let idle = DispatcherSettings { slots: 0, ..settings() };
    let dead = TestActors::with(idle, JanitorSettings::default(), open_storage());
    let id = dead.submit(&["first", "second", "third"]).await;
    let ask = claim_of("dead", 2, Duration::from_millis(1));
    assert_eq!(dead.repository.store.claim(&ask).await.unwrap().items.len(), 2);
    // Short, but long enough that a busy machine keeps it.
    let short_lease = DispatcherSettings { lease: Duration::from_secs(3), ..settings() };
    let next = TestActors::with(short_lease, JanitorSettings::default(), dead.storage);
    let job = next.wait_for_end(&id).await;
    assert_eq!((job.state, job.succeeded), (JobState::Completed, 3));
    let items = next.repository.store.items(&id, 0, 3).await.unwrap();
    assert_eq!(items.iter().map(|item| item.attempt).collect::<Vec<_>>(), [2, 2, 1]);
}

#[actix_rt::test]
async fn inputs_are_removed_when_the_job_ends_and_cards_stay() {
    let actors = TestActors::start();
    let id = actors.submit(&["one", "two"]).await;
    actors.wait_for_end(&id).await;
    until(|| actors.blobs().len() == 2).await;
    assert!(actors.blobs().iter().all(|name| name.contains("/out/")), "{:?}", actors.blobs());
}

#[actix_rt::test]
async fn a_process_that_has_its_store_for_itself_is_alive_while_it_is_idle() {
    let lease = Duration::from_millis(150);
    let idle = DispatcherSettings { lease, ..settings() };
    let actors = TestActors::with(idle, JanitorSettings::default(), open_storage());
    let processes = async || actors.repository.store.processes().await.unwrap();
    let started = std::time::Instant::now();
    while processes().await.is_empty() {
        assert!(started.elapsed() < crate::support::AGES, "the process is not in the list");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let seen = std::time::Instant::now();
    until(|| seen.elapsed() > lease * 2).await;
    let process = processes().await.remove(0);
    assert!(process.alive, "{process:?}");
    assert_eq!(actors.repository.store.figures().await.unwrap().processes, 1);
}
