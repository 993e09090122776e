//! How jobs end, what that puts into the outbox, and what is cleared away after.

use std::time::Duration;

use huemill_store::job::{ItemState, Job, JobId, JobState, NewJob};
use huemill_store::store::{Canceled, Collected, Ended, Removable, Settled, Store};

use crate::bench::{Bench, HOUR, done, failed, new_id, new_job, on_both_stores};

fn with_callback(items: u32) -> NewJob {
    NewJob { callback_url: Some("https://example.org/hook".into()), ..new_job(items) }
}

fn ended(settled: Settled) -> Ended {
    match settled {
        Settled::Counted(Some(ended)) => *ended,
        other => panic!("{other:?}"),
    }
}

async fn deliveries(bench: &Bench) -> u64 {
    bench.store.figures().await.unwrap().deliveries
}

fn inputs(job: &JobId) -> Removable {
    Removable { job: job.clone(), everything: false, failures: 0 }
}

fn everything(job: &JobId) -> Removable {
    Removable { job: job.clone(), everything: true, failures: 0 }
}

async fn one_result_completes_a_job_and_none_fails_it(bench: Bench) {
    for (succeed, state) in [(true, JobState::Completed), (false, JobState::Failed)] {
        let job = bench.job_of(2).await;
        let claims = bench.claim(2).await;
        bench.settle(&claims[0].lease, failed()).await;
        let outcome = if succeed { done(&claims[1].lease) } else { failed() };
        let ended = ended(bench.settle(&claims[1].lease, outcome).await);
        assert_eq!((ended.job.state, ended.job.eta_s, ended.job.progress()), (state, 0, 100));
        assert!(ended.job.finished_at >= ended.job.started_at);
        assert_eq!(bench.job(&job.id).await, ended.job);
        assert_eq!(bench.heard().last().unwrap(), &(&ended.job).into());
    }
}

async fn every_end_of_a_job_with_a_callback_puts_one_delivery_into_the_outbox(bench: Bench) {
    bench.create(with_callback(1)).await;
    bench.job_of(1).await;
    bench.work_off().await;
    assert_eq!(deliveries(&bench).await, 1);
    bench.create(with_callback(1)).await;
    let lease = bench.claim(1).await.remove(0).lease;
    ended(bench.settle(&lease, failed()).await);
    assert_eq!(deliveries(&bench).await, 2);
    let canceled = bench.create(with_callback(1)).await;
    bench.store.cancel(&canceled.id).await.unwrap();
    bench.store.cancel(&canceled.id).await.unwrap();
    assert_eq!(deliveries(&bench).await, 3);
    let deleted = bench.create(with_callback(1)).await;
    bench.store.delete(&deleted.id).await.unwrap();
    assert_eq!(deliveries(&bench).await, 3);
}

async fn a_canceled_job_keeps_what_was_done(bench: Bench) {
    let job = bench.job_of(3).await;
    let claims = bench.claim(2).await;
    bench.settle(&claims[0].lease, done(&claims[0].lease)).await;
    let Canceled::Now(ended) = bench.store.cancel(&job.id).await.unwrap() else { panic!("it was live") };
    assert_eq!((ended.job.state, ended.job.succeeded), (JobState::Canceled, 1));
    let states: Vec<_> = bench.items(&job.id).await.iter().map(|item| item.state).collect();
    assert_eq!(states, [ItemState::Done, ItemState::Canceled, ItemState::Canceled]);
    assert_eq!(bench.settle(&claims[1].lease, done(&claims[1].lease)).await, Settled::Stale);
    assert_eq!(bench.store.give_back(&[claims[1].lease.clone()]).await.unwrap(), 0);
    assert!(bench.claim(9).await.is_empty());
    assert_eq!(bench.store.cancel(&job.id).await.unwrap(), Canceled::Before(ended.job.clone()));
    assert_eq!(bench.job(&job.id).await, ended.job);
}

