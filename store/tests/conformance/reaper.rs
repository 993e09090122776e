//! Tests what happens to the items of a dead process, and to pictures that crash their process.

use std::sync::atomic::Ordering;

use huemill_store::job::{ItemState, JobState};
use huemill_store::store::{ClaimRequest, ExhaustedItem, Owner, Reaped, Selection, Settled, Store};

use crate::builders::{claim_request, done, from_dead_process, internal_error};
use crate::harness::{StoreUnderTest, on_all_stores};

async fn an_item_of_a_dead_process_is_retried_as_a_suspect(test: StoreUnderTest) {
    let job = test.create_job(3).await;
    test.claim_and_die(2).await;
    let version = test.job(&job.id).await.version;
    assert_eq!(test.reap().await, Reaped { returned: 2, ..Reaped::default() });
    assert_eq!(test.reap().await, Reaped::default());
    assert_eq!(test.job(&job.id).await.version, version);

    let claims = test.store.claim(&crate::builders::claim_request(9)).await.unwrap();
    assert!(claims.suspects);
    assert_eq!(claims.items.iter().map(|claim| claim.lease.number).collect::<Vec<_>>(), [2]);
    let alone = test.claim_suspect().await;
    assert!(alone.suspects);
    assert_eq!(alone.items.iter().map(|claim| claim.lease.number).collect::<Vec<_>>(), [0]);
    let alone = test.claim_suspect().await;
    assert!(!alone.suspects);
    assert_eq!((alone.items[0].lease.number, alone.items[0].lease.attempt), (1, 2));
    assert!(test.claim_suspect().await.items.is_empty());
}

async fn a_valid_lease_is_not_reaped(test: StoreUnderTest) {
    let job = test.create_job(1).await;
    let lease = test.claim(1).await.remove(0).lease;
    assert_eq!(test.reap().await, Reaped::default());
    assert!(matches!(test.settle(&lease, done(&lease)).await, Settled::Counted(Some(_))));
    assert_eq!(test.job(&job.id).await.state, JobState::Completed);
}

async fn the_first_death_of_a_process_does_not_count_as_a_crash_of_the_item(test: StoreUnderTest) {
    let job = test.create_job(1).await;
    test.make_suspects(1).await;
    test.claim_suspect_and_die().await;
    // This is the first crash while the item ran alone. Two are needed to fail it.
    assert_eq!(test.reap().await.returned, 1);
    let lease = test.claim_suspect().await.items.remove(0).lease;
    assert_eq!(lease.attempt, 3);
    assert!(matches!(test.settle(&lease, done(&lease)).await, Settled::Counted(Some(_))));
    assert_eq!(test.job(&job.id).await.state, JobState::Completed);
}

async fn a_picture_that_crashes_its_process_fails_and_its_job_continues(test: StoreUnderTest) {
    let job = test.create_job(2).await;
    test.make_suspects(1).await;
    test.claim_suspect_and_die().await;
    test.reap().await;
    test.claim_suspect_and_die().await;
    let request_id = test.job(&job.id).await.request_id;
    let exhausted = ExhaustedItem { job: job.id.clone(), number: 0, attempts: 3, request_id };
    assert_eq!(test.reap().await, Reaped { exhausted: vec![exhausted], ..Reaped::default() });
    let items = test.items(&job.id).await;
    assert_eq!((items[0].state, &items[0].error), (ItemState::Failed, &Some(internal_error())));
    test.process_all().await;
    let job = test.job(&job.id).await;
    assert_eq!((job.state, job.succeeded, job.failed), (JobState::Completed, 1, 1));
}

async fn a_suspect_that_ran_next_to_others_when_its_process_died_is_isolated(test: StoreUnderTest) {
    let job = test.create_job(2).await;
    test.make_suspects(1).await;
    // The suspect and another picture run in one process, which dies.
    let both = from_dead_process(&claim_request(1));
    let suspect = ClaimRequest { selection: Selection::Suspect, ..both.clone() };
    assert_eq!(test.store.claim(&suspect).await.unwrap().items[0].lease.number, 0);
    assert_eq!(test.store.claim(&both).await.unwrap().items[0].lease.number, 1);
    assert_eq!(test.reap().await.returned, 2);

    // No crash was counted, and the other picture is a suspect now.
    let claims = test.claim_suspect().await;
    assert_eq!(claims.items.iter().map(|claim| claim.lease.number).collect::<Vec<_>>(), [1]);
    assert!(claims.isolated && !claims.suspects);
    test.settle(&claims.items[0].lease, done(&claims.items[0].lease)).await;
    let alone = from_dead_process(&ClaimRequest { selection: Selection::Isolated, ..claim_request(1) });
    assert_eq!(test.store.claim(&alone).await.unwrap().items[0].lease.number, 0);
    let reaped = test.store.reap(9, 1, &internal_error()).await.unwrap();
    assert_eq!((reaped.exhausted.len(), reaped.ended.len()), (1, 1));
    assert_eq!(test.job(&job.id).await.state, JobState::Completed);
    test.check_counters().await;
}

