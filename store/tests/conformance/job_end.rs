//! Tests how jobs end, which deliveries that creates, and how ended jobs expire and are collected.

use std::time::Duration;

use huemill_store::job::{ItemState, Job, JobId, JobState, NewJob};
use huemill_store::store::{Canceled, Collected, EndedJob, Removable, Settled, Store};

use crate::builders::{HOUR, done, failed, new_id, new_job};
use crate::harness::{StoreUnderTest, on_all_stores};

fn with_callback(items: u32) -> NewJob {
    NewJob { callback_url: Some("https://example.org/hook".into()), ..new_job(items) }
}

fn ended(settled: Settled) -> EndedJob {
    match settled {
        Settled::Counted(Some(ended)) => *ended,
        other => panic!("{other:?}"),
    }
}

async fn deliveries(test: &StoreUnderTest) -> u64 {
    test.store.figures().await.unwrap().deliveries
}

fn inputs(job: &JobId) -> Removable {
    Removable { job: job.clone(), everything: false, failures: 0 }
}

fn everything(job: &JobId) -> Removable {
    Removable { job: job.clone(), everything: true, failures: 0 }
}

async fn a_job_with_a_result_completes_and_a_job_without_one_fails(test: StoreUnderTest) {
    for (succeed, state) in [(true, JobState::Completed), (false, JobState::Failed)] {
        let job = test.create_job(2).await;
        let claims = test.claim(2).await;
        test.settle(&claims[0].lease, failed()).await;
        let outcome = if succeed { done(&claims[1].lease) } else { failed() };
        let ended = ended(test.settle(&claims[1].lease, outcome).await);
        assert_eq!((ended.job.state, ended.job.eta_s, ended.job.progress()), (state, 0, 100));
        assert!(ended.job.finished_at >= ended.job.started_at);
        assert_eq!(test.job(&job.id).await, ended.job);
        assert_eq!(test.notifications().last().unwrap(), &(&ended.job).into());
    }
}

async fn each_job_with_a_callback_that_ends_creates_one_delivery(test: StoreUnderTest) {
    test.create(with_callback(1)).await;
    test.create_job(1).await;
    test.process_all().await;
    assert_eq!(deliveries(&test).await, 1);
    test.create(with_callback(1)).await;
    let lease = test.claim(1).await.remove(0).lease;
    ended(test.settle(&lease, failed()).await);
    assert_eq!(deliveries(&test).await, 2);
    let canceled = test.create(with_callback(1)).await;
    test.store.cancel(&canceled.id).await.unwrap();
    test.store.cancel(&canceled.id).await.unwrap();
    assert_eq!(deliveries(&test).await, 3);
    let deleted = test.create(with_callback(1)).await;
    test.store.delete(&deleted.id).await.unwrap();
    assert_eq!(deliveries(&test).await, 3);
}

async fn a_canceled_job_keeps_its_results(test: StoreUnderTest) {
    let job = test.create_job(3).await;
    let claims = test.claim(2).await;
    test.settle(&claims[0].lease, done(&claims[0].lease)).await;
    let Canceled::Now(ended) = test.store.cancel(&job.id).await.unwrap() else { panic!("the job was live") };
    assert_eq!((ended.job.state, ended.job.succeeded), (JobState::Canceled, 1));
    let states: Vec<_> = test.items(&job.id).await.iter().map(|item| item.state).collect();
    assert_eq!(states, [ItemState::Done, ItemState::Canceled, ItemState::Canceled]);
    assert_eq!(test.settle(&claims[1].lease, done(&claims[1].lease)).await, Settled::Stale);
    assert_eq!(test.store.give_back(&[claims[1].lease.clone()]).await.unwrap(), 0);
    assert!(test.claim(9).await.is_empty());
    assert_eq!(test.store.cancel(&job.id).await.unwrap(), Canceled::Before(ended.job.clone()));
    assert_eq!(test.job(&job.id).await, ended.job);
}

