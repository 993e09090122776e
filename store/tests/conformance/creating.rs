//! Jobs and their keys.

use std::collections::HashSet;
use std::time::Duration;

use huemill_store::job::{Job, JobState, NewJob, NewKey};
use huemill_store::store::{Created, Store};

use crate::bench::{Bench, HOUR, new_job, on_both_stores};

fn keyed(key: &str, fingerprint: &str) -> NewJob {
    let key =
        NewKey { scope: "POST /jobs".into(), key: key.into(), fingerprint: fingerprint.into(), keep: HOUR };
    NewJob { key: Some(key), ..new_job(2) }
}

fn brief(mut new: NewJob) -> NewJob {
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

async fn a_job_is_read_back_as_it_was_created(bench: Bench) {
    let new = new_job(3);
    let job = bench.create(new.clone()).await;
    assert_eq!(bench.job(&new.id).await, job);
    assert_eq!((job.state, job.version, job.total, job.eta_s), (JobState::Queued, 1, 3, 9));
    assert_eq!(
        (&job.options, &job.traceparent, &job.base_url),
        (&new.options, &new.traceparent, &new.base_url)
    );
    assert_eq!(job.expires_at - job.created_at, 3_600);
    let names: Vec<_> = bench.items(&new.id).await.into_iter().map(|item| item.name).collect();
    assert_eq!(names, ["0.png", "1.png", "2.png"]);
    let rest = bench.store.items(&new.id, 1, 1).await.unwrap();
    assert_eq!(rest.iter().map(|item| item.number).collect::<Vec<_>>(), [1]);
    let job_version = bench.store.job_version(&new.id).await.unwrap().unwrap();
    assert_eq!(job_version, (&job).into());
    assert_eq!(bench.heard(), [job_version]);
}

async fn a_large_job_keeps_every_item_and_its_source(bench: Bench) {
    let new = new_job(2_500);
    bench.create(new.clone()).await;
    let items = bench.items(&new.id).await;
    assert_eq!(items.len(), 2_500);
    assert!(items.iter().zip(0..).all(|(item, number)| item.number == number));
    let claim = bench.claim(1).await.remove(0);
    assert_eq!((claim.source, claim.name), (new.items[0].source.clone(), "0.png".into()));
}

async fn any_text_in_a_name_is_kept_but_nul(bench: Bench) {
    let mut new = new_job(2);
    new.items[0].name = "猫 \u{1f308}'\"\\;--$1.png".into();
    new.items[1].name = "a\0b".into();
    bench.create(new.clone()).await;
    let names: Vec<_> = bench.items(&new.id).await.into_iter().map(|item| item.name).collect();
    assert_eq!(names, [new.items[0].name.as_str(), "a\u{fffd}b"]);
}

async fn a_job_without_items_is_refused(bench: Bench) {
    let new = new_job(0);
    assert!(bench.store.create(new.clone()).await.is_err());
    assert!(bench.store.job(&new.id).await.unwrap().is_none());
}

async fn the_same_key_and_fingerprint_find_the_first_job(bench: Bench) {
    let first = bench.create(keyed("k", "f")).await;
    let second = keyed("k", "f");
    assert_eq!(replayed(bench.store.create(second.clone()).await.unwrap()), first);
    assert!(bench.store.job(&second.id).await.unwrap().is_none());
    assert_eq!(bench.store.create(keyed("k", "other")).await.unwrap(), Created::Conflict);
    let found = bench.store.key("POST /jobs", "k").await.unwrap().unwrap();
    assert_eq!((found.fingerprint.as_str(), found.job), ("f", first));
    assert!(bench.store.key("POST /other", "k").await.unwrap().is_none());
    bench.create(keyed("another", "f")).await;
}

async fn of_a_hundred_with_one_key_one_creates_the_job(bench: Bench) {
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let store = bench.store.clone();
        callers.spawn(async move { store.create(keyed("k", "f")).await.unwrap() });
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
            Created::Conflict => panic!("the fingerprint is the same"),
        }
    }
    assert_eq!((created, ids.len()), (1, 1));
    assert_eq!(bench.store.figures().await.unwrap().jobs[0], 1);
}

async fn a_key_lives_as_long_as_its_job(bench: Bench) {
    let job = bench.create(brief(keyed("k", "f"))).await;
    replayed(bench.store.create(keyed("k", "f")).await.unwrap());
    bench.work_off().await;
    replayed(bench.store.create(keyed("k", "f")).await.unwrap());
    assert!(bench.store.delete(&job.id).await.unwrap());
    assert!(bench.store.key("POST /jobs", "k").await.unwrap().is_none());
    assert_ne!(bench.create(keyed("k", "other")).await.id, job.id);
}

async fn a_key_outlives_a_deleted_job_until_its_own_time(bench: Bench) {
    let job = bench.create(keyed("k", "f")).await;
    assert!(bench.store.delete(&job.id).await.unwrap());
    let again = replayed(bench.store.create(keyed("k", "f")).await.unwrap());
    assert_eq!((again.id, again.state), (job.id, JobState::Expired));
}

async fn a_key_of_a_failed_creation_stays_free(bench: Bench) {
    let taken = bench.job_of(1).await;
    let mut new = keyed("k", "f");
    new.id = taken.id.clone();
    assert!(bench.store.create(new).await.is_err());
    assert!(bench.store.key("POST /jobs", "k").await.unwrap().is_none());
    bench.create(keyed("k", "f")).await;
}

async fn of_many_that_replace_a_dead_key_one_creates_the_job(bench: Bench) {
    let dead = bench.create(brief(keyed("k", "f"))).await;
    bench.store.delete(&dead.id).await.unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = bench.store.clone();
        callers.spawn(async move { store.create(keyed("k", "f")).await.unwrap() });
    }
    let answers = callers.join_all().await;
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Created::New(_))).count(), 1);
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Created::Replayed(_))).count(), 19);
}

on_both_stores!(
    a_job_is_read_back_as_it_was_created,
    a_large_job_keeps_every_item_and_its_source,
    any_text_in_a_name_is_kept_but_nul,
    a_job_without_items_is_refused,
    the_same_key_and_fingerprint_find_the_first_job,
    of_a_hundred_with_one_key_one_creates_the_job,
    a_key_lives_as_long_as_its_job,
    a_key_outlives_a_deleted_job_until_its_own_time,
    a_key_of_a_failed_creation_stays_free,
    of_many_that_replace_a_dead_key_one_creates_the_job,
);
