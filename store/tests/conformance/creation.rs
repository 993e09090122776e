//! Tests the creation of jobs and their idempotency keys.

use std::collections::HashSet;
use std::time::Duration;

use huemill_store::job::{Job, JobState, NewJob, NewKey};
use huemill_store::store::{Created, Store};

use crate::builders::{HOUR, new_job};
use crate::harness::{StoreUnderTest, on_all_stores, once_connected};

/// A new job with an idempotency key.
fn with_key(key: &str, fingerprint: &str) -> NewJob {
    let key =
        NewKey { scope: "POST /jobs".into(), key: key.into(), fingerprint: fingerprint.into(), keep: HOUR };
    NewJob { key: Some(key), ..new_job(2) }
}

/// The same job with a key that expires at once.
fn with_expiring_key(mut new: NewJob) -> NewJob {
    if let Some(key) = &mut new.key {
        key.keep = Duration::ZERO;
    }
    new
}

fn replayed(created: Created) -> Job {
    match created {
        Created::Replayed(job) => job,
        other => panic!("{other:?}"),
    }
}

async fn a_job_is_read_back_as_it_was_created(test: StoreUnderTest) {
    let new = new_job(3);
    let job = test.create(new.clone()).await;
    assert_eq!(test.job(&new.id).await, job);
    assert_eq!((job.state, job.version, job.total, job.eta_s), (JobState::Queued, 1, 3, 9));
    assert_eq!(
        (&job.options, &job.traceparent, &job.base_url),
        (&new.options, &new.traceparent, &new.base_url)
    );
    assert_eq!(job.expires_at - job.created_at, 3_600);
    let names: Vec<_> = test.items(&new.id).await.into_iter().map(|item| item.name).collect();
    assert_eq!(names, ["0.png", "1.png", "2.png"]);
    let rest = test.store.items(&new.id, 1, 1).await.unwrap();
    assert_eq!(rest.iter().map(|item| item.number).collect::<Vec<_>>(), [1]);
    let job_version = test.store.job_version(&new.id).await.unwrap().unwrap();
    assert_eq!(job_version, (&job).into());
    assert_eq!(test.notifications(), [job_version]);
}

async fn a_large_job_keeps_every_item_and_its_source(test: StoreUnderTest) {
    let new = new_job(2_500);
    test.create(new.clone()).await;
    let items = test.items(&new.id).await;
    assert_eq!(items.len(), 2_500);
    assert!(items.iter().zip(0..).all(|(item, number)| item.number == number));
    let claim = test.claim(1).await.remove(0);
    assert_eq!((claim.source, claim.name), (new.items[0].source.clone(), "0.png".into()));
}

async fn names_keep_all_characters_except_nul(test: StoreUnderTest) {
    let mut new = new_job(2);
    new.items[0].name = "猫 \u{1f308}'\"\\;--$1.png".into();
    new.items[1].name = "a\0b".into();
    test.create(new.clone()).await;
    let names: Vec<_> = test.items(&new.id).await.into_iter().map(|item| item.name).collect();
    assert_eq!(names, [new.items[0].name.as_str(), "a\u{fffd}b"]);
}

async fn a_job_without_items_is_rejected(test: StoreUnderTest) {
    let new = new_job(0);
    assert!(test.store.create(new.clone()).await.is_err());
    assert!(test.store.job(&new.id).await.unwrap().is_none());
}

async fn a_request_with_the_same_key_and_fingerprint_finds_the_first_job(test: StoreUnderTest) {
    let first = test.create(with_key("k", "f")).await;
    let second = with_key("k", "f");
    assert_eq!(replayed(test.store.create(second.clone()).await.unwrap()), first);
    assert!(test.store.job(&second.id).await.unwrap().is_none());
    assert_eq!(test.store.create(with_key("k", "other")).await.unwrap(), Created::Conflict);
    let found = test.store.key("POST /jobs", "k").await.unwrap().unwrap();
    assert_eq!((found.fingerprint.as_str(), found.job), ("f", first));
    assert!(test.store.key("POST /other", "k").await.unwrap().is_none());
    test.create(with_key("another", "f")).await;
}

async fn only_one_of_a_hundred_concurrent_requests_with_one_key_creates_a_job(test: StoreUnderTest) {
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let store = test.store.clone();
        callers.spawn(once_connected(move || {
            let store = store.clone();
            async move { store.create(with_key("k", "f")).await }
        }));
    }
    let (mut created, mut ids) = (0, HashSet::new());
    while let Some(answer) = callers.join_next().await {
        match answer.unwrap() {
            Created::New(job) => {
                created += 1;
                ids.insert(job.id);
            }
            Created::Replayed(job) => {
                ids.insert(job.id);
            }
            other => panic!("all requests have the same fingerprint and no limits: {other:?}"),
        }
    }
    assert_eq!((created, ids.len()), (1, 1));
    assert_eq!(test.store.figures().await.unwrap().jobs[0], 1);
}

async fn a_key_lives_as_long_as_its_job(test: StoreUnderTest) {
    let job = test.create(with_expiring_key(with_key("k", "f"))).await;
    replayed(test.store.create(with_key("k", "f")).await.unwrap());
    test.process_all().await;
    replayed(test.store.create(with_key("k", "f")).await.unwrap());
    assert!(test.store.delete(&job.id).await.unwrap());
    assert!(test.store.key("POST /jobs", "k").await.unwrap().is_none());
    assert_ne!(test.create(with_key("k", "other")).await.id, job.id);
}

async fn a_key_outlives_a_deleted_job_until_it_expires(test: StoreUnderTest) {
    let job = test.create(with_key("k", "f")).await;
    assert!(test.store.delete(&job.id).await.unwrap());
    let again = replayed(test.store.create(with_key("k", "f")).await.unwrap());
    assert_eq!((again.id, again.state), (job.id, JobState::Expired));
}

async fn a_failed_creation_does_not_use_up_the_key(test: StoreUnderTest) {
    let existing = test.create_job(1).await;
    let mut new = with_key("k", "f");
    new.id = existing.id.clone();
    assert!(test.store.create(new).await.is_err());
    assert!(test.store.key("POST /jobs", "k").await.unwrap().is_none());
    test.create(with_key("k", "f")).await;
}

async fn only_one_of_many_concurrent_requests_replaces_an_expired_key(test: StoreUnderTest) {
    let dead = test.create(with_expiring_key(with_key("k", "f"))).await;
    test.store.delete(&dead.id).await.unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = test.store.clone();
        callers.spawn(async move { store.create(with_key("k", "f")).await.unwrap() });
    }
    let answers = callers.join_all().await;
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Created::New(_))).count(), 1);
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Created::Replayed(_))).count(), 19);
}

on_all_stores!(
    a_job_is_read_back_as_it_was_created,
    a_large_job_keeps_every_item_and_its_source,
    names_keep_all_characters_except_nul,
    a_job_without_items_is_rejected,
    a_request_with_the_same_key_and_fingerprint_finds_the_first_job,
    only_one_of_a_hundred_concurrent_requests_with_one_key_creates_a_job,
    a_key_lives_as_long_as_its_job,
    a_key_outlives_a_deleted_job_until_it_expires,
    a_failed_creation_does_not_use_up_the_key,
    only_one_of_many_concurrent_requests_replaces_an_expired_key,
);