async fn a_job_that_never_began_is_canceled_too(bench: Bench) {
    let job = bench.job_of(1).await;
    let Canceled::Now(ended) = bench.store.cancel(&job.id).await.unwrap() else { panic!("it was live") };
    assert_eq!((ended.job.started_at, ended.processing), (None, Duration::ZERO));
    assert_eq!(bench.store.cancel(&new_id()).await.unwrap(), Canceled::Unknown);
}

async fn a_job_that_has_ended_cannot_be_canceled(bench: Bench) {
    let job = bench.job_of(1).await;
    bench.work_off().await;
    let done = bench.job(&job.id).await;
    assert_eq!(bench.store.cancel(&job.id).await.unwrap(), Canceled::TooLate(done.clone()));
    assert_eq!(bench.job(&job.id).await, done);
}

async fn a_cancel_that_races_the_last_item_leaves_one_ending(bench: Bench) {
    for _ in 0..20 {
        let job = bench.create(with_callback(1)).await;
        bench.heard();
        let lease = bench.claim(1).await.remove(0).lease;
        let outcome = done(&lease);
        let (settled, canceled) =
            tokio::join!(bench.store.settle(&lease, outcome, 1), bench.store.cancel(&job.id));
        let state = match (settled.unwrap(), canceled.unwrap()) {
            (Settled::Counted(Some(_)), Canceled::TooLate(_)) => JobState::Completed,
            (Settled::Stale, Canceled::Now(_)) => JobState::Canceled,
            other => panic!("{other:?}"),
        };
        let now = bench.job(&job.id).await;
        assert_eq!((now.state, now.version), (state, 3));
        assert_eq!(bench.heard().len(), 2);
    }
    assert_eq!(deliveries(&bench).await, 20);
}

async fn a_completed_job_is_fetched_for_the_first_time_once(bench: Bench) {
    let job = bench.job_of(1).await;
    assert!(!bench.store.fetched(&job.id).await.unwrap(), "it has no results yet");
    bench.work_off().await;
    let before = bench.job(&job.id).await;
    bench.heard();
    let other = bench.again().await;
    let (here, there) = tokio::join!(bench.store.fetched(&job.id), other.fetched(&job.id));
    assert!(here.unwrap() != there.unwrap(), "one of them was the first");
    assert!(!bench.store.fetched(&job.id).await.unwrap());
    // To its clients, the job is what it was.
    assert_eq!(bench.job(&job.id).await, Job { fetched: true, ..before });
    assert!(bench.heard().is_empty());
    let canceled = bench.job_of(1).await;
    bench.store.cancel(&canceled.id).await.unwrap();
    for other in [canceled.id, new_id()] {
        assert!(!bench.store.fetched(&other).await.unwrap());
    }
}

async fn a_deleted_job_is_a_tombstone_at_once(bench: Bench) {
    let job = bench.job_of(2).await;
    let lease = bench.claim(1).await.remove(0).lease;
    assert!(bench.store.delete(&job.id).await.unwrap());
    assert!(!bench.store.delete(&job.id).await.unwrap());
    assert!(!bench.store.delete(&new_id()).await.unwrap());
    let tombstone = bench.job(&job.id).await;
    assert_eq!((tombstone.state, tombstone.version), (JobState::Expired, 3));
    assert!(bench.items(&job.id).await.is_empty());
    assert!(bench.claim(9).await.is_empty());
    assert_eq!(bench.settle(&lease, done(&lease)).await, Settled::Stale);
    assert!(matches!(bench.store.cancel(&job.id).await.unwrap(), Canceled::TooLate(_)));
    assert_eq!(bench.store.removable(9).await.unwrap(), [everything(&job.id)]);
    assert_eq!(bench.heard().last().unwrap().state, JobState::Expired);
}

