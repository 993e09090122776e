//! Items whose process died, and the pictures that kill one.

use std::sync::atomic::Ordering;

use huemill_store::job::{ItemState, JobState};
use huemill_store::store::{Ask, GivenUp, Owner, Reaped, Selection, Settled, Store};

use crate::bench::{Bench, ask, done, dying, on_both_stores, poison};

async fn an_item_whose_lease_ran_out_waits_to_be_tried_alone(bench: Bench) {
    let job = bench.job_of(3).await;
    bench.claim_and_die(2).await;
    let version = bench.job(&job.id).await.version;
    assert_eq!(bench.reap().await, Reaped { returned: 2, ..Reaped::default() });
    assert_eq!(bench.reap().await, Reaped::default());
    assert_eq!(bench.job(&job.id).await.version, version);

    let claims = bench.store.claim(&crate::bench::ask(9)).await.unwrap();
    assert!(claims.suspects);
    assert_eq!(claims.items.iter().map(|claim| claim.lease.number).collect::<Vec<_>>(), [2]);
    let alone = bench.suspect().await;
    assert!(alone.suspects);
    assert_eq!(alone.items.iter().map(|claim| claim.lease.number).collect::<Vec<_>>(), [0]);
    let alone = bench.suspect().await;
    assert!(!alone.suspects);
    assert_eq!((alone.items[0].lease.number, alone.items[0].lease.attempt), (1, 2));
    assert!(bench.suspect().await.items.is_empty());
}

async fn a_living_lease_is_left_alone(bench: Bench) {
    let job = bench.job_of(1).await;
    let lease = bench.claim(1).await.remove(0).lease;
    assert_eq!(bench.reap().await, Reaped::default());
    assert!(matches!(bench.settle(&lease, done(&lease)).await, Settled::Counted(Some(_))));
    assert_eq!(bench.job(&job.id).await.state, JobState::Completed);
}

async fn a_crash_among_others_does_not_count(bench: Bench) {
    let job = bench.job_of(1).await;
    bench.claim_and_die(1).await;
    bench.reap().await;
    bench.suspect_and_die().await;
    // The first crash while alone, of two that are allowed.
    assert_eq!(bench.reap().await.returned, 1);
    let lease = bench.suspect().await.items.remove(0).lease;
    assert_eq!(lease.attempt, 3);
    assert!(matches!(bench.settle(&lease, done(&lease)).await, Settled::Counted(Some(_))));
    assert_eq!(bench.job(&job.id).await.state, JobState::Completed);
}

async fn a_picture_that_kills_its_process_is_given_up_and_its_job_goes_on(bench: Bench) {
    let job = bench.job_of(2).await;
    bench.claim_and_die(1).await;
    bench.reap().await;
    bench.suspect_and_die().await;
    bench.reap().await;
    bench.suspect_and_die().await;
    let request_id = bench.job(&job.id).await.request_id;
    let given_up = GivenUp { job: job.id.clone(), number: 0, attempts: 3, request_id };
    assert_eq!(bench.reap().await, Reaped { given_up: vec![given_up], ..Reaped::default() });
    let items = bench.items(&job.id).await;
    assert_eq!((items[0].state, &items[0].error), (ItemState::Failed, &Some(poison())));
    bench.work_off().await;
    let job = bench.job(&job.id).await;
    assert_eq!((job.state, job.succeeded, job.failed), (JobState::Completed, 1, 1));
}

async fn a_suspect_whose_process_dies_in_company_is_isolated_and_not_blamed(bench: Bench) {
    let job = bench.job_of(2).await;
    bench.claim_and_die(1).await;
    bench.reap().await;
    // The suspect and another picture in one process, which dies.
    let both = dying(&ask(1));
    let suspect = Ask { selection: Selection::Suspect, ..both.clone() };
    assert_eq!(bench.store.claim(&suspect).await.unwrap().items[0].lease.number, 0);
    assert_eq!(bench.store.claim(&both).await.unwrap().items[0].lease.number, 1);
    assert_eq!(bench.reap().await.returned, 2);

    // One crash is allowed: it was not counted, and the other one is a suspect now.
    let claims = bench.suspect().await;
    assert_eq!(claims.items.iter().map(|claim| claim.lease.number).collect::<Vec<_>>(), [1]);
    assert!(claims.isolated && !claims.suspects);
    bench.settle(&claims.items[0].lease, done(&claims.items[0].lease)).await;
    let alone = dying(&Ask { selection: Selection::Isolated, ..ask(1) });
    assert_eq!(bench.store.claim(&alone).await.unwrap().items[0].lease.number, 0);
    let reaped = bench.store.reap(9, 1, &poison()).await.unwrap();
    assert_eq!((reaped.given_up.len(), reaped.ended.len()), (1, 1));
    assert_eq!(bench.job(&job.id).await.state, JobState::Completed);
    bench.figures_are_true().await;
}

