//! The Janitor: it removes what has expired.

use std::time::{Duration, SystemTime};

use crate::support::test_actors::{TestActors, open_storage, settings};
use crate::support::test_supervision::PanicNow;
use crate::support::until;
use huemill_actors::dispatcher::DispatcherSettings;
use huemill_actors::intake::Submit;
use huemill_actors::janitor::JanitorSettings;
use huemill_actors::supervise::ask;
use huemill_observability::Event;
use huemill_observability::trace::Scope;
use huemill_store::blobs::{card_key, input_key};
use huemill_store::job::{JobId, JobState, NewKey};
use huemill_store::store::Created;

fn eager() -> JanitorSettings {
    JanitorSettings {
        interval: Duration::from_millis(5),
        tombstone: Duration::ZERO,
        walk: Duration::ZERO,
        ..JanitorSettings::default()
    }
}

/// A job without a row, as if it were being received now.
fn new_job_id() -> JobId {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    JobId::generate(now, &mut rand::rng())
}

async fn submit_with_ttl(actors: &TestActors, ttl: Duration) -> JobId {
    let key = NewKey {
        scope: "POST /jobs".to_owned(),
        key: "k".to_owned(),
        fingerprint: "f".to_owned(),
        keep: Duration::ZERO,
    };
    let mut submission = actors.submission(&["one"], Some(key));
    submission.ttl = ttl;
    match ask(actors.intake(), Submit(submission, Scope::default())).await.unwrap().unwrap() {
        Created::New(job) => job.id,
        other => panic!("{other:?}"),
    }
}

/// A dispatcher that processes nothing.
fn idle() -> DispatcherSettings {
    DispatcherSettings { slots: 0, ..settings() }
}

/// Waits until exactly this many bytes of blobs are reported.
async fn wait_for_blob_bytes(actors: &mut TestActors, bytes: u64) {
    loop {
        match tokio::time::timeout(crate::support::AGES, actors.events.recv())
            .await
            .expect("the bytes are reported in time")
        {
            Some(Event::BlobBytes(found)) if found == bytes => return,
            Some(_) => {}
            None => panic!("no more events"),
        }
    }
}

#[actix_rt::test]
async fn an_expired_job_becomes_a_tombstone_without_blobs() {
    let janitor = JanitorSettings { tombstone: Duration::from_secs(3600), ..eager() };
    let actors = TestActors::with(settings(), janitor, open_storage());
    let id = submit_with_ttl(&actors, Duration::from_millis(300)).await;
    let job = actors.wait_for(&id, |job| job.state == JobState::Expired).await;
    assert_eq!(job.id, id);
    until(|| actors.blobs().is_empty()).await;
    assert!(actors.repository.store.items(&id, 0, 1).await.unwrap().is_empty());
}

#[actix_rt::test]
async fn a_tombstone_and_its_key_are_removed_in_time_and_counted() {
    let mut actors = TestActors::with(settings(), eager(), open_storage());
    let id = submit_with_ttl(&actors, Duration::from_millis(1)).await;
    let deadline = std::time::Instant::now() + crate::support::AGES;
    while actors.repository.store.job(&id).await.unwrap().is_some() {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut counted = std::collections::BTreeSet::new();
    let deadline = std::time::Instant::now() + crate::support::AGES;
    while !(counted.contains("jobs") && counted.contains("keys")) {
        assert!(std::time::Instant::now() < deadline, "{counted:?}");
        match tokio::time::timeout(crate::support::AGES, actors.events.recv()).await.unwrap() {
            Some(Event::Collected { kind, .. }) => {
                counted.insert(kind);
            }
            Some(_) => {}
            None => break,
        }
    }
    assert!(counted.contains("results"), "{counted:?}");
    assert!(actors.repository.store.key("POST /jobs", "k").await.unwrap().is_none());
}

#[actix_rt::test]
async fn orphaned_blobs_are_removed_and_those_of_a_job_stay() {
    let actors = TestActors::with(settings(), eager(), open_storage());
    let id = actors.submit(&["one"]).await;
    actors.wait_for_end(&id).await;
    until(|| actors.blobs().len() == 1).await;
    let job = new_job_id();
    for orphan in [input_key(&job, 0), card_key(&job, 0, "png"), format!("jobs/{job}/in/0")] {
        actors.repository.blobs.put(&orphan, "left".into()).await.unwrap();
    }
    assert_eq!(actors.blobs().len(), 4);
    // A janitor to which every blob is old: none is being received any more.
    let janitor = JanitorSettings { orphan: Duration::ZERO, ..eager() };
    let strict = TestActors::with(settings(), janitor, actors.storage);
    until(|| strict.blobs().len() == 1).await;
    assert!(strict.blobs()[0].contains(id.as_str()), "{:?}", strict.blobs());
}

#[actix_rt::test]
async fn a_young_orphan_may_belong_to_a_job_that_is_being_received() {
    let janitor = JanitorSettings { orphan: Duration::from_secs(3600), ..eager() };
    let mut actors = TestActors::with(settings(), janitor, open_storage());
    let orphan = input_key(&new_job_id(), 0);
    actors.repository.blobs.put(&orphan, "young".into()).await.unwrap();
    // After the figures were recorded twice more, two rounds have passed.
    for _ in 0..3 {
        while !matches!(actors.events.recv().await, Some(Event::Jobs { .. })) {}
    }
    assert_eq!(actors.blobs().len(), 1);
}

#[actix_rt::test]
async fn the_reported_bytes_are_those_of_the_jobs_blobs() {
    let mut actors = TestActors::with(settings(), eager(), open_storage());
    let id = actors.submit(&["one", "three"]).await;
    actors.wait_for_end(&id).await;
    until(|| actors.blobs().len() == 2).await;
    let items = actors.repository.store.items(&id, 0, 2).await.unwrap();
    let cards = items.iter().map(|item| item.result.as_ref().unwrap().card.as_ref().unwrap().length).sum();
    wait_for_blob_bytes(&mut actors, cards).await;
    actors.repository.store.delete(&id).await.unwrap();
    wait_for_blob_bytes(&mut actors, 0).await;
}

#[actix_rt::test]
async fn a_janitor_that_panics_continues() {
    let actors = TestActors::with(idle(), eager(), open_storage());
    actors.janitor().do_send(PanicNow);
    let id = submit_with_ttl(&actors, Duration::from_millis(1)).await;
    until(|| actors.blobs().is_empty()).await;
    drop(id);
}