async fn a_job_that_has_not_started_can_be_canceled(test: StoreUnderTest) {
    let job = test.create_job(1).await;
    let Canceled::Now(ended) = test.store.cancel(&job.id).await.unwrap() else { panic!("the job was live") };
    assert_eq!((ended.job.started_at, ended.processing), (None, Duration::ZERO));
    assert_eq!(test.store.cancel(&new_id()).await.unwrap(), Canceled::Unknown);
}

async fn a_job_that_has_ended_cannot_be_canceled(test: StoreUnderTest) {
    let job = test.create_job(1).await;
    test.process_all().await;
    let done = test.job(&job.id).await;
    assert_eq!(test.store.cancel(&job.id).await.unwrap(), Canceled::TooLate(done.clone()));
    assert_eq!(test.job(&job.id).await, done);
}

async fn a_job_ends_once_when_a_cancel_races_its_last_item(test: StoreUnderTest) {
    for _ in 0..20 {
        let job = test.create(with_callback(1)).await;
        test.notifications();
        let lease = test.claim(1).await.remove(0).lease;
        let outcome = done(&lease);
        let (settled, canceled) =
            tokio::join!(test.store.settle(&lease, outcome, 1), test.store.cancel(&job.id));
        let state = match (settled.unwrap(), canceled.unwrap()) {
            (Settled::Counted(Some(_)), Canceled::TooLate(_)) => JobState::Completed,
            (Settled::Stale, Canceled::Now(_)) => JobState::Canceled,
            other => panic!("{other:?}"),
        };
        let now = test.job(&job.id).await;
        assert_eq!((now.state, now.version), (state, 3));
        assert_eq!(test.notifications().len(), 2);
    }
    assert_eq!(deliveries(&test).await, 20);
}

async fn the_first_fetch_of_a_completed_job_is_reported_once(test: StoreUnderTest) {
    let job = test.create_job(1).await;
    assert!(!test.store.fetched(&job.id).await.unwrap(), "the job has no results yet");
    test.process_all().await;
    let before = test.job(&job.id).await;
    test.notifications();
    let other = test.reopen().await;
    let (here, there) = tokio::join!(test.store.fetched(&job.id), other.fetched(&job.id));
    assert!(here.unwrap() != there.unwrap(), "exactly one call is the first");
    assert!(!test.store.fetched(&job.id).await.unwrap());
    // For clients, the job has not changed.
    assert_eq!(test.job(&job.id).await, Job { fetched: true, ..before });
    assert!(test.notifications().is_empty());
    let canceled = test.create_job(1).await;
    test.store.cancel(&canceled.id).await.unwrap();
    for other in [canceled.id, new_id()] {
        assert!(!test.store.fetched(&other).await.unwrap());
    }
}

async fn a_deleted_job_becomes_a_tombstone_at_once(test: StoreUnderTest) {
    let job = test.create_job(2).await;
    let lease = test.claim(1).await.remove(0).lease;
    assert!(test.store.delete(&job.id).await.unwrap());
    assert!(!test.store.delete(&job.id).await.unwrap());
    assert!(!test.store.delete(&new_id()).await.unwrap());
    let tombstone = test.job(&job.id).await;
    assert_eq!((tombstone.state, tombstone.version), (JobState::Expired, 3));
    assert!(test.items(&job.id).await.is_empty());
    assert!(test.claim(9).await.is_empty());
    assert_eq!(test.settle(&lease, done(&lease)).await, Settled::Stale);
    assert!(matches!(test.store.cancel(&job.id).await.unwrap(), Canceled::TooLate(_)));
    assert_eq!(test.store.removable(9).await.unwrap(), [everything(&job.id)]);
    assert_eq!(test.notifications().last().unwrap().state, JobState::Expired);
}

