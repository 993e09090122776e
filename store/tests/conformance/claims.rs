//! Tests claims: which item is next, and that no item is claimed twice.

use std::collections::HashSet;

use huemill_store::job::{JobId, NewJob, Priority};
use huemill_store::store::{Claim, Lease, Store};

use crate::builders::{claim_request, new_job, owner, retry, retry_while_away};
use crate::harness::{StoreUnderTest, on_all_stores};

/// The positions of a job's items among the claims.
fn positions(claims: &[Claim], job: &JobId) -> Vec<usize> {
    (0..claims.len()).filter(|index| claims[*index].lease.job == *job).collect()
}

async fn a_claim_contains_everything_a_worker_needs(test: StoreUnderTest) {
    let new = new_job(2);
    test.create(new.clone()).await;
    let claims = test.claim(2).await;
    let (first, second) = (&claims[0], &claims[1]);
    assert_eq!((&first.lease.job, first.lease.number, first.lease.attempt), (&new.id, 0, 1));
    assert_eq!((&first.name, &first.source), (&new.items[0].name, &new.items[0].source));
    assert_eq!((&first.options, &first.request_id), (&new.options, &new.request_id));
    assert_eq!((&first.traceparent, first.priority), (&new.traceparent, Priority::Normal));
    assert!(first.waited.is_some() && second.waited.is_none());
    assert_eq!(second.lease.number, 1);
}

async fn a_claim_on_an_empty_store_returns_nothing(test: StoreUnderTest) {
    let claims = test.store.claim(&claim_request(5)).await.unwrap();
    assert!(claims.items.is_empty() && !claims.suspects);
    assert!(test.claim_suspect().await.items.is_empty());
}

async fn items_that_appear_after_an_empty_claim_are_found_by_the_next_one(test: StoreUnderTest) {
    let empty = async || assert!(test.claim(3).await.is_empty());
    empty().await;
    empty().await;
    let job = test.create_job(2).await;
    assert_eq!(test.claim(3).await.len(), 2);
    empty().await;
    // A deferred item is claimed once its wait is over.
    let lease = Lease { job: job.id.clone(), number: 0, attempt: 1, owner: owner() };
    test.settle(&lease, retry(3)).await;
    assert_eq!(test.claim(3).await.len(), 1);
    empty().await;
    // A suspect is not claimed, but reported.
    test.create_job(1).await;
    assert_eq!(test.claim_and_die(3).await.len(), 1);
    test.reap().await;
    let claims = test.store.claim(&claim_request(3)).await.unwrap();
    assert!(claims.items.is_empty() && claims.suspects);
    let claims = test.store.claim(&claim_request(3)).await.unwrap();
    assert!(claims.items.is_empty() && claims.suspects);
}

async fn a_claim_returns_no_more_items_than_requested(test: StoreUnderTest) {
    test.create_job(5).await;
    assert_eq!(test.claim(0).await.len(), 0);
    assert_eq!(test.claim(3).await.len(), 3);
    assert_eq!(test.claim(3).await.len(), 2);
    assert_eq!(test.claim(3).await.len(), 0);
}

async fn a_long_job_delays_a_short_one_by_one_item(test: StoreUnderTest) {
    test.create_job(200).await;
    assert_eq!(test.claim(50).await.len(), 50);
    let short = test.create_job(1).await;
    assert!(positions(&test.claim(2).await, &short.id)[0] <= 1);
}

async fn jobs_of_a_caller_take_turns(test: StoreUnderTest) {
    let (a, b, c) = (test.create_job(9).await, test.create_job(9).await, test.create_job(2).await);
    let claims = test.claim(9).await;
    assert_eq!(positions(&claims, &a.id).len(), 4);
    assert_eq!(positions(&claims, &b.id).len(), 3);
    assert_eq!(positions(&claims, &c.id).len(), 2);
    for pass in claims[..6].chunks(3) {
        assert_eq!(pass.iter().map(|claim| &claim.lease.job).collect::<HashSet<_>>().len(), 3);
    }
}

