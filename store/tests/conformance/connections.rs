//! Tests the settings for PostgreSQL, with and without PgBouncer: the number of connections and the time limits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use huemill_store::sql::{PostgresSettings, SqlStore};
use huemill_store::store::{Store, StoreError};
use sqlx::{AnyConnection, Connection};

use crate::builders::new_job;
use crate::harness::{Location, RecordingListener, StoreUnderTest};
use crate::pgbouncer::PgBouncer;
use crate::postgres::Cluster;

const LIMITS: PostgresSettings = PostgresSettings {
    connections: 2,
    statement_timeout: Duration::from_secs(10),
    lock_timeout: Duration::from_millis(100),
    pgbouncer: false,
};

async fn open(url: &str, settings: PostgresSettings) -> Arc<SqlStore> {
    let store =
        SqlStore::postgres(&url.to_owned().into(), settings, Arc::<RecordingListener>::default()).await;
    Arc::new(store.unwrap())
}

async fn database() -> String {
    tokio::task::spawn_blocking(|| Cluster::shared().database()).await.unwrap()
}

async fn query(url: &str, statement: &'static str) -> String {
    let url = url.to_owned();
    tokio::task::spawn_blocking(move || Cluster::shared().ask(&url, statement)).await.unwrap()
}

async fn pooled(server: &str) -> String {
    let server = server.to_owned();
    tokio::task::spawn_blocking(move || PgBouncer::shared().url(&server)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_opens_no_more_connections_than_configured() {
    crate::servers::require!(PostgreSql);
    let url = database().await;
    let store = open(&url, LIMITS).await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let store = store.clone();
        callers.spawn(async move { store.create(new_job(3)).await.unwrap() });
    }
    callers.join_all().await;
    let count = "SELECT count(*) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert_eq!(query(&url, count).await, "2");
}

/// Checks that a write waits for a locked row no longer than `lock_timeout`, and works once the row is unlocked.
async fn check_lock_timeout(server: &str, url: &str, settings: PostgresSettings) {
    let store = open(url, settings).await;
    let new = new_job(1);
    let id = new.id.clone();
    store.create(new).await.unwrap();
    let mut other = AnyConnection::connect(server).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    sqlx::query("SELECT id FROM jobs FOR UPDATE").fetch_all(&mut *lock).await.unwrap();
    let error = store.cancel(&id).await.unwrap_err();
    let StoreError::Away(text) = &error else { panic!("{error}") };
    assert!(text.contains("lock timeout"), "{text}");
    lock.rollback().await.unwrap();
    store.cancel(&id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_limits_apply_to_a_direct_session() {
    crate::servers::require!(PostgreSql);
    let server = database().await;
    check_lock_timeout(&server, &server, LIMITS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_limits_apply_behind_pgbouncer_and_do_not_change_its_sessions() {
    crate::servers::require!(PostgreSql, PgBouncer);
    let server = database().await;
    let url = pooled(&server).await;
    check_lock_timeout(&server, &url, PostgresSettings { pgbouncer: true, ..LIMITS }).await;
    // Another client on the same server connections gets the server's own limits.
    let mut other = AnyConnection::connect(&url).await.unwrap();
    for _ in 0..4 {
        let rows = sqlx::raw_sql("SHOW lock_timeout").fetch_all(&mut other).await.unwrap();
        assert_eq!(sqlx::Row::get::<String, _>(&rows[0], 0), "0");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_share_the_server_connections_of_pgbouncer() {
    crate::servers::require!(PostgreSql, PgBouncer);
    let server = database().await;
    let url = pooled(&server).await;
    let settings = PostgresSettings { pgbouncer: true, ..PostgresSettings::default() };
    let mut stores = Vec::new();
    for _ in 0..6 {
        stores.push(open(&url, settings).await);
    }
    let mut callers = tokio::task::JoinSet::new();
    for store in stores.iter().flat_map(|store| std::iter::repeat_n(store, 8)) {
        let store = store.clone();
        callers.spawn(async move {
            let new = new_job(2);
            let id = new.id.clone();
            store.create(new).await.unwrap();
            store.job(&id).await.unwrap().unwrap();
            assert_eq!(store.items(&id, 0, 9).await.unwrap().len(), 2);
            store.cancel(&id).await.unwrap();
        });
    }
    callers.join_all().await;
    assert_eq!(query(&server, "SELECT count(*) FROM jobs WHERE state = 'canceled'").await, "48");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_behind_pgbouncer_is_unavailable_and_works_again_after_its_restart() {
    crate::servers::require!(PostgreSql, PgBouncer);
    let (cluster, pgbouncer, server) = tokio::task::spawn_blocking(|| {
        let cluster = Cluster::start();
        let server = cluster.database();
        (Arc::new(cluster), PgBouncer::start(&server), server)
    })
    .await
    .unwrap();
    let location = Location::Pooled(server.clone(), pgbouncer.url(&server));
    let test = StoreUnderTest::open(location).await;
    let job = test.create_job(1).await;
    let killed = cluster.clone();
    tokio::task::spawn_blocking(move || killed.kill()).await.unwrap();
    assert!(matches!(test.store.job(&job.id).await, Err(StoreError::Away(_))));
    assert!(matches!(test.store.probe(&crate::builders::owner()).await, Err(StoreError::Away(_))));
    let restarted = cluster.clone();
    tokio::task::spawn_blocking(move || restarted.revive()).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = test.store.probe(&crate::builders::owner()).await {
        assert!(matches!(error, StoreError::Away(_)) && Instant::now() < deadline, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(test.job(&job.id).await, job);
    test.store.close().await;
    tokio::task::spawn_blocking(move || drop((pgbouncer, cluster))).await.unwrap();
}