async fn giving_up_the_last_picture_ends_the_job(bench: Bench) {
    let job = bench.job_of(1).await;
    bench.claim_and_die(1).await;
    bench.reap().await;
    bench.suspect_and_die().await;
    let reaped = bench.store.reap(9, 1, &poison()).await.unwrap();
    assert_eq!((reaped.returned, reaped.given_up.len(), reaped.ended.len()), (0, 1, 1));
    assert_eq!((&reaped.ended[0].job.id, reaped.ended[0].job.state), (&job.id, JobState::Failed));
    assert!(!bench.suspect().await.suspects);
}

async fn a_suspect_that_is_given_back_stays_one_without_a_crash(bench: Bench) {
    bench.job_of(1).await;
    bench.claim_and_die(1).await;
    bench.reap().await;
    for _ in 0..5 {
        let lease = bench.suspect().await.items.remove(0).lease;
        assert_eq!(bench.store.give_back(&[lease]).await.unwrap(), 1);
        assert!(bench.claim(9).await.is_empty());
    }
    bench.suspect_and_die().await;
    assert_eq!(bench.reap().await.returned, 1);
}

async fn a_reap_takes_no_more_than_it_was_asked_to(bench: Bench) {
    bench.job_of(5).await;
    bench.claim_and_die(5).await;
    assert_eq!(bench.store.reap(3, 2, &poison()).await.unwrap().returned, 3);
    assert_eq!(bench.store.reap(3, 2, &poison()).await.unwrap().returned, 2);
}

async fn suspects_of_a_canceled_job_are_forgotten(bench: Bench) {
    let job = bench.job_of(2).await;
    bench.claim_and_die(2).await;
    bench.reap().await;
    bench.store.cancel(&job.id).await.unwrap();
    let claims = bench.suspect().await;
    assert!(claims.items.is_empty() && !claims.suspects);
}

on_both_stores!(
    an_item_whose_lease_ran_out_waits_to_be_tried_alone,
    a_living_lease_is_left_alone,
    a_crash_among_others_does_not_count,
    a_picture_that_kills_its_process_is_given_up_and_its_job_goes_on,
    a_suspect_whose_process_dies_in_company_is_isolated_and_not_blamed,
    giving_up_the_last_picture_ends_the_job,
    a_suspect_that_is_given_back_stays_one_without_a_crash,
    a_reap_takes_no_more_than_it_was_asked_to,
    suspects_of_a_canceled_job_are_forgotten,
);

#[tokio::test]
async fn a_jump_of_the_wall_clock_runs_nothing_twice() {
    let bench = Bench::sqlite().await;
    let job = bench.job_of(1).await;
    let lease = bench.claim(1).await.remove(0).lease;
    for jump in [3_600_000, -7_200_000] {
        bench.hands.wall.fetch_add(jump, Ordering::Relaxed);
        assert_eq!(bench.reap().await, Reaped::default());
        assert!(bench.claim(1).await.is_empty());
    }
    bench.hands.tick.fetch_add(1_000, Ordering::Relaxed);
    assert!(matches!(bench.settle(&lease, done(&lease)).await, Settled::Counted(Some(_))));
    assert_eq!(bench.job(&job.id).await.state, JobState::Completed);
}

#[tokio::test]
async fn a_lease_runs_out_by_the_tick() {
    let bench = Bench::sqlite().await;
    bench.job_of(1).await;
    bench.claim(1).await;
    bench.hands.tick.fetch_add(3_599_999, Ordering::Relaxed);
    assert_eq!(bench.reap().await.returned, 0);
    bench.hands.tick.fetch_add(1, Ordering::Relaxed);
    assert_eq!(bench.reap().await.returned, 1);
}

#[tokio::test]
async fn leases_of_another_boot_are_void_and_a_death_while_alone_counts() {
    let bench = Bench::sqlite().await;
    bench.job_of(2).await;
    bench.claim(1).await;
    let second = bench.again().await;
    // A process that only looks ends no other.
    second.figures().await.unwrap();
    assert_eq!(bench.reap().await.returned, 0);
    assert_eq!(second.reap(9, 2, &poison()).await.unwrap().returned, 1);
    for _ in 0..2 {
        assert_eq!(bench.suspect().await.items.len(), 1);
        let next = bench.again().await;
        let claims = next.claim(&Ask { owner: Owner("next".into()), ..ask(0) }).await.unwrap();
        assert!(!claims.suspects);
        next.reap(9, 2, &poison()).await.unwrap();
    }
    let given_up = bench.store.figures().await.unwrap();
    assert_eq!(given_up.queued_items, 1);
    bench.work_off().await;
    assert_eq!(bench.store.figures().await.unwrap().jobs[2], 1);
}
