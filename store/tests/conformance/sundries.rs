//! Lists, figures, nonces, keys' collection, secrets, the probe, the copy.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use huemill_store::job::{Job, JobId, JobKind, JobState, NewJob, NewKey};
use huemill_store::store::{Listing, Store, StoreError};
use secrecy::ExposeSecret;

use crate::bench::{Bench, HOUR, Place, new_job, on_both_stores};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

async fn ids(bench: &Bench, listing: Listing) -> Vec<JobId> {
    let jobs: Vec<Job> = bench.store.list(&listing).await.unwrap();
    jobs.into_iter().map(|job| job.id).collect()
}

async fn a_list_is_newest_first_and_filtered(bench: Bench) {
    let mut all = Vec::new();
    for kind in [JobKind::Zip, JobKind::Url, JobKind::Zip, JobKind::Image] {
        all.push(bench.create(NewJob { kind, ..new_job(1) }).await.id);
    }
    all.sort();
    all.reverse();
    let page = Listing { limit: 10, ..Listing::default() };
    assert_eq!(ids(&bench, page.clone()).await, all);
    assert_eq!(ids(&bench, Listing { limit: 2, ..page.clone() }).await, all[..2]);
    assert_eq!(ids(&bench, Listing { before: Some(all[1].clone()), ..page.clone() }).await, all[2..]);
    bench.store.cancel(&all[3]).await.unwrap();
    let canceled = Listing { state: Some(JobState::Canceled), ..page.clone() };
    assert_eq!(ids(&bench, canceled.clone()).await, all[3..]);
    assert_eq!(ids(&bench, Listing { kind: Some(JobKind::Zip), ..page.clone() }).await.len(), 2);
    let none = Listing { before: Some(all[3].clone()), kind: Some(JobKind::Zip), ..canceled };
    assert!(ids(&bench, none).await.is_empty());
}

async fn the_figures_add_up(bench: Bench) {
    let empty = bench.store.figures().await.unwrap();
    assert_eq!((empty.jobs, empty.queued_items, empty.oldest_queued), ([0; 6], 0, None));
    let jobs = [bench.job_of(2).await, bench.job_of(3).await, bench.job_of(4).await];
    bench.claim_and_die(1).await;
    bench.reap().await;
    bench.store.cancel(&jobs[1].id).await.unwrap();
    let figures = bench.store.figures().await.unwrap();
    assert_eq!(figures.jobs, [1, 1, 0, 0, 1, 0]);
    assert_eq!(figures.queued_items, 6);
    assert!(figures.oldest_queued.unwrap() < HOUR);
}

async fn words_are_spent_once_all_or_none(bench: Bench) {
    assert!(bench.store.consume_nonces(&words(&["nonce", "signature"]), HOUR).await.unwrap());
    assert!(!bench.store.consume_nonces(&words(&["nonce"]), HOUR).await.unwrap());
    assert!(!bench.store.consume_nonces(&words(&["another", "signature"]), HOUR).await.unwrap());
    assert!(bench.store.consume_nonces(&words(&["another"]), HOUR).await.unwrap());
}

async fn of_a_hundred_that_spend_a_word_one_succeeds(bench: Bench) {
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..100 {
        let store = bench.store.clone();
        let spent = words(&["nonce", &format!("signature {number}")]);
        callers.spawn(async move { store.consume_nonces(&spent, HOUR).await.unwrap() });
    }
    let fresh = callers.join_all().await.into_iter().filter(|fresh| *fresh).count();
    assert_eq!(fresh, 1);
}

async fn a_word_past_its_time_is_fresh_again_and_collected(bench: Bench) {
    assert!(bench.store.consume_nonces(&words(&["a", "b", "c"]), Duration::ZERO).await.unwrap());
    assert!(bench.store.consume_nonces(&words(&["a"]), HOUR).await.unwrap());
    assert_eq!(bench.store.collect(9, HOUR).await.unwrap().nonces, 2);
    assert!(!bench.store.consume_nonces(&words(&["a"]), HOUR).await.unwrap());
}

async fn keys_are_collected_once_their_job_is_a_tombstone(bench: Bench) {
    let key = NewKey { scope: "s".into(), key: "k".into(), fingerprint: "f".into(), keep: Duration::ZERO };
    let job = bench.create(NewJob { key: Some(key), ttl: Duration::ZERO, ..new_job(1) }).await;
    assert_eq!(bench.store.collect(9, HOUR).await.unwrap().keys, 0);
    assert_eq!(bench.store.expire(9, HOUR).await.unwrap().jobs, [job.id]);
    assert_eq!(bench.store.collect(9, HOUR).await.unwrap().keys, 1);
}

async fn the_first_secret_of_a_name_stays(bench: Bench) {
    let first = bench.store.secret("webhook", "one".into()).await.unwrap();
    assert_eq!(first.expose_secret(), "one");
    let other = bench.again().await;
    assert_eq!(other.secret("webhook", "two".into()).await.unwrap().expose_secret(), "one");
    assert_eq!(other.secret("links", "three".into()).await.unwrap().expose_secret(), "three");
}

async fn a_probe_may_be_repeated(bench: Bench) {
    bench.store.probe(&crate::bench::owner()).await.unwrap();
    bench.store.probe(&crate::bench::owner()).await.unwrap();
}

async fn a_copy_holds_what_was_committed(bench: Bench) {
    let job = bench.job_of(3).await;
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("huemill.db");
    let Place::File(original) = &bench.place else {
        assert!(!bench.store.is_sole_writer());
        assert!(bench.store.backup(&to).await.is_err());
        return;
    };
    assert!(bench.store.is_sole_writer());
    bench.store.backup(&to).await.unwrap();
    let later = bench.job_of(1).await;
    let again = bench.store.backup(&to).await;
    assert!(matches!(again, Err(StoreError::Broken(_))), "nothing is written over: {again:?}");
    for folder in [original, &folder] {
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            assert_eq!(
                file.metadata().unwrap().permissions().mode() & 0o077,
                0,
                "{file:?}: it holds secrets"
            );
        }
    }
    let copy = Bench::open(Place::File(folder)).await;
    assert_eq!(copy.job(&job.id).await, job);
    assert_eq!(copy.items(&job.id).await.len(), 3);
    assert!(copy.store.job(&later.id).await.unwrap().is_none());
}

on_both_stores!(
    a_list_is_newest_first_and_filtered,
    the_figures_add_up,
    words_are_spent_once_all_or_none,
    of_a_hundred_that_spend_a_word_one_succeeds,
    a_word_past_its_time_is_fresh_again_and_collected,
    keys_are_collected_once_their_job_is_a_tombstone,
    the_first_secret_of_a_name_stays,
    a_probe_may_be_repeated,
    a_copy_holds_what_was_committed,
);