async fn a_stream_of_new_jobs_does_not_starve_an_old_one(test: StoreUnderTest) {
    let old = test.create_job(100).await;
    for _ in 0..3 {
        test.create_job(1).await;
    }
    let mut claims = Vec::new();
    for _ in 0..20 {
        claims.extend(test.claim(2).await);
        test.create_job(1).await;
        test.create_job(1).await;
    }
    assert!(positions(&claims, &old.id).len() >= 6, "{:?}", positions(&claims, &old.id));
}

async fn a_higher_priority_gets_a_larger_share(test: StoreUnderTest) {
    let mut ids = Vec::new();
    for priority in [Priority::Low, Priority::Normal, Priority::High] {
        ids.push(test.create(NewJob { priority, ..new_job(40) }).await.id);
    }
    let claims = test.claim(28).await;
    let [low, normal, high] = [0, 1, 2].map(|index| positions(&claims, &ids[index]));
    assert_eq!((low.len(), normal.len(), high.len()), (4, 8, 16), "{low:?} {normal:?} {high:?}");
    assert!(low[0] < 7 && normal[0] < 7, "{low:?} {normal:?}");
}

async fn a_job_that_gets_items_back_keeps_its_turn(test: StoreUnderTest) {
    let old = test.create_job(30).await;
    let leases: Vec<_> = test.claim(30).await.into_iter().map(|claim| claim.lease).collect();
    let young = test.create_job(30).await;
    test.store.give_back(&leases[..2]).await.unwrap();
    let claims = test.claim(4).await;
    assert_eq!((positions(&claims, &old.id), positions(&claims, &young.id)), (vec![0, 2], vec![1, 3]));
}

async fn concurrent_claims_return_each_item_once(test: StoreUnderTest) {
    for _ in 0..10 {
        test.create_job(12).await;
    }
    let mut claimants = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = test.store.clone();
        claimants.spawn(async move {
            let (mut claimed, mut request) = (Vec::new(), claim_request(4));
            request.owner.0 = format!("claimant {number}");
            loop {
                let items = retry_while_away(|| store.claim(&request)).await.items;
                if items.is_empty() {
                    return claimed;
                }
                claimed.extend(items.into_iter().map(|claim| (claim.lease.job, claim.lease.number)));
            }
        });
    }
    let claimed = claimants.join_all().await.concat();
    assert_eq!(claimed.len(), 120);
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), 120);
}

async fn a_job_whose_row_is_briefly_locked_is_not_skipped(test: StoreUnderTest) {
    // Many callers claim and settle items of a single job. No claim may be empty while items are queued.
    test.create_job(60).await;
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let store = test.store.clone();
        workers.spawn(async move {
            for _ in 0..10 {
                let one = claim_request(1);
                let claims = retry_while_away(|| store.claim(&one)).await.items;
                assert_eq!(claims.len(), 1);
                let lease = &claims[0].lease;
                retry_while_away(|| store.settle(lease, crate::builders::done(lease), 1)).await;
            }
        });
    }
    workers.join_all().await;
    assert_eq!(test.store.figures().await.unwrap().jobs, [0, 0, 1, 0, 0, 0]);
}

on_all_stores!(
    a_claim_contains_everything_a_worker_needs,
    a_claim_on_an_empty_store_returns_nothing,
    items_that_appear_after_an_empty_claim_are_found_by_the_next_one,
    a_claim_returns_no_more_items_than_requested,
    a_long_job_delays_a_short_one_by_one_item,
    jobs_of_a_caller_take_turns,
    a_stream_of_new_jobs_does_not_starve_an_old_one,
    a_higher_priority_gets_a_larger_share,
    a_job_that_gets_items_back_keeps_its_turn,
    concurrent_claims_return_each_item_once,
    a_job_whose_row_is_briefly_locked_is_not_skipped,
);
