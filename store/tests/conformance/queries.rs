//! Tests lists of jobs, the figures and the backup.

use std::os::unix::fs::PermissionsExt;

use huemill_store::job::{Job, JobId, JobKind, JobState, NewJob};
use huemill_store::store::{JobFilter, Store, StoreError};

use crate::builders::{HOUR, new_job};
use crate::harness::{Location, StoreUnderTest, on_all_stores};

async fn ids(test: &StoreUnderTest, filter: JobFilter) -> Vec<JobId> {
    let jobs: Vec<Job> = test.store.list(&filter).await.unwrap();
    jobs.into_iter().map(|job| job.id).collect()
}

async fn a_list_is_filtered_and_starts_with_the_newest_job(test: StoreUnderTest) {
    let mut all = Vec::new();
    for kind in [JobKind::Zip, JobKind::Url, JobKind::Zip, JobKind::Image] {
        all.push(test.create(NewJob { kind, ..new_job(1) }).await.id);
    }
    all.sort();
    all.reverse();
    let page = JobFilter { limit: 10, ..JobFilter::default() };
    assert_eq!(ids(&test, page.clone()).await, all);
    assert_eq!(ids(&test, JobFilter { limit: 2, ..page.clone() }).await, all[..2]);
    assert_eq!(ids(&test, JobFilter { before: Some(all[1].clone()), ..page.clone() }).await, all[2..]);
    test.store.cancel(&all[3]).await.unwrap();
    let canceled = JobFilter { state: Some(JobState::Canceled), ..page.clone() };
    assert_eq!(ids(&test, canceled.clone()).await, all[3..]);
    assert_eq!(ids(&test, JobFilter { kind: Some(JobKind::Zip), ..page.clone() }).await.len(), 2);
    let none = JobFilter { before: Some(all[3].clone()), kind: Some(JobKind::Zip), ..canceled };
    assert!(ids(&test, none).await.is_empty());
}

async fn the_figures_count_jobs_and_items(test: StoreUnderTest) {
    let empty = test.store.figures().await.unwrap();
    assert_eq!((empty.jobs, empty.queued_items, empty.oldest_queued), ([0; 6], 0, None));
    let jobs = [test.create_job(2).await, test.create_job(3).await, test.create_job(4).await];
    test.make_suspects(1).await;
    test.store.cancel(&jobs[1].id).await.unwrap();
    let figures = test.store.figures().await.unwrap();
    assert_eq!(figures.jobs, [1, 1, 0, 0, 1, 0]);
    assert_eq!(figures.queued_items, 6);
    assert!(figures.oldest_queued.unwrap() < HOUR);
}

async fn a_backup_contains_everything_committed_before_it(test: StoreUnderTest) {
    let job = test.create_job(3).await;
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("huemill.db");
    let Location::File(original) = &test.location else {
        assert!(!test.store.is_sole_writer());
        assert!(test.store.backup(&to).await.is_err());
        return;
    };
    assert!(test.store.is_sole_writer());
    test.store.backup(&to).await.unwrap();
    let later = test.create_job(1).await;
    let again = test.store.backup(&to).await;
    assert!(matches!(again, Err(StoreError::Broken(_))), "a backup must not overwrite a file: {again:?}");
    for folder in [original, &folder] {
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            assert_eq!(
                file.metadata().unwrap().permissions().mode() & 0o077,
                0,
                "{file:?} contains secrets, but others can read it"
            );
        }
    }
    let copy = StoreUnderTest::open(Location::File(folder)).await;
    assert_eq!(copy.job(&job.id).await, job);
    assert_eq!(copy.items(&job.id).await.len(), 3);
    assert!(copy.store.job(&later.id).await.unwrap().is_none());
}

on_all_stores!(
    a_list_is_filtered_and_starts_with_the_newest_job,
    the_figures_count_jobs_and_items,
    a_backup_contains_everything_committed_before_it,
);
