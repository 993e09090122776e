//! Settling items, giving them back, prolonging leases: what the fence lets through.

use huemill_store::job::{ItemState, JobState};
use huemill_store::store::{Lease, Owner, Settled, Store};

use crate::bench::{Bench, broken, done, failed, on_both_stores, result};

async fn a_settled_item_keeps_its_result_or_its_error(bench: Bench) {
    let job = bench.job_of(3).await;
    let claims = bench.claim(2).await;
    assert_eq!(bench.settle(&claims[0].lease, done(&claims[0].lease)).await, Settled::Counted(None));
    assert_eq!(bench.settle(&claims[1].lease, failed()).await, Settled::Counted(None));
    let items = bench.items(&job.id).await;
    assert_eq!((items[0].state, &items[0].error), (ItemState::Done, &None));
    assert_eq!(items[0].result, Some(result(&claims[0].lease)));
    assert_eq!((items[1].state, &items[1].result), (ItemState::Failed, &None));
    assert_eq!(items[1].error, Some(broken()));
    assert_eq!((items[2].state, items[2].attempt), (ItemState::Queued, 0));
    let job = bench.job(&job.id).await;
    assert_eq!((job.succeeded, job.failed, job.progress()), (1, 1, 66));
}

async fn an_item_is_settled_once(bench: Bench) {
    let job = bench.job_of(2).await;
    let lease = bench.claim(1).await.remove(0).lease;
    assert_eq!(bench.settle(&lease, done(&lease)).await, Settled::Counted(None));
    assert_eq!(bench.settle(&lease, failed()).await, Settled::Stale);
    assert_eq!(bench.items(&job.id).await[0].state, ItemState::Done);
    assert_eq!(bench.job(&job.id).await.failed, 0);
}

async fn an_answer_from_another_attempt_or_owner_changes_nothing(bench: Bench) {
    let job = bench.job_of(1).await;
    let old = bench.claim_and_die(1).await.remove(0).lease;
    assert_eq!(bench.reap().await.returned, 1);
    assert_eq!(bench.settle(&old, done(&old)).await, Settled::Stale);
    let now = bench.suspect().await.items.remove(0).lease;
    assert_eq!(now.attempt, 2);
    assert_eq!(bench.settle(&old, done(&old)).await, Settled::Stale);
    let other = Lease { owner: Owner("another".into()), ..now.clone() };
    assert_eq!(bench.settle(&other, done(&other)).await, Settled::Stale);
    assert_eq!(bench.job(&job.id).await.state, JobState::Processing);
    assert!(matches!(bench.settle(&now, done(&now)).await, Settled::Counted(Some(_))));
}

async fn an_answer_for_an_unknown_job_is_stale(bench: Bench) {
    bench.job_of(1).await;
    let lease = bench.claim(1).await.remove(0).lease;
    let unknown = Lease { job: crate::bench::new_id(), ..lease };
    assert_eq!(bench.settle(&unknown, failed()).await, Settled::Stale);
}

async fn what_is_given_back_is_handed_out_again(bench: Bench) {
    let job = bench.job_of(2).await;
    let claims = bench.claim(2).await;
    let leases: Vec<_> = claims.iter().map(|claim| claim.lease.clone()).collect();
    let before = bench.job(&job.id).await;
    assert_eq!(bench.store.give_back(&leases).await.unwrap(), 2);
    assert_eq!(bench.store.give_back(&leases).await.unwrap(), 0);
    assert_eq!(bench.job(&job.id).await, before);
    assert_eq!(bench.settle(&leases[0], done(&leases[0])).await, Settled::Stale);
    let again = bench.claim(9).await;
    assert_eq!(again.iter().map(|claim| claim.lease.number).collect::<Vec<_>>(), [0, 1]);
    assert!(again.iter().all(|claim| claim.waited.is_none()));
    assert!(!bench.store.claim(&crate::bench::ask(1)).await.unwrap().suspects);
}

async fn the_version_grows_only_with_what_clients_see(bench: Bench) {
    let job = bench.job_of(200).await;
    assert_eq!(bench.heard().len(), 1);
    let claims = bench.claim(100).await;
    let begun = bench.job(&job.id).await;
    assert_eq!((begun.version, begun.state, begun.eta_s), (2, JobState::Processing, 300));
    bench.claim(1).await;
    for claim in &claims[..5] {
        bench.settle(&claim.lease, done(&claim.lease)).await;
    }
    // Five of 200 are two whole per cent; the estimate is of when that was reached.
    let now = bench.job(&job.id).await;
    assert_eq!((now.version, now.progress(), now.eta_s), (4, 2, 294));
    let versions: Vec<_> =
        bench.heard().iter().map(|job_version| (job_version.version, job_version.eta_s)).collect();
    assert_eq!(versions, [(2, 300), (3, 297), (4, 294)]);
}

async fn the_estimate_rounds_up_to_whole_seconds(bench: Bench) {
    let job = bench.job_of(3).await;
    assert_eq!(bench.claim(1).await.len(), 1);
    assert_eq!(bench.job(&job.id).await.eta_s, 5);
}

on_both_stores!(
    a_settled_item_keeps_its_result_or_its_error,
    an_item_is_settled_once,
    an_answer_from_another_attempt_or_owner_changes_nothing,
    an_answer_for_an_unknown_job_is_stale,
    what_is_given_back_is_handed_out_again,
    the_version_grows_only_with_what_clients_see,
    the_estimate_rounds_up_to_whole_seconds,
);
