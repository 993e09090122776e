//! Tests the heartbeat, which reconciles the leases in the rows with the leases in the process.

use std::time::Duration;

use huemill_store::job::{ItemState, JobState};
use huemill_store::store::{ClaimRequest, Heartbeat, Owner, Reconciled, Selection, Settled, Store};

use crate::builders::{HOUR, claim_request, done, heartbeat, owner};
use crate::harness::{StoreUnderTest, on_all_stores};

/// The result of a heartbeat that found no difference.
fn unchanged(held: u64) -> Reconciled {
    Reconciled { claimed: held, ..Reconciled::default() }
}

async fn leases_are_valid_while_their_process_sends_heartbeats(test: StoreUnderTest) {
    test.create_job(2).await;
    let held: Vec<_> = test.claim(2).await.into_iter().map(|claim| claim.lease).collect();
    assert_eq!(test.store.heartbeat(&heartbeat(owner(), HOUR, &held)).await.unwrap(), unchanged(2));
    assert_eq!(test.reap().await.returned, 0);
    assert_eq!(test.store.heartbeat(&heartbeat(owner(), Duration::ZERO, &held)).await.unwrap(), unchanged(2));
    assert_eq!(test.reap().await.returned, 2);
    let late = test.store.heartbeat(&heartbeat(owner(), HOUR, &held)).await.unwrap();
    assert_eq!((late.lost.len(), late.claimed), (2, 0));
    assert_eq!(late.lost, held);
}

async fn items_that_the_process_does_not_hold_go_back_to_the_queue(test: StoreUnderTest) {
    let job = test.create_job(3).await;
    let claims = test.claim(3).await;
    let kept = claims[1].lease.clone();
    let found = test.store.heartbeat(&heartbeat(owner(), HOUR, std::slice::from_ref(&kept))).await.unwrap();
    assert_eq!(found, Reconciled { orphaned: 2, claimed: 1, ..Reconciled::default() });
    let states: Vec<_> = test.items(&job.id).await.iter().map(|item| item.state).collect();
    assert_eq!(states, [ItemState::Queued, ItemState::Claimed, ItemState::Queued]);
    // The late outcome is ignored, and the job ends all the same.
    assert_eq!(test.settle(&claims[0].lease, done(&claims[0].lease)).await, Settled::Stale);
    test.settle(&kept, done(&kept)).await;
    test.process_all().await;
    assert_eq!(test.job(&job.id).await.state, JobState::Completed);
    test.check_counters().await;
}

async fn leases_of_unanswered_claims_are_not_compared(test: StoreUnderTest) {
    test.create_job(2).await;
    let second = ClaimRequest { sequence: 2, ..claim_request(1) };
    test.claim(1).await;
    test.store.claim(&second).await.unwrap();
    let beat = Heartbeat { answered: 1, ..heartbeat(owner(), HOUR, &[]) };
    let found = test.store.heartbeat(&beat).await.unwrap();
    assert_eq!((found.orphaned, found.claimed), (1, 1));
    let beat = Heartbeat { answered: 2, ..beat };
    let found = test.store.heartbeat(&beat).await.unwrap();
    assert_eq!((found.orphaned, found.claimed), (1, 0));
}

async fn a_suspect_that_goes_back_stays_a_suspect(test: StoreUnderTest) {
    test.create_job(1).await;
    test.make_suspects(1).await;
    assert_eq!(test.claim_suspect().await.items.len(), 1);
    assert_eq!(test.store.heartbeat(&heartbeat(owner(), HOUR, &[])).await.unwrap().orphaned, 1);
    assert!(test.claim(9).await.is_empty());
    assert_eq!(test.claim_suspect().await.items.len(), 1);
}

async fn leases_of_other_processes_are_not_compared(test: StoreUnderTest) {
    test.create_job(2).await;
    test.claim(1).await;
    let another = Owner("another".into());
    test.store.claim(&ClaimRequest { owner: another.clone(), ..claim_request(1) }).await.unwrap();
    assert_eq!(test.store.heartbeat(&heartbeat(another, HOUR, &[])).await.unwrap().orphaned, 1);
    assert_eq!(test.claim(9).await.len(), 1);
    assert_eq!(test.reap().await.returned, 0);
}

async fn items_of_a_process_that_leaves_can_be_reaped(test: StoreUnderTest) {
    test.create_job(2).await;
    test.claim(2).await;
    test.store.leave(&owner()).await.unwrap();
    assert_eq!(test.reap().await.returned, 2);
}

async fn a_claim_without_a_heartbeat_makes_its_owner_alive(test: StoreUnderTest) {
    test.create_job(1).await;
    let request =
        ClaimRequest { owner: Owner("new".into()), selection: Selection::InTurn, ..claim_request(1) };
    assert_eq!(test.store.claim(&request).await.unwrap().items.len(), 1);
    assert_eq!(test.reap().await.returned, 0);
    let processes = test.store.processes().await.unwrap();
    assert_eq!((processes.len(), processes[0].alive, processes[0].pictures), (1, true, 1));
}

on_all_stores!(
    leases_are_valid_while_their_process_sends_heartbeats,
    items_that_the_process_does_not_hold_go_back_to_the_queue,
    leases_of_unanswered_claims_are_not_compared,
    a_suspect_that_goes_back_stays_a_suspect,
    leases_of_other_processes_are_not_compared,
    items_of_a_process_that_leaves_can_be_reaped,
    a_claim_without_a_heartbeat_makes_its_owner_alive,
);
