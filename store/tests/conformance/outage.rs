//! A database that goes away and comes back: callers are told, and nothing has to be restarted.

use std::sync::Arc;

use huemill_store::store::{Store, StoreError};
use sqlx::{AnyConnection, Connection};

use crate::bench::{Bench, Place};
use crate::postgres::Cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_is_away_and_serves_again_after_its_start() {
    crate::servers::require!(PostgreSql);
    let (cluster, url) = tokio::task::spawn_blocking(|| {
        let cluster = Cluster::start();
        let url = cluster.database();
        (Arc::new(cluster), url)
    })
    .await
    .unwrap();
    let bench = Bench::open(Place::Server(url)).await;
    let job = bench.job_of(2).await;
    let lease = bench.claim(1).await.remove(0).lease;
    let server = cluster.clone();
    tokio::task::spawn_blocking(move || server.kill()).await.unwrap();

    assert!(matches!(bench.store.job(&job.id).await, Err(StoreError::Away(_))));
    assert!(matches!(bench.store.probe(&crate::bench::owner()).await, Err(StoreError::Away(_))));
    let settled = bench.store.settle(&lease, crate::bench::done(&lease), 1).await;
    assert!(matches!(settled, Err(StoreError::Away(_))));

    let server = cluster.clone();
    tokio::task::spawn_blocking(move || server.revive()).await.unwrap();
    bench.store.probe(&crate::bench::owner()).await.unwrap();
    bench.settle(&lease, crate::bench::done(&lease)).await;
    assert_eq!(bench.job(&job.id).await.succeeded, 1);
    bench.store.close().await;
    tokio::task::spawn_blocking(move || drop(cluster)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_somebody_else_holds_is_away_until_it_is_free() {
    let bench = Bench::sqlite().await;
    let job = bench.job_of(1).await;
    let mut other = AnyConnection::connect(&bench.url()).await.unwrap();
    let hold = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    assert!(matches!(bench.store.probe(&crate::bench::owner()).await, Err(StoreError::Away(_))));
    assert_eq!(bench.job(&job.id).await, job);
    hold.rollback().await.unwrap();
    bench.store.probe(&crate::bench::owner()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_write_does_not_take_its_group_with_it() {
    let bench = Bench::sqlite().await;
    let taken = bench.job_of(1).await;
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..40 {
        let mut new = crate::bench::new_job(1);
        if number % 2 == 0 {
            new.id = taken.id.clone();
        }
        let store = bench.store.clone();
        callers.spawn(async move { store.create(new).await.is_ok() });
    }
    let succeeded = callers.join_all().await.into_iter().filter(|succeeded| *succeeded).count();
    assert_eq!(succeeded, 20);
    assert_eq!(bench.store.figures().await.unwrap().jobs[0], 21);
    assert_eq!(bench.heard().len(), 21);
}
