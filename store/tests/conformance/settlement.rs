//! Tests which outcomes of attempts count: items are settled once, and only by the current holder of the lease.

use huemill_store::job::{ItemState, JobState};
use huemill_store::store::{Lease, Owner, Settled, Store};

use crate::builders::{done, failed, picture_error, result};
use crate::harness::{StoreUnderTest, on_all_stores};

async fn a_settled_item_has_its_result_or_its_error(test: StoreUnderTest) {
    let job = test.create_job(3).await;
    let claims = test.claim(2).await;
    assert_eq!(test.settle(&claims[0].lease, done(&claims[0].lease)).await, Settled::Counted(None));
    assert_eq!(test.settle(&claims[1].lease, failed()).await, Settled::Counted(None));
    let items = test.items(&job.id).await;
    assert_eq!((items[0].state, &items[0].error), (ItemState::Done, &None));
    assert_eq!(items[0].result, Some(result(&claims[0].lease)));
    assert_eq!((items[1].state, &items[1].result), (ItemState::Failed, &None));
    assert_eq!(items[1].error, Some(picture_error()));
    assert_eq!((items[2].state, items[2].attempt), (ItemState::Queued, 0));
    let job = test.job(&job.id).await;
    assert_eq!((job.succeeded, job.failed, job.progress()), (1, 1, 66));
}

async fn an_item_is_settled_once(test: StoreUnderTest) {
    let job = test.create_job(2).await;
    let lease = test.claim(1).await.remove(0).lease;
    assert_eq!(test.settle(&lease, done(&lease)).await, Settled::Counted(None));
    assert_eq!(test.settle(&lease, failed()).await, Settled::Stale);
    assert_eq!(test.items(&job.id).await[0].state, ItemState::Done);
    assert_eq!(test.job(&job.id).await.failed, 0);
}

async fn an_outcome_of_another_attempt_or_owner_is_stale(test: StoreUnderTest) {
    let job = test.create_job(1).await;
    let old = test.claim_and_die(1).await.remove(0).lease;
    assert_eq!(test.reap().await.returned, 1);
    assert_eq!(test.settle(&old, done(&old)).await, Settled::Stale);
    let now = test.claim_suspect().await.items.remove(0).lease;
    assert_eq!(now.attempt, 2);
    assert_eq!(test.settle(&old, done(&old)).await, Settled::Stale);
    let other = Lease { owner: Owner("another".into()), ..now.clone() };
    assert_eq!(test.settle(&other, done(&other)).await, Settled::Stale);
    assert_eq!(test.job(&job.id).await.state, JobState::Processing);
    assert!(matches!(test.settle(&now, done(&now)).await, Settled::Counted(Some(_))));
}

async fn an_outcome_for_an_unknown_job_is_stale(test: StoreUnderTest) {
    test.create_job(1).await;
    let lease = test.claim(1).await.remove(0).lease;
    let unknown = Lease { job: crate::builders::new_id(), ..lease };
    assert_eq!(test.settle(&unknown, failed()).await, Settled::Stale);
}

async fn items_that_are_given_back_are_claimed_again(test: StoreUnderTest) {
    let job = test.create_job(2).await;
    let claims = test.claim(2).await;
    let leases: Vec<_> = claims.iter().map(|claim| claim.lease.clone()).collect();
    let before = test.job(&job.id).await;
    assert_eq!(test.store.give_back(&leases).await.unwrap(), 2);
    assert_eq!(test.store.give_back(&leases).await.unwrap(), 0);
    assert_eq!(test.job(&job.id).await, before);
    assert_eq!(test.settle(&leases[0], done(&leases[0])).await, Settled::Stale);
    let again = test.claim(9).await;
    assert_eq!(again.iter().map(|claim| claim.lease.number).collect::<Vec<_>>(), [0, 1]);
    assert!(again.iter().all(|claim| claim.waited.is_none()));
    assert!(!test.store.claim(&crate::builders::claim_request(1)).await.unwrap().suspects);
}

async fn the_version_changes_only_with_what_clients_see(test: StoreUnderTest) {
    let job = test.create_job(200).await;
    assert_eq!(test.notifications().len(), 1);
    let claims = test.claim(100).await;
    let started = test.job(&job.id).await;
    assert_eq!((started.version, started.state, started.eta_s), (2, JobState::Processing, 300));
    test.claim(1).await;
    for claim in &claims[..5] {
        test.settle(&claim.lease, done(&claim.lease)).await;
    }
    // Five of 200 are 2.5 percent. The estimate dates from when two percent were reached.
    let now = test.job(&job.id).await;
    assert_eq!((now.version, now.progress(), now.eta_s), (4, 2, 294));
    let versions: Vec<_> =
        test.notifications().iter().map(|job_version| (job_version.version, job_version.eta_s)).collect();
    assert_eq!(versions, [(2, 300), (3, 297), (4, 294)]);
}

async fn the_estimate_rounds_up_to_whole_seconds(test: StoreUnderTest) {
    let job = test.create_job(3).await;
    assert_eq!(test.claim(1).await.len(), 1);
    assert_eq!(test.job(&job.id).await.eta_s, 5);
}

on_all_stores!(
    a_settled_item_has_its_result_or_its_error,
    an_item_is_settled_once,
    an_outcome_of_another_attempt_or_owner_is_stale,
    an_outcome_for_an_unknown_job_is_stale,
    items_that_are_given_back_are_claimed_again,
    the_version_changes_only_with_what_clients_see,
    the_estimate_rounds_up_to_whole_seconds,
);
