//! What the processes of a store share: who lives, who has a duty, what is paused, what is stuck.

use std::sync::atomic::Ordering;
use std::time::Duration;

use huemill_store::job::{JobKind, NewJob};
use huemill_store::store::{Expired, Heartbeat, Owner, Role, Store};

use crate::bench::{Bench, HOUR, heartbeat, new_job, on_both_stores, owner};

async fn living_processes_and_their_slots_are_known(bench: Bench) {
    let beat = |name: &str, role, lease| Heartbeat { role, ..heartbeat(Owner(name.into()), lease, &[]) };
    bench.store.heartbeat(&beat("worker", Role::Worker, HOUR)).await.unwrap();
    bench.store.heartbeat(&beat("web", Role::Web, HOUR)).await.unwrap();
    bench.store.heartbeat(&beat("gone", Role::All, Duration::ZERO)).await.unwrap();
    let figures = bench.store.figures().await.unwrap();
    assert_eq!((figures.processes, figures.slots), (2, 2), "a process that answers alone has no slots");
    let mut seen: Vec<_> = bench.store.processes().await.unwrap();
    seen.sort_by(|a, b| a.owner.0.cmp(&b.owner.0));
    let seen: Vec<_> = seen.iter().map(|process| (&*process.owner.0, process.role, process.alive)).collect();
    assert_eq!(seen, [("gone", Role::All, false), ("web", Role::Web, true), ("worker", Role::Worker, true)]);
}

async fn a_duty_is_one_process_at_a_time(bench: Bench) {
    let other = Owner("other".into());
    let hold = async |owner: &Owner, lease| bench.store.hold_duty(owner, "sweep", lease).await.unwrap();
    assert!(hold(&owner(), HOUR).await);
    assert!(hold(&owner(), HOUR).await);
    if bench.store.is_sole_writer() {
        assert!(hold(&other, HOUR).await, "there is nobody else");
        return;
    }
    assert!(!hold(&other, HOUR).await);
    bench.store.heartbeat(&heartbeat(owner(), HOUR, &[])).await.unwrap();
    assert_eq!(bench.store.processes().await.unwrap()[0].duties, ["sweep"]);
    assert!(hold(&owner(), Duration::ZERO).await);
    assert!(hold(&other, HOUR).await, "it has run out");
    bench.store.leave(&other).await.unwrap();
    assert!(hold(&owner(), HOUR).await, "its holder has left");
}

async fn what_is_paused_is_not_handed_out(bench: Bench) {
    bench.create(NewJob { kind: JobKind::Zip, ..new_job(1) }).await;
    let images = bench.create(NewJob { kind: JobKind::Image, ..new_job(3) }).await;
    bench.store.pause(Some(JobKind::Zip)).await.unwrap();
    bench.store.pause(Some(JobKind::Zip)).await.unwrap();
    assert_eq!(bench.store.pauses().await.unwrap(), [Some(JobKind::Zip)]);
    assert!(bench.claim(2).await.iter().all(|claim| claim.lease.job == images.id));
    bench.store.pause(None).await.unwrap();
    assert!(bench.claim(9).await.is_empty());
    bench.store.resume(Some(JobKind::Zip)).await.unwrap();
    assert_eq!(bench.store.pauses().await.unwrap(), [None]);
    bench.store.resume(None).await.unwrap();
    assert!(bench.store.pauses().await.unwrap().is_empty());
    assert_eq!(bench.claim(9).await.len(), 2);
}

async fn suspects_of_a_paused_kind_wait_too(bench: Bench) {
    bench.create(NewJob { kind: JobKind::Zip, ..new_job(1) }).await;
    bench.claim_and_die(1).await;
    bench.reap().await;
    bench.store.pause(Some(JobKind::Zip)).await.unwrap();
    assert!(bench.suspect().await.items.is_empty());
    bench.store.resume(None).await.unwrap();
    assert_eq!(bench.suspect().await.items.len(), 1);
}

async fn a_job_that_makes_no_progress_is_stalled(bench: Bench) {
    let stalled = async |quiet| bench.store.stalled(quiet).await.unwrap();
    bench.job_of(2).await;
    bench.claim(1).await;
    assert_eq!(stalled(Duration::ZERO).await, 0, "its next picture waits for its turn");
    bench.claim(1).await;
    assert_eq!((stalled(Duration::ZERO).await, stalled(HOUR).await), (1, 0));
    bench.work_off().await;
    // The two that were claimed before are held by no one.
    assert_eq!(bench.store.heartbeat(&heartbeat(owner(), HOUR, &[])).await.unwrap().orphaned, 2);
    bench.work_off().await;
    assert_eq!(stalled(Duration::ZERO).await, 0);
}

async fn blobs_that_cannot_go_are_passed_over_and_counted_once_they_are_gone(bench: Bench) {
    let (stuck, gone) = (bench.job_of(1).await, bench.job_of(1).await);
    bench.work_off().await;
    let bytes = bench.store.figures().await.unwrap().blob_bytes;
    assert_eq!(bytes, 2 * (1_000 + 1_234), "inputs and cards");
    bench.store.not_removed(&stuck.id, HOUR).await.unwrap();
    let due = bench.store.removable(9).await.unwrap();
    assert_eq!(due.iter().map(|due| &due.job).collect::<Vec<_>>(), [&gone.id]);
    bench.store.removed(&due).await.unwrap();
    assert_eq!(bench.store.figures().await.unwrap().blob_bytes, bytes - 1_000);
    bench.store.not_removed(&stuck.id, Duration::ZERO).await.unwrap();
    assert_eq!(bench.store.removable(9).await.unwrap()[0].failures, 2);
    for job in [&stuck.id, &gone.id] {
        bench.store.delete(job).await.unwrap();
    }
    let due = bench.store.removable(9).await.unwrap();
    bench.store.removed(&due).await.unwrap();
    assert_eq!(bench.store.figures().await.unwrap().blob_bytes, 0);
    bench.figures_are_true().await;
}

on_both_stores!(
    living_processes_and_their_slots_are_known,
    a_duty_is_one_process_at_a_time,
    what_is_paused_is_not_handed_out,
    suspects_of_a_paused_kind_wait_too,
    a_job_that_makes_no_progress_is_stalled,
    blobs_that_cannot_go_are_passed_over_and_counted_once_they_are_gone,
);

#[tokio::test]
async fn a_clock_that_jumps_ahead_expires_nothing_for_a_while() {
    let bench = Bench::sqlite().await;
    let job = bench.job_of(1).await;
    let wall = &bench.hands.wall;
    let expire = async || bench.store.expire(9, HOUR).await.unwrap();
    assert_eq!(expire().await, Expired::default());
    wall.fetch_add(86_400_000, Ordering::Relaxed);
    let jumped = expire().await;
    assert_eq!((jumped.jumped, jumped.waiting), (Some(HOUR * 24), true));
    assert_eq!(expire().await, Expired { waiting: true, ..Expired::default() });
    // Set right again, nothing has been lost.
    wall.fetch_sub(86_400_000, Ordering::Relaxed);
    assert_eq!(expire().await, Expired::default());
    // A clock that stays there is right in the end.
    wall.fetch_add(86_400_000, Ordering::Relaxed);
    expire().await;
    wall.fetch_add(3_600_000, Ordering::Relaxed);
    assert_eq!(expire().await.jobs, [job.id]);
}
