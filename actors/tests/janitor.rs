//! The Janitor: what is past its time goes.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, SystemTime};

use huemill_actors::dispatcher::DispatcherSettings;
use huemill_actors::intake::Submit;
use huemill_actors::janitor::JanitorSettings;
use huemill_actors::supervise::ask;
use huemill_observability::Event;
use huemill_observability::trace::Scope;
use huemill_store::blobs::{card_key, input_key};
use huemill_store::job::{JobId, JobState, NewKey};
use huemill_store::store::Created;
use support::breaking::Break;
use support::office::{Office, keep, settings};
use support::{on_actix, until};

fn at_once() -> JanitorSettings {
    JanitorSettings {
        interval: Duration::from_millis(5),
        tombstone: Duration::ZERO,
        walk: Duration::ZERO,
        ..JanitorSettings::default()
    }
}

/// A job without a row that might be in the middle of being received.
fn job_of_now() -> JobId {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    JobId::generate(now, &mut rand::rng())
}

async fn submitted_for(office: &Office, ttl: Duration) -> JobId {
    let key = NewKey {
        scope: "POST /jobs".to_owned(),
        key: "k".to_owned(),
        fingerprint: "f".to_owned(),
        keep: Duration::ZERO,
    };
    let mut submission = office.submission(&["one"], Some(key));
    submission.ttl = ttl;
    match ask(office.intake(), Submit(submission, Scope::default())).await.unwrap().unwrap() {
        Created::New(job) => job.id,
        other => panic!("{other:?}"),
    }
}

/// Nothing is worked on.
fn idle() -> DispatcherSettings {
    DispatcherSettings { slots: 0, ..settings() }
}

/// Waits until just so many bytes of blobs are reported.
async fn reported(office: &mut Office, bytes: u64) {
    loop {
        match tokio::time::timeout(support::AGES, office.events.recv()).await.expect("it is reported") {
            Some(Event::BlobBytes(found)) if found == bytes => return,
            Some(_) => {}
            None => panic!("no more events"),
        }
    }
}

#[test]
fn a_job_past_its_time_is_a_tombstone_without_blobs() {
    on_actix(async {
        let janitor = JanitorSettings { tombstone: Duration::from_secs(3600), ..at_once() };
        let office = Office::with(settings(), janitor, keep());
        let id = submitted_for(&office, Duration::from_millis(300)).await;
        let job = office.comes_to(&id, |job| job.state == JobState::Expired).await;
        assert_eq!(job.id, id);
        until(|| office.blobs().is_empty()).await;
        assert!(office.repository.store.items(&id, 0, 1).await.unwrap().is_empty());
    });
}

#[test]
fn a_tombstone_and_its_key_go_in_their_time_and_are_counted() {
    on_actix(async {
        let mut office = Office::with(settings(), at_once(), keep());
        let id = submitted_for(&office, Duration::from_millis(1)).await;
        let deadline = std::time::Instant::now() + support::AGES;
        while office.repository.store.job(&id).await.unwrap().is_some() {
            assert!(std::time::Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let mut counted = std::collections::BTreeSet::new();
        let deadline = std::time::Instant::now() + support::AGES;
        while !(counted.contains("jobs") && counted.contains("keys")) {
            assert!(std::time::Instant::now() < deadline, "{counted:?}");
            match tokio::time::timeout(support::AGES, office.events.recv()).await.unwrap() {
                Some(Event::Collected { kind, .. }) => {
                    counted.insert(kind);
                }
                Some(_) => {}
                None => break,
            }
        }
        assert!(counted.contains("results"), "{counted:?}");
        assert!(office.repository.store.key("POST /jobs", "k").await.unwrap().is_none());
    });
}

#[test]
fn blobs_without_a_row_go_and_those_of_a_job_stay() {
    on_actix(async {
        let office = Office::with(settings(), at_once(), keep());
        let id = office.submit(&["one"]).await;
        office.ends(&id).await;
        until(|| office.blobs().len() == 1).await;
        let job = job_of_now();
        for orphan in [input_key(&job, 0), card_key(&job, 0, "png"), format!("jobs/{job}/in/0")] {
            office.repository.blobs.put(&orphan, "left".into()).await.unwrap();
        }
        assert_eq!(office.blobs().len(), 4);
        // One for whom everything is old: nothing is received any more.
        let janitor = JanitorSettings { orphan: Duration::ZERO, ..at_once() };
        let strict = Office::with(settings(), janitor, office.kept);
        until(|| strict.blobs().len() == 1).await;
        assert!(strict.blobs()[0].contains(id.as_str()), "{:?}", strict.blobs());
    });
}

#[test]
fn a_young_orphan_may_belong_to_a_job_that_is_being_received() {
    on_actix(async {
        let janitor = JanitorSettings { orphan: Duration::from_secs(3600), ..at_once() };
        let mut office = Office::with(settings(), janitor, keep());
        let orphan = input_key(&job_of_now(), 0);
        office.repository.blobs.put(&orphan, "young".into()).await.unwrap();
        // Two rounds have passed when the figures were told twice more.
        for _ in 0..3 {
            while !matches!(office.events.recv().await, Some(Event::Jobs { .. })) {}
        }
        assert_eq!(office.blobs().len(), 1);
    });
}

#[test]
fn the_bytes_of_all_blobs_are_those_that_jobs_have() {
    on_actix(async {
        let mut office = Office::with(settings(), at_once(), keep());
        let id = office.submit(&["one", "three"]).await;
        office.ends(&id).await;
        until(|| office.blobs().len() == 2).await;
        let items = office.repository.store.items(&id, 0, 2).await.unwrap();
        let cards = items.iter().map(|item| item.result.as_ref().unwrap().card.length).sum();
        reported(&mut office, cards).await;
        office.repository.store.delete(&id).await.unwrap();
        reported(&mut office, 0).await;
    });
}

#[test]
fn a_janitor_that_breaks_goes_on() {
    on_actix(async {
        let office = Office::with(idle(), at_once(), keep());
        office.janitor().do_send(Break);
        let id = submitted_for(&office, Duration::from_millis(1)).await;
        until(|| office.blobs().is_empty()).await;
        drop(id);
    });
}
