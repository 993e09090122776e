//! Items that wait by themselves after a fault that is not theirs, and an operator's second chance for those that have
//! failed by one.

use std::time::Duration;

use huemill_store::job::{ItemState, JobState, NewJob};
use huemill_store::store::{Backoff, Canceled, Lease, Outcome, Retried, Settled, Store};

use crate::bench::{Bench, HOUR, broken, done, new_job, on_both_stores, poison, retry};

fn later(limit: u32) -> Outcome {
    Outcome::Retry(poison(), Backoff { first: HOUR, longest: HOUR, limit })
}

async fn lease(bench: &Bench) -> Lease {
    bench.claim(1).await.remove(0).lease
}

async fn a_deferred_item_waits_and_its_neighbours_go_on(bench: Bench) {
    let job = bench.job_of(3).await;
    let version = {
        lease(&bench).await;
        bench.job(&job.id).await.version
    };
    let first = bench.items(&job.id).await;
    assert_eq!(first[0].state, ItemState::Claimed);
    let held = Lease { job: job.id.clone(), number: 0, attempt: 1, owner: crate::bench::owner() };
    assert_eq!(bench.settle(&held, later(3)).await, Settled::Deferred { failures: 1, wait: HOUR });
    assert_eq!(bench.settle(&held, later(3)).await, Settled::Stale);
    assert_eq!(bench.job(&job.id).await.version, version, "clients see nothing of it");
    let claims = bench.store.claim(&crate::bench::ask(9)).await.unwrap();
    assert_eq!(claims.items.iter().map(|claim| claim.lease.number).collect::<Vec<_>>(), [1, 2]);
    assert!(claims.next.is_some_and(|next| next <= HOUR && next > HOUR / 2), "{:?}", claims.next);
    assert!(bench.claim(9).await.is_empty());
    bench.figures_are_true().await;
    assert_eq!(bench.store.figures().await.unwrap().queued_items, 1);
}

async fn its_time_comes_and_at_the_limit_it_fails(bench: Bench) {
    let job = bench.job_of(2).await;
    for failures in 1..3 {
        // Zero waits: it is due at once.
        let lease = bench.claim(1).await.remove(0).lease;
        assert_eq!(lease.number, 0, "it has kept its place");
        let settled = bench.settle(&lease, retry(3)).await;
        assert_eq!(settled, Settled::Deferred { failures, wait: Duration::ZERO });
    }
    let last = bench.claim(1).await.remove(0).lease;
    assert_eq!((last.number, last.attempt), (0, 3));
    assert_eq!(bench.settle(&last, retry(3)).await, Settled::Counted(None));
    let item = &bench.items(&job.id).await[0];
    assert_eq!((item.state, &item.error), (ItemState::Failed, &Some(poison())));
    bench.work_off().await;
    assert_eq!(bench.job(&job.id).await.state, JobState::Completed);
    bench.figures_are_true().await;
}

async fn giving_back_is_no_failure(bench: Bench) {
    bench.job_of(1).await;
    for _ in 0..5 {
        let lease = lease(&bench).await;
        bench.store.give_back(&[lease]).await.unwrap();
    }
    let lease = lease(&bench).await;
    assert_eq!(lease.attempt, 6);
    assert!(matches!(bench.settle(&lease, later(2)).await, Settled::Deferred { failures: 1, .. }));
}

async fn a_deferred_suspect_stays_a_suspect(bench: Bench) {
    bench.job_of(1).await;
    bench.claim_and_die(1).await;
    bench.reap().await;
    let lease = bench.suspect().await.items.remove(0).lease;
    bench.settle(&lease, retry(3)).await;
    assert!(bench.claim(9).await.is_empty());
    assert_eq!(bench.suspect().await.items.len(), 1);
}

async fn a_deferred_item_of_a_canceled_job_is_forgotten(bench: Bench) {
    let job = bench.job_of(1).await;
    let lease = lease(&bench).await;
    bench.settle(&lease, later(3)).await;
    assert!(matches!(bench.store.cancel(&job.id).await.unwrap(), Canceled::Now(_)));
    assert_eq!(bench.store.claim(&crate::bench::ask(9)).await.unwrap().next, None);
    bench.figures_are_true().await;
}

async fn what_failed_by_a_fault_that_is_not_its_own_can_be_tried_again(bench: Bench) {
    let job = bench.create(NewJob { callback_url: Some("https://r.example/".into()), ..new_job(3) }).await;
    let claims = bench.claim(3).await;
    bench.settle(&claims[0].lease, done(&claims[0].lease)).await;
    bench.settle(&claims[1].lease, Outcome::Failed(broken())).await;
    assert!(matches!(bench.settle(&claims[2].lease, later(1)).await, Settled::Counted(Some(_))));
    let ended = bench.job(&job.id).await;
    assert_eq!((ended.state, ended.failed), (JobState::Completed, 2));
    assert!(bench.store.removable(9).await.unwrap().is_empty(), "its inputs are still wanted");

    let Retried::Queued(again, items) = bench.store.retry(&job.id).await.unwrap() else { panic!() };
    assert_eq!((again.state, again.failed, items), (JobState::Processing, 1, 1));
    assert!(again.version > ended.version && again.finished_at.is_none());
    assert!(matches!(bench.store.retry(&job.id).await.unwrap(), Retried::Nothing(_)));
    bench.figures_are_true().await;
    let lease = bench.claim(9).await.remove(0).lease;
    assert_eq!(lease.number, 2);
    let Settled::Counted(Some(end)) = bench.settle(&lease, done(&lease)).await else { panic!() };
    assert_eq!((end.job.succeeded, end.job.failed), (2, 1));
    assert_eq!(bench.store.removable(9).await.unwrap().len(), 1, "now they may go");
    assert_eq!(bench.store.figures().await.unwrap().deliveries, 1, "one delivery a job");
    bench.figures_are_true().await;
}

async fn nothing_else_can_be_tried_again(bench: Bench) {
    let job = bench.job_of(1).await;
    assert!(matches!(bench.store.retry(&job.id).await.unwrap(), Retried::Nothing(_)), "it has not ended");
    let lease = lease(&bench).await;
    bench.settle(&lease, Outcome::Failed(broken())).await;
    assert!(matches!(bench.store.retry(&job.id).await.unwrap(), Retried::Nothing(_)));
    assert_eq!(bench.store.retry(&crate::bench::new_id()).await.unwrap(), Retried::Unknown);
}

on_both_stores!(
    a_deferred_item_waits_and_its_neighbours_go_on,
    its_time_comes_and_at_the_limit_it_fails,
    giving_back_is_no_failure,
    a_deferred_suspect_stays_a_suspect,
    a_deferred_item_of_a_canceled_job_is_forgotten,
    what_failed_by_a_fault_that_is_not_its_own_can_be_tried_again,
    nothing_else_can_be_tried_again,
);
