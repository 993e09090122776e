//! Tests items that are deferred after a failure that is not the picture's fault, and the retry of items that failed
//! that way.

use std::time::Duration;

use huemill_store::job::{ItemState, JobState, NewJob};
use huemill_store::store::{Backoff, Canceled, ItemOutcome, Lease, Retried, Settled, Store};

use crate::builders::{HOUR, done, internal_error, new_job, picture_error, retry};
use crate::harness::{StoreUnderTest, on_all_stores};

/// Like `retry`, but the item waits for an hour.
fn retry_in_an_hour(limit: u32) -> ItemOutcome {
    ItemOutcome::Retry(internal_error(), Backoff { first: HOUR, longest: HOUR, limit })
}

/// Claims one item.
async fn claim_one(test: &StoreUnderTest) -> Lease {
    test.claim(1).await.remove(0).lease
}

async fn a_deferred_item_waits_and_the_other_items_continue(test: StoreUnderTest) {
    let job = test.create_job(3).await;
    let version = {
        claim_one(&test).await;
        test.job(&job.id).await.version
    };
    let first = test.items(&job.id).await;
    assert_eq!(first[0].state, ItemState::Claimed);
    let held = Lease { job: job.id.clone(), number: 0, attempt: 1, owner: crate::builders::owner() };
    assert_eq!(test.settle(&held, retry_in_an_hour(3)).await, Settled::Deferred { failures: 1, wait: HOUR });
    assert_eq!(test.settle(&held, retry_in_an_hour(3)).await, Settled::Stale);
    assert_eq!(test.job(&job.id).await.version, version, "clients do not see the deferral");
    let claims = test.store.claim(&crate::builders::claim_request(9)).await.unwrap();
    assert_eq!(claims.items.iter().map(|claim| claim.lease.number).collect::<Vec<_>>(), [1, 2]);
    assert!(claims.next.is_some_and(|next| next <= HOUR && next > HOUR / 2), "{:?}", claims.next);
    assert!(test.claim(9).await.is_empty());
    test.check_counters().await;
    assert_eq!(test.store.figures().await.unwrap().queued_items, 1);
}

async fn a_deferred_item_is_retried_and_fails_at_the_limit(test: StoreUnderTest) {
    let job = test.create_job(2).await;
    for failures in 1..3 {
        // The wait is zero, so the item is due at once.
        let lease = test.claim(1).await.remove(0).lease;
        assert_eq!(lease.number, 0, "the item keeps its turn");
        let settled = test.settle(&lease, retry(3)).await;
        assert_eq!(settled, Settled::Deferred { failures, wait: Duration::ZERO });
    }
    let last = test.claim(1).await.remove(0).lease;
    assert_eq!((last.number, last.attempt), (0, 3));
    assert_eq!(test.settle(&last, retry(3)).await, Settled::Counted(None));
    let item = &test.items(&job.id).await[0];
    assert_eq!((item.state, &item.error), (ItemState::Failed, &Some(internal_error())));
    test.process_all().await;
    assert_eq!(test.job(&job.id).await.state, JobState::Completed);
    test.check_counters().await;
}

async fn giving_an_item_back_does_not_count_as_a_failure(test: StoreUnderTest) {
    test.create_job(1).await;
    for _ in 0..5 {
        let lease = claim_one(&test).await;
        test.store.give_back(&[lease]).await.unwrap();
    }
    let lease = claim_one(&test).await;
    assert_eq!(lease.attempt, 6);
    assert!(matches!(test.settle(&lease, retry_in_an_hour(2)).await, Settled::Deferred { failures: 1, .. }));
}

async fn a_deferred_suspect_stays_a_suspect(test: StoreUnderTest) {
    test.create_job(1).await;
    test.make_suspects(1).await;
    let lease = test.claim_suspect().await.items.remove(0).lease;
    test.settle(&lease, retry(3)).await;
    assert!(test.claim(9).await.is_empty());
    assert_eq!(test.claim_suspect().await.items.len(), 1);
}

async fn a_deferred_item_of_a_canceled_job_is_not_retried(test: StoreUnderTest) {
    let job = test.create_job(1).await;
    let lease = claim_one(&test).await;
    test.settle(&lease, retry_in_an_hour(3)).await;
    assert!(matches!(test.store.cancel(&job.id).await.unwrap(), Canceled::Now(_)));
    assert_eq!(test.store.claim(&crate::builders::claim_request(9)).await.unwrap().next, None);
    test.check_counters().await;
}

async fn items_that_failed_with_a_retryable_error_can_be_retried(test: StoreUnderTest) {
    let job = test.create(NewJob { callback_url: Some("https://r.example/".into()), ..new_job(3) }).await;
    let claims = test.claim(3).await;
    test.settle(&claims[0].lease, done(&claims[0].lease)).await;
    test.settle(&claims[1].lease, ItemOutcome::Failed(picture_error())).await;
    assert!(matches!(test.settle(&claims[2].lease, retry_in_an_hour(1)).await, Settled::Counted(Some(_))));
    let ended = test.job(&job.id).await;
    assert_eq!((ended.state, ended.failed), (JobState::Completed, 2));
    assert!(test.store.removable(9).await.unwrap().is_empty(), "the inputs are still needed");

    let Retried::Queued(again, items) = test.store.retry(&job.id).await.unwrap() else { panic!() };
    assert_eq!((again.state, again.failed, items), (JobState::Processing, 1, 1));
    assert!(again.version > ended.version && again.finished_at.is_none());
    assert!(matches!(test.store.retry(&job.id).await.unwrap(), Retried::Nothing(_)));
    test.check_counters().await;
    let lease = test.claim(9).await.remove(0).lease;
    assert_eq!(lease.number, 2);
    let Settled::Counted(Some(end)) = test.settle(&lease, done(&lease)).await else { panic!() };
    assert_eq!((end.job.succeeded, end.job.failed), (2, 1));
    assert_eq!(test.store.removable(9).await.unwrap().len(), 1, "the inputs can be removed now");
    assert_eq!(test.store.figures().await.unwrap().deliveries, 1, "each job has one delivery");
    test.check_counters().await;
}

async fn other_items_cannot_be_retried(test: StoreUnderTest) {
    let job = test.create_job(1).await;
    assert!(matches!(test.store.retry(&job.id).await.unwrap(), Retried::Nothing(_)), "the job has not ended");
    let lease = claim_one(&test).await;
    test.settle(&lease, ItemOutcome::Failed(picture_error())).await;
    assert!(matches!(test.store.retry(&job.id).await.unwrap(), Retried::Nothing(_)));
    assert_eq!(test.store.retry(&crate::builders::new_id()).await.unwrap(), Retried::Unknown);
}

on_all_stores!(
    a_deferred_item_waits_and_the_other_items_continue,
    a_deferred_item_is_retried_and_fails_at_the_limit,
    giving_an_item_back_does_not_count_as_a_failure,
    a_deferred_suspect_stays_a_suspect,
    a_deferred_item_of_a_canceled_job_is_not_retried,
    items_that_failed_with_a_retryable_error_can_be_retried,
    other_items_cannot_be_retried,
);
