//! Tests items that are the same picture as an earlier one of their job: they are not handed out, and end with it.

use std::sync::atomic::Ordering;

use huemill_store::job::{ItemState, Job, JobKind, JobState, NewJob};
use huemill_store::store::{Canceled, Settled, Store};

use crate::builders::{done, failed, internal_error, new_job, picture_error, result};
use crate::harness::{StoreUnderTest, on_all_stores};

/// A job of five items: the third and the fifth are the first one, and the fourth is the second one.
async fn job_of_two_pictures(test: &StoreUnderTest) -> Job {
    let mut new = NewJob { kind: JobKind::Url, ..new_job(5) };
    for (item, first) in [(2, 0), (3, 1), (4, 0)] {
        new.items[item].same_as = Some(first);
    }
    test.create(new).await
}

async fn an_item_ends_with_the_one_that_is_the_same_picture_and_as_it_does(test: StoreUnderTest) {
    let job = job_of_two_pictures(&test).await;
    let claims = test.claim(9).await;
    assert_eq!(claims.iter().map(|claim| claim.lease.number).collect::<Vec<_>>(), [0, 1]);
    test.check_counters().await;
    assert_eq!(test.settle(&claims[0].lease, done(&claims[0].lease)).await, Settled::Counted(None));
    let half = test.job(&job.id).await;
    assert_eq!((half.succeeded, half.failed, half.progress()), (3, 0, 60));
    test.check_counters().await;
    let Settled::Counted(Some(ended)) = test.settle(&claims[1].lease, failed()).await else { panic!() };
    assert_eq!((ended.job.state, ended.job.succeeded, ended.job.failed), (JobState::Completed, 3, 2));
    let items = test.items(&job.id).await;
    for number in [0, 2, 4] {
        assert_eq!(items[number].state, ItemState::Done);
        assert_eq!(items[number].result, Some(result(&claims[0].lease)));
    }
    for number in [1, 3] {
        assert_eq!((items[number].state, &items[number].error), (ItemState::Failed, &Some(picture_error())));
    }
    assert_eq!(items[3].url.as_deref(), Some("https://example.org/3.png"));
    assert!(test.claim(9).await.is_empty());
    test.check_counters().await;
}

async fn an_item_ends_with_one_that_crashes_its_processes(test: StoreUnderTest) {
    let mut new = new_job(2);
    new.items[1].same_as = Some(0);
    let job = test.create(new).await;
    test.make_suspects(1).await;
    for _ in 0..2 {
        assert_eq!(test.claim_suspect_and_die().await.items.len(), 1);
        test.reap().await;
    }
    let job = test.job(&job.id).await;
    assert_eq!((job.state, job.failed), (JobState::Failed, 2));
    assert!(test.items(&job.id).await.iter().all(|item| item.error == Some(internal_error())));
    test.check_counters().await;
}

async fn an_item_is_canceled_or_deleted_with_its_job(test: StoreUnderTest) {
    let job = job_of_two_pictures(&test).await;
    assert!(matches!(test.store.cancel(&job.id).await.unwrap(), Canceled::Now(_)));
    assert!(test.items(&job.id).await.iter().all(|item| item.state == ItemState::Canceled));
    test.check_counters().await;
    let job = job_of_two_pictures(&test).await;
    assert!(test.store.delete(&job.id).await.unwrap());
    test.check_counters().await;
}

async fn an_item_waits_through_a_restart(test: StoreUnderTest) {
    let job = job_of_two_pictures(&test).await;
    drop(test.reopen().await);
    test.clock.tick.fetch_add(60_000, Ordering::Relaxed);
    let claims = test.claim(9).await;
    assert_eq!(claims.len(), 2);
    for claim in claims {
        test.settle(&claim.lease, done(&claim.lease)).await;
    }
    assert_eq!(test.job(&job.id).await.state, JobState::Completed);
    test.check_counters().await;
}

on_all_stores!(
    an_item_ends_with_the_one_that_is_the_same_picture_and_as_it_does,
    an_item_ends_with_one_that_crashes_its_processes,
    an_item_is_canceled_or_deleted_with_its_job,
    an_item_waits_through_a_restart,
);