async fn jobs_past_their_time_expire_and_others_stay(bench: Bench) {
    let mut over =
        [bench.create(brief()).await.id, bench.create(brief()).await.id, bench.create(brief()).await.id];
    over.sort();
    let kept = bench.job_of(1).await;
    let mut expired = bench.store.expire(2, HOUR).await.unwrap().jobs;
    assert_eq!(expired.len(), 2);
    expired.extend(bench.store.expire(9, HOUR).await.unwrap().jobs);
    expired.sort();
    assert_eq!(expired, over);
    assert!(bench.store.expire(9, HOUR).await.unwrap().jobs.is_empty());
    assert_eq!(bench.job(&kept.id).await.state, JobState::Queued);
    assert_eq!(bench.job(&over[0]).await.state, JobState::Expired);
    assert!(bench.items(&over[0]).await.is_empty());
    let ids = [over[0].clone(), kept.id.clone(), new_id()];
    let living = bench.store.living(&ids).await.unwrap();
    assert_eq!(living.into_iter().collect::<Vec<_>>(), [kept.id]);
}

fn brief() -> NewJob {
    NewJob { ttl: Duration::ZERO, ..new_job(1) }
}

async fn blobs_are_due_until_they_are_gone(bench: Bench) {
    let job = bench.job_of(1).await;
    assert!(bench.store.removable(9).await.unwrap().is_empty());
    bench.work_off().await;
    assert_eq!(bench.store.removable(9).await.unwrap(), [inputs(&job.id)]);
    assert_eq!(bench.store.removable(9).await.unwrap().len(), 1);
    // Deleted while its inputs were being removed: what that settles is not the rest.
    bench.store.delete(&job.id).await.unwrap();
    bench.store.removed(&[inputs(&job.id)]).await.unwrap();
    assert_eq!(bench.store.removable(9).await.unwrap(), [everything(&job.id)]);
    bench.store.removed(&[everything(&job.id)]).await.unwrap();
    assert!(bench.store.removable(9).await.unwrap().is_empty());
}

async fn a_tombstone_goes_when_it_is_old_and_its_blobs_are_gone(bench: Bench) {
    let job = bench.create(with_callback(1)).await;
    bench.work_off().await;
    bench.store.delete(&job.id).await.unwrap();
    assert_eq!(bench.store.collect(9, Duration::ZERO).await.unwrap(), Collected::default());
    bench.store.removed(&[everything(&job.id)]).await.unwrap();
    assert_eq!(bench.store.collect(9, HOUR).await.unwrap(), Collected::default());
    assert_eq!(bench.store.collect(9, Duration::ZERO).await.unwrap().jobs, 1);
    assert!(bench.store.job(&job.id).await.unwrap().is_none());
    assert_eq!(deliveries(&bench).await, 0);
}

async fn collecting_stops_at_its_batch_and_says_so(bench: Bench) {
    for _ in 0..3 {
        let job = bench.job_of(1).await;
        bench.store.delete(&job.id).await.unwrap();
        bench.store.removed(&[everything(&job.id)]).await.unwrap();
    }
    let collected = bench.store.collect(2, Duration::ZERO).await.unwrap();
    assert_eq!((collected.jobs, collected.more), (2, true));
    let collected = bench.store.collect(2, Duration::ZERO).await.unwrap();
    assert_eq!((collected.jobs, collected.more), (1, false));
}

on_both_stores!(
    one_result_completes_a_job_and_none_fails_it,
    every_end_of_a_job_with_a_callback_puts_one_delivery_into_the_outbox,
    a_canceled_job_keeps_what_was_done,
    a_job_that_never_began_is_canceled_too,
    a_job_that_has_ended_cannot_be_canceled,
    a_cancel_that_races_the_last_item_leaves_one_ending,
    a_completed_job_is_fetched_for_the_first_time_once,
    a_deleted_job_is_a_tombstone_at_once,
    jobs_past_their_time_expire_and_others_stay,
    blobs_are_due_until_they_are_gone,
    a_tombstone_goes_when_it_is_old_and_its_blobs_are_gone,
    collecting_stops_at_its_batch_and_says_so,
);
