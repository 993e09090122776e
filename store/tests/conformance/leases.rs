//! Leases have two sides, the row and the process, and the heartbeat keeps them the same.

use std::time::Duration;

use huemill_store::job::{ItemState, JobState};
use huemill_store::store::{Ask, Heartbeat, Owner, Reconciled, Selection, Settled, Store};

use crate::bench::{Bench, HOUR, ask, done, heartbeat, on_both_stores, owner};

fn of(held: u64) -> Reconciled {
    Reconciled { claimed: held, ..Reconciled::default() }
}

async fn a_lease_is_good_while_its_process_beats(bench: Bench) {
    bench.job_of(2).await;
    let held: Vec<_> = bench.claim(2).await.into_iter().map(|claim| claim.lease).collect();
    assert_eq!(bench.store.heartbeat(&heartbeat(owner(), HOUR, &held)).await.unwrap(), of(2));
    assert_eq!(bench.reap().await.returned, 0);
    assert_eq!(bench.store.heartbeat(&heartbeat(owner(), Duration::ZERO, &held)).await.unwrap(), of(2));
    assert_eq!(bench.reap().await.returned, 2);
    let late = bench.store.heartbeat(&heartbeat(owner(), HOUR, &held)).await.unwrap();
    assert_eq!((late.lost.len(), late.claimed), (2, 0));
    assert_eq!(late.lost, held);
}

async fn what_the_process_does_not_hold_goes_back(bench: Bench) {
    let job = bench.job_of(3).await;
    let claims = bench.claim(3).await;
    let kept = claims[1].lease.clone();
    let found = bench.store.heartbeat(&heartbeat(owner(), HOUR, std::slice::from_ref(&kept))).await.unwrap();
    assert_eq!(found, Reconciled { orphaned: 2, claimed: 1, ..Reconciled::default() });
    let states: Vec<_> = bench.items(&job.id).await.iter().map(|item| item.state).collect();
    assert_eq!(states, [ItemState::Queued, ItemState::Claimed, ItemState::Queued]);
    // An answer that comes after all is too late, and the job ends all the same.
    assert_eq!(bench.settle(&claims[0].lease, done(&claims[0].lease)).await, Settled::Stale);
    bench.settle(&kept, done(&kept)).await;
    bench.work_off().await;
    assert_eq!(bench.job(&job.id).await.state, JobState::Completed);
    bench.figures_are_true().await;
}

async fn a_claim_whose_answer_is_on_its_way_is_not_compared(bench: Bench) {
    bench.job_of(2).await;
    let second = Ask { sequence: 2, ..ask(1) };
    bench.claim(1).await;
    bench.store.claim(&second).await.unwrap();
    let beat = Heartbeat { answered: 1, ..heartbeat(owner(), HOUR, &[]) };
    let found = bench.store.heartbeat(&beat).await.unwrap();
    assert_eq!((found.orphaned, found.claimed), (1, 1));
    let beat = Heartbeat { answered: 2, ..beat };
    let found = bench.store.heartbeat(&beat).await.unwrap();
    assert_eq!((found.orphaned, found.claimed), (1, 0));
}

async fn a_suspect_that_goes_back_stays_one(bench: Bench) {
    bench.job_of(1).await;
    bench.claim_and_die(1).await;
    bench.reap().await;
    assert_eq!(bench.suspect().await.items.len(), 1);
    assert_eq!(bench.store.heartbeat(&heartbeat(owner(), HOUR, &[])).await.unwrap().orphaned, 1);
    assert!(bench.claim(9).await.is_empty());
    assert_eq!(bench.suspect().await.items.len(), 1);
}

async fn others_are_left_alone(bench: Bench) {
    bench.job_of(2).await;
    bench.claim(1).await;
    let another = Owner("another".into());
    bench.store.claim(&Ask { owner: another.clone(), ..ask(1) }).await.unwrap();
    assert_eq!(bench.store.heartbeat(&heartbeat(another, HOUR, &[])).await.unwrap().orphaned, 1);
    assert_eq!(bench.claim(9).await.len(), 1);
    assert_eq!(bench.reap().await.returned, 0);
}

async fn a_process_that_leaves_leaves_its_items(bench: Bench) {
    bench.job_of(2).await;
    bench.claim(2).await;
    bench.store.leave(&owner()).await.unwrap();
    assert_eq!(bench.reap().await.returned, 2);
}

async fn a_claim_without_a_heartbeat_has_a_living_owner(bench: Bench) {
    bench.job_of(1).await;
    let ask = Ask { owner: Owner("new".into()), selection: Selection::InTurn, ..ask(1) };
    assert_eq!(bench.store.claim(&ask).await.unwrap().items.len(), 1);
    assert_eq!(bench.reap().await.returned, 0);
    let processes = bench.store.processes().await.unwrap();
    assert_eq!((processes.len(), processes[0].alive, processes[0].pictures), (1, true, 1));
}

on_both_stores!(
    a_lease_is_good_while_its_process_beats,
    what_the_process_does_not_hold_goes_back,
    a_claim_whose_answer_is_on_its_way_is_not_compared,
    a_suspect_that_goes_back_stays_one,
    others_are_left_alone,
    a_process_that_leaves_leaves_its_items,
    a_claim_without_a_heartbeat_has_a_living_owner,
);
