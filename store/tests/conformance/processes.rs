//! Tests what the processes of a store share: live processes, duties, pauses, stalled jobs and the removal of blobs.

use std::sync::atomic::Ordering;
use std::time::Duration;

use huemill_store::job::{JobKind, NewJob};
use huemill_store::store::{Expired, Heartbeat, Owner, Role, Store};

use crate::builders::{HOUR, heartbeat, new_job, owner};
use crate::harness::{StoreUnderTest, on_all_stores};

async fn live_processes_and_their_slots_are_counted(test: StoreUnderTest) {
    let beat = |name: &str, role, lease| Heartbeat { role, ..heartbeat(Owner(name.into()), lease, &[]) };
    test.store.heartbeat(&beat("worker", Role::Worker, HOUR)).await.unwrap();
    test.store.heartbeat(&beat("web", Role::Web, HOUR)).await.unwrap();
    test.store.heartbeat(&beat("gone", Role::All, Duration::ZERO)).await.unwrap();
    let figures = test.store.figures().await.unwrap();
    assert_eq!((figures.processes, figures.slots), (2, 2), "a web process has no slots");
    let mut seen: Vec<_> = test.store.processes().await.unwrap();
    seen.sort_by(|a, b| a.owner.0.cmp(&b.owner.0));
    let seen: Vec<_> = seen.iter().map(|process| (&*process.owner.0, process.role, process.alive)).collect();
    assert_eq!(seen, [("gone", Role::All, false), ("web", Role::Web, true), ("worker", Role::Worker, true)]);
}

async fn one_process_at_a_time_holds_a_duty(test: StoreUnderTest) {
    let other = Owner("other".into());
    let hold = async |owner: &Owner, lease| test.store.hold_duty(owner, "sweep", lease).await.unwrap();
    assert!(hold(&owner(), HOUR).await);
    assert!(hold(&owner(), HOUR).await);
    if test.store.is_sole_writer() {
        assert!(hold(&other, HOUR).await, "there is no other process");
        test.store.heartbeat(&heartbeat(owner(), HOUR, &[])).await.unwrap();
        assert_eq!(test.store.processes().await.unwrap()[0].duties, ["sweep"]);
        return;
    }
    assert!(!hold(&other, HOUR).await);
    test.store.heartbeat(&heartbeat(owner(), HOUR, &[])).await.unwrap();
    assert_eq!(test.store.processes().await.unwrap()[0].duties, ["sweep"]);
    assert!(hold(&owner(), Duration::ZERO).await);
    assert!(hold(&other, HOUR).await, "the lease has expired");
    test.store.leave(&other).await.unwrap();
    assert!(hold(&owner(), HOUR).await, "its holder has left");
}

async fn items_of_paused_jobs_are_not_claimed(test: StoreUnderTest) {
    test.create(NewJob { kind: JobKind::Zip, ..new_job(1) }).await;
    let images = test.create(NewJob { kind: JobKind::Image, ..new_job(3) }).await;
    test.store.pause(Some(JobKind::Zip)).await.unwrap();
    test.store.pause(Some(JobKind::Zip)).await.unwrap();
    assert_eq!(test.store.pauses().await.unwrap(), [Some(JobKind::Zip)]);
    assert!(test.claim(2).await.iter().all(|claim| claim.lease.job == images.id));
    test.store.pause(None).await.unwrap();
    assert!(test.claim(9).await.is_empty());
    test.store.resume(Some(JobKind::Zip)).await.unwrap();
    assert_eq!(test.store.pauses().await.unwrap(), [None]);
    test.store.resume(None).await.unwrap();
    assert!(test.store.pauses().await.unwrap().is_empty());
    assert_eq!(test.claim(9).await.len(), 2);
}

async fn suspects_of_paused_jobs_are_not_claimed(test: StoreUnderTest) {
    test.create(NewJob { kind: JobKind::Zip, ..new_job(1) }).await;
    test.make_suspects(1).await;
    test.store.pause(Some(JobKind::Zip)).await.unwrap();
    assert!(test.claim_suspect().await.items.is_empty());
    test.store.resume(None).await.unwrap();
    assert_eq!(test.claim_suspect().await.items.len(), 1);
}

async fn a_job_that_makes_no_progress_is_stalled(test: StoreUnderTest) {
    let stalled = async |quiet| test.store.stalled(quiet).await.unwrap();
    test.create_job(2).await;
    test.claim(1).await;
    assert_eq!(stalled(Duration::ZERO).await, 0, "its next picture is queued");
    test.claim(1).await;
    assert_eq!((stalled(Duration::ZERO).await, stalled(HOUR).await), (1, 0));
    test.process_all().await;
    // No process works on the two items that were claimed before.
    assert_eq!(test.store.heartbeat(&heartbeat(owner(), HOUR, &[])).await.unwrap().orphaned, 2);
    test.process_all().await;
    assert_eq!(stalled(Duration::ZERO).await, 0);
}

async fn blobs_that_cannot_be_removed_are_deferred_and_counted_until_they_are_removed(test: StoreUnderTest) {
    let (stuck, gone) = (test.create_job(1).await, test.create_job(1).await);
    test.process_all().await;
    let bytes = test.store.figures().await.unwrap().blob_bytes;
    assert_eq!(bytes, 2 * (1_000 + 1_234), "inputs and cards");
    test.store.not_removed(&stuck.id, HOUR).await.unwrap();
    let due = test.store.removable(9).await.unwrap();
    assert_eq!(due.iter().map(|due| &due.job).collect::<Vec<_>>(), [&gone.id]);
    test.store.removed(&due).await.unwrap();
    assert_eq!(test.store.figures().await.unwrap().blob_bytes, bytes - 1_000);
    test.store.not_removed(&stuck.id, Duration::ZERO).await.unwrap();
    assert_eq!(test.store.removable(9).await.unwrap()[0].failures, 2);
    for job in [&stuck.id, &gone.id] {
        test.store.delete(job).await.unwrap();
    }
    let due = test.store.removable(9).await.unwrap();
    test.store.removed(&due).await.unwrap();
    assert_eq!(test.store.figures().await.unwrap().blob_bytes, 0);
    test.check_counters().await;
}

on_all_stores!(
    live_processes_and_their_slots_are_counted,
    one_process_at_a_time_holds_a_duty,
    items_of_paused_jobs_are_not_claimed,
    suspects_of_paused_jobs_are_not_claimed,
    a_job_that_makes_no_progress_is_stalled,
    blobs_that_cannot_be_removed_are_deferred_and_counted_until_they_are_removed,
);

#[tokio::test]
async fn nothing_expires_for_a_while_after_the_clock_jumped_ahead() {
    let test = StoreUnderTest::sqlite().await;
    let job = test.create_job(1).await;
    let wall = &test.clock.wall;
    let expire = async || test.store.expire(9, HOUR).await.unwrap();
    assert_eq!(expire().await, Expired::default());
    wall.fetch_add(86_400_000, Ordering::Relaxed);
    let jumped = expire().await;
    assert_eq!((jumped.jumped, jumped.waiting), (Some(HOUR * 24), true));
    assert_eq!(expire().await, Expired { waiting: true, ..Expired::default() });
    // Once the clock is corrected, nothing is lost.
    wall.fetch_sub(86_400_000, Ordering::Relaxed);
    assert_eq!(expire().await, Expired::default());
    // If the clock stays ahead, it is accepted after a while.
    wall.fetch_add(86_400_000, Ordering::Relaxed);
    expire().await;
    wall.fetch_add(3_600_000, Ordering::Relaxed);
    assert_eq!(expire().await.jobs, [job.id]);
}
