//! Tests a database that becomes unavailable and comes back: callers get an error, and nothing needs a restart.

use std::sync::Arc;

use huemill_store::store::{Store, StoreError};
use sqlx::{AnyConnection, Connection};

use crate::harness::{Location, StoreUnderTest};
use crate::postgres::Cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_unavailable_and_works_again_after_its_restart() {
    crate::servers::require!(PostgreSql);
    let (cluster, url) = tokio::task::spawn_blocking(|| {
        let cluster = Cluster::start();
        let url = cluster.database();
        (Arc::new(cluster), url)
    })
    .await
    .unwrap();
    let test = StoreUnderTest::open(Location::Server(url)).await;
    let job = test.create_job(2).await;
    let lease = test.claim(1).await.remove(0).lease;
    let server = cluster.clone();
    tokio::task::spawn_blocking(move || server.kill()).await.unwrap();

    assert!(matches!(test.store.job(&job.id).await, Err(StoreError::Away(_))));
    assert!(matches!(test.store.probe(&crate::builders::owner()).await, Err(StoreError::Away(_))));
    let settled = test.store.settle(&lease, crate::builders::done(&lease), 1).await;
    assert!(matches!(settled, Err(StoreError::Away(_))));

    let server = cluster.clone();
    tokio::task::spawn_blocking(move || server.revive()).await.unwrap();
    test.store.probe(&crate::builders::owner()).await.unwrap();
    test.settle(&lease, crate::builders::done(&lease)).await;
    assert_eq!(test.job(&job.id).await.succeeded, 1);
    test.store.close().await;
    tokio::task::spawn_blocking(move || drop(cluster)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_another_writer_locks_is_unavailable_until_it_is_unlocked() {
    let test = StoreUnderTest::sqlite().await;
    let job = test.create_job(1).await;
    let mut other = AnyConnection::connect(&test.url()).await.unwrap();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    assert!(matches!(test.store.probe(&crate::builders::owner()).await, Err(StoreError::Away(_))));
    assert_eq!(test.job(&job.id).await, job);
    lock.rollback().await.unwrap();
    test.store.probe(&crate::builders::owner()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_write_does_not_fail_the_other_writes_of_its_group() {
    let test = StoreUnderTest::sqlite().await;
    let existing = test.create_job(1).await;
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..40 {
        let mut new = crate::builders::new_job(1);
        if number % 2 == 0 {
            new.id = existing.id.clone();
        }
        let store = test.store.clone();
        callers.spawn(async move { store.create(new).await.is_ok() });
    }
    let succeeded = callers.join_all().await.into_iter().filter(|succeeded| *succeeded).count();
    assert_eq!(succeeded, 20);
    assert_eq!(test.store.figures().await.unwrap().jobs[0], 21);
    assert_eq!(test.notifications().len(), 21);
}