async fn a_job_ends_when_its_last_picture_fails_by_crashes(test: StoreUnderTest) {
    let job = test.create_job(1).await;
    test.make_suspects(1).await;
    test.claim_suspect_and_die().await;
    let reaped = test.store.reap(9, 1, &internal_error()).await.unwrap();
    assert_eq!((reaped.returned, reaped.exhausted.len(), reaped.ended.len()), (0, 1, 1));
    assert_eq!((&reaped.ended[0].job.id, reaped.ended[0].job.state), (&job.id, JobState::Failed));
    assert!(!test.claim_suspect().await.suspects);
}

async fn a_suspect_that_is_given_back_stays_a_suspect_without_a_crash(test: StoreUnderTest) {
    test.create_job(1).await;
    test.make_suspects(1).await;
    for _ in 0..5 {
        let lease = test.claim_suspect().await.items.remove(0).lease;
        assert_eq!(test.store.give_back(&[lease]).await.unwrap(), 1);
        assert!(test.claim(9).await.is_empty());
    }
    test.claim_suspect_and_die().await;
    assert_eq!(test.reap().await.returned, 1);
}

async fn a_reap_takes_back_no_more_items_than_requested(test: StoreUnderTest) {
    test.create_job(5).await;
    test.claim_and_die(5).await;
    assert_eq!(test.store.reap(3, 2, &internal_error()).await.unwrap().returned, 3);
    assert_eq!(test.store.reap(3, 2, &internal_error()).await.unwrap().returned, 2);
}

async fn suspects_of_a_canceled_job_are_not_claimed(test: StoreUnderTest) {
    let job = test.create_job(2).await;
    test.make_suspects(2).await;
    test.store.cancel(&job.id).await.unwrap();
    let claims = test.claim_suspect().await;
    assert!(claims.items.is_empty() && !claims.suspects);
}

on_all_stores!(
    an_item_of_a_dead_process_is_retried_as_a_suspect,
    a_valid_lease_is_not_reaped,
    the_first_death_of_a_process_does_not_count_as_a_crash_of_the_item,
    a_picture_that_crashes_its_process_fails_and_its_job_continues,
    a_suspect_that_ran_next_to_others_when_its_process_died_is_isolated,
    a_job_ends_when_its_last_picture_fails_by_crashes,
    a_suspect_that_is_given_back_stays_a_suspect_without_a_crash,
    a_reap_takes_back_no_more_items_than_requested,
    suspects_of_a_canceled_job_are_not_claimed,
);

#[tokio::test]
async fn a_jump_of_the_wall_clock_does_not_expire_leases() {
    let test = StoreUnderTest::sqlite().await;
    let job = test.create_job(1).await;
    let lease = test.claim(1).await.remove(0).lease;
    for jump in [3_600_000, -7_200_000] {
        test.clock.wall.fetch_add(jump, Ordering::Relaxed);
        assert_eq!(test.reap().await, Reaped::default());
        assert!(test.claim(1).await.is_empty());
    }
    test.clock.tick.fetch_add(1_000, Ordering::Relaxed);
    assert!(matches!(test.settle(&lease, done(&lease)).await, Settled::Counted(Some(_))));
    assert_eq!(test.job(&job.id).await.state, JobState::Completed);
}

#[tokio::test]
async fn a_lease_expires_on_the_monotonic_clock() {
    let test = StoreUnderTest::sqlite().await;
    test.create_job(1).await;
    test.claim(1).await;
    test.clock.tick.fetch_add(3_599_999, Ordering::Relaxed);
    assert_eq!(test.reap().await.returned, 0);
    test.clock.tick.fetch_add(1, Ordering::Relaxed);
    assert_eq!(test.reap().await.returned, 1);
}

#[tokio::test]
async fn leases_of_an_earlier_process_are_void_and_a_death_while_alone_counts() {
    let test = StoreUnderTest::sqlite().await;
    test.create_job(2).await;
    test.claim(1).await;
    let second = test.reopen().await;
    // A process that only reads does not void leases.
    second.figures().await.unwrap();
    assert_eq!(test.reap().await.returned, 0);
    assert_eq!(second.reap(9, 2, &internal_error()).await.unwrap().returned, 1);
    for _ in 0..2 {
        assert_eq!(test.claim_suspect().await.items.len(), 1);
        let next = test.reopen().await;
        let claims =
            next.claim(&ClaimRequest { owner: Owner("next".into()), ..claim_request(0) }).await.unwrap();
        assert!(!claims.suspects);
        next.reap(9, 2, &internal_error()).await.unwrap();
    }
    assert_eq!(test.store.figures().await.unwrap().queued_items, 1);
    test.process_all().await;
    assert_eq!(test.store.figures().await.unwrap().jobs[2], 1);
}
