//! Tests the quotas of callers: nothing is created beyond them, and what counts follows the life of a job.

use huemill_store::Caller;
use huemill_store::job::{NewJob, NewKey};
use huemill_store::store::{CallerLimits, Created, Quota, Store};

use crate::builders::{HOUR, done, failed, new_job, retry_while_away};
use crate::harness::{StoreUnderTest, on_all_stores};

fn limits(which: Quota, limit: u64) -> CallerLimits {
    let of = |quota| (quota == which).then_some(limit);
    CallerLimits {
        open_jobs: of(Quota::OpenJobs),
        open_items: of(Quota::OpenItems),
        stored_bytes: of(Quota::StoredBytes),
    }
}

/// What the caller of [`new_job`] uses: open jobs, open items, stored bytes.
async fn used(store: &dyn Store) -> [u64; 3] {
    let mut all = [0; 3];
    for (used, quota) in all.iter_mut().zip(Quota::ALL) {
        let new = NewJob { limits: limits(quota, 0), ..new_job(1) };
        match store.create(new).await.unwrap() {
            Created::OverQuota { which, limit: 0, used: now } if which == quota => *used = now,
            other => panic!("{other:?}"),
        }
    }
    all
}

async fn nothing_is_created_beyond_a_quota(test: StoreUnderTest) {
    test.create_job(3).await;
    // Each of its pictures has an input of 1,000 bytes and an expected card of 1,100.
    for (which, before, more) in
        [(Quota::OpenJobs, 1, 1), (Quota::OpenItems, 3, 2), (Quota::StoredBytes, 6_300, 4_200)]
    {
        let name = format!("{which:?}");
        let key = NewKey { scope: "s".into(), key: name.clone(), fingerprint: "f".into(), keep: HOUR };
        let with = |limit| NewJob { key: Some(key.clone()), limits: limits(which, limit), ..new_job(2) };
        let (limit, over) = (before + more - 1, with(before + more - 1));
        let refused = Created::OverQuota { which, limit, used: before };
        assert_eq!(test.store.create(over.clone()).await.unwrap(), refused);
        assert!(test.store.job(&over.id).await.unwrap().is_none());
        assert!(test.store.key("s", &name).await.unwrap().is_none());
        test.check_counters().await;
        // The key is free for another try, which fits. What exists already is found in spite of the limit.
        let fits = test.create(with(before + more)).await;
        let again = test.store.create(with(0)).await.unwrap();
        assert!(matches!(again, Created::Replayed(job) if job.id == fits.id));
        test.store.delete(&fits.id).await.unwrap();
        let removable = test.store.removable(9).await.unwrap();
        test.store.removed(&removable).await.unwrap();
    }
}

async fn a_first_job_beyond_a_quota_is_refused_too(test: StoreUnderTest) {
    assert_eq!(used(&*test.store).await, [0; 3]);
    let new = NewJob { limits: limits(Quota::OpenItems, 2), ..new_job(3) };
    let refused = Created::OverQuota { which: Quota::OpenItems, limit: 2, used: 0 };
    assert_eq!(test.store.create(new).await.unwrap(), refused);
    // Others have quotas of their own.
    let other = Caller::of_address([203, 0, 113, 8].into());
    test.create(NewJob { limits: limits(Quota::OpenJobs, 1), ..new_job(3) }).await;
    test.create(NewJob { caller: other, limits: limits(Quota::OpenJobs, 1), ..new_job(3) }).await;
}

async fn requests_at_the_same_time_do_not_exceed_a_quota_together(test: StoreUnderTest) {
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let store = test.store.clone();
        let new = NewJob { limits: limits(Quota::OpenJobs, 4), ..new_job(1) };
        requests.spawn(async move { retry_while_away(|| store.create(new.clone())).await });
    }
    let answers = requests.join_all().await;
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Created::New(_))).count(), 4);
    assert_eq!(test.store.figures().await.unwrap().jobs, [4, 0, 0, 0, 0, 0]);
    test.check_counters().await;
}

async fn what_counts_follows_the_life_of_a_job(test: StoreUnderTest) {
    let reserved = async || test.store.figures().await.unwrap().reserved_bytes;
    let job = test.create_job(2).await;
    assert_eq!((used(&*test.store).await, reserved().await), ([1, 2, 4_200], 2_200));
    let claims = test.claim(2).await;
    // The card has 1,234 bytes.
    test.settle(&claims[0].lease, done(&claims[0].lease)).await;
    assert_eq!((used(&*test.store).await, reserved().await), ([1, 2, 4_200], 966));
    test.settle(&claims[1].lease, failed()).await;
    assert_eq!((used(&*test.store).await, reserved().await), ([0, 0, 3_234], 0));
    assert_eq!(used(&*test.reopen().await).await, [0, 0, 3_234]);
    let removable = test.store.removable(9).await.unwrap();
    test.store.removed(&removable).await.unwrap();
    assert_eq!(used(&*test.store).await, [0, 0, 1_234]);
    test.store.delete(&job.id).await.unwrap();
    let removable = test.store.removable(9).await.unwrap();
    test.store.removed(&removable).await.unwrap();
    assert_eq!(used(&*test.store).await, [0; 3]);
    test.check_counters().await;
}

async fn jobs_that_are_canceled_or_deleted_are_not_open(test: StoreUnderTest) {
    let (canceled, deleted) = (test.create_job(2).await, test.create_job(3).await);
    assert_eq!(used(&*test.store).await, [2, 5, 10_500]);
    test.store.cancel(&canceled.id).await.unwrap();
    assert_eq!(used(&*test.store).await, [1, 3, 8_300]);
    test.store.delete(&deleted.id).await.unwrap();
    assert_eq!(used(&*test.store).await, [0, 0, 5_000]);
    test.check_counters().await;
}

on_all_stores!(
    nothing_is_created_beyond_a_quota,
    a_first_job_beyond_a_quota_is_refused_too,
    requests_at_the_same_time_do_not_exceed_a_quota_together,
    what_counts_follows_the_life_of_a_job,
    jobs_that_are_canceled_or_deleted_are_not_open,
);