async fn jobs_expire_after_their_ttl(test: StoreUnderTest) {
    let mut over = [
        test.create(short_lived()).await.id,
        test.create(short_lived()).await.id,
        test.create(short_lived()).await.id,
    ];
    over.sort();
    let kept = test.create_job(1).await;
    let mut expired = test.store.expire(2, HOUR).await.unwrap().jobs;
    assert_eq!(expired.len(), 2);
    expired.extend(test.store.expire(9, HOUR).await.unwrap().jobs);
    expired.sort();
    assert_eq!(expired, over);
    assert!(test.store.expire(9, HOUR).await.unwrap().jobs.is_empty());
    assert_eq!(test.job(&kept.id).await.state, JobState::Queued);
    assert_eq!(test.job(&over[0]).await.state, JobState::Expired);
    assert!(test.items(&over[0]).await.is_empty());
    let ids = [over[0].clone(), kept.id.clone(), new_id()];
    let living = test.store.living(&ids).await.unwrap();
    assert_eq!(living.into_iter().collect::<Vec<_>>(), [kept.id]);
}

fn short_lived() -> NewJob {
    NewJob { ttl: Duration::ZERO, ..new_job(1) }
}

async fn blobs_are_due_until_they_are_removed(test: StoreUnderTest) {
    let job = test.create_job(1).await;
    assert!(test.store.removable(9).await.unwrap().is_empty());
    test.process_all().await;
    assert_eq!(test.store.removable(9).await.unwrap(), [inputs(&job.id)]);
    assert_eq!(test.store.removable(9).await.unwrap().len(), 1);
    // The job is deleted while its inputs are being removed. Its other blobs must still be due.
    test.store.delete(&job.id).await.unwrap();
    test.store.removed(&[inputs(&job.id)]).await.unwrap();
    assert_eq!(test.store.removable(9).await.unwrap(), [everything(&job.id)]);
    test.store.removed(&[everything(&job.id)]).await.unwrap();
    assert!(test.store.removable(9).await.unwrap().is_empty());
}

async fn an_old_tombstone_is_collected_once_its_blobs_are_removed(test: StoreUnderTest) {
    let job = test.create(with_callback(1)).await;
    test.process_all().await;
    test.store.delete(&job.id).await.unwrap();
    assert_eq!(test.store.collect(9, Duration::ZERO).await.unwrap(), Collected::default());
    test.store.removed(&[everything(&job.id)]).await.unwrap();
    assert_eq!(test.store.collect(9, HOUR).await.unwrap(), Collected::default());
    assert_eq!(test.store.collect(9, Duration::ZERO).await.unwrap().jobs, 1);
    assert!(test.store.job(&job.id).await.unwrap().is_none());
    assert_eq!(deliveries(&test).await, 0);
}

async fn a_collection_stops_at_its_limit_and_reports_more(test: StoreUnderTest) {
    for _ in 0..3 {
        let job = test.create_job(1).await;
        test.store.delete(&job.id).await.unwrap();
        test.store.removed(&[everything(&job.id)]).await.unwrap();
    }
    let collected = test.store.collect(2, Duration::ZERO).await.unwrap();
    assert_eq!((collected.jobs, collected.more), (2, true));
    let collected = test.store.collect(2, Duration::ZERO).await.unwrap();
    assert_eq!((collected.jobs, collected.more), (1, false));
}

on_all_stores!(
    a_job_with_a_result_completes_and_a_job_without_one_fails,
    each_job_with_a_callback_that_ends_creates_one_delivery,
    a_canceled_job_keeps_its_results,
    a_job_that_has_not_started_can_be_canceled,
    a_job_that_has_ended_cannot_be_canceled,
    a_job_ends_once_when_a_cancel_races_its_last_item,
    the_first_fetch_of_a_completed_job_is_reported_once,
    a_deleted_job_becomes_a_tombstone_at_once,
    jobs_expire_after_their_ttl,
    blobs_are_due_until_they_are_removed,
    an_old_tombstone_is_collected_once_its_blobs_are_removed,
    a_collection_stops_at_its_limit_and_reports_more,
);
