//! Opening a store that is there already, in whatever version.

use std::sync::Arc;

use huemill_store::store::{Store, StoreError};
use sqlx::{AnyConnection, Connection};

use crate::bench::{Bench, Hands, connect, on_both_stores};

async fn what_was_committed_is_there_after_a_restart(bench: Bench) {
    let job = bench.job_of(2).await;
    bench.store.close().await;
    assert!(matches!(bench.store.job(&job.id).await, Err(StoreError::Away(_))));
    assert!(matches!(bench.store.probe(&crate::bench::owner()).await, Err(StoreError::Away(_))));
    let again = bench.again().await;
    assert_eq!(again.job(&job.id).await.unwrap().unwrap(), job);
}

async fn a_store_of_a_newer_version_is_refused_unless_it_admits_this_one(bench: Bench) {
    let job = bench.job_of(2).await;
    bench.store.close().await;
    let mut connection = AnyConnection::connect(&bench.url()).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         SELECT 9999, description, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    // The newer version only added something.
    assert_eq!(bench.again().await.job(&job.id).await.unwrap().unwrap(), job);
    sqlx::query("UPDATE compatibility SET oldest = 9999").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let refused = connect(&bench.place, &Arc::new(Hands::default()), &Arc::default()).await;
    assert!(matches!(refused.map(|_| ()), Err(StoreError::Newer(_))));
}

async fn processes_that_start_at_once_agree_on_the_schema(bench: Bench) {
    let url = bench.url();
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    for table in [
        "tries",
        "items",
        "jobs",
        "keys",
        "nonces",
        "secrets",
        "deliveries",
        "probe",
        "processes",
        "probes",
        "duties",
        "pauses",
        "expiry_clock",
        "counters",
        "compatibility",
        "_sqlx_migrations",
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("DROP TABLE {table}")))
            .execute(&mut connection)
            .await
            .unwrap();
    }
    if bench.store.is_sole_writer() {
        // One process alone opens a file; it starts over from an empty one.
        bench.again().await.probe(&crate::bench::owner()).await.unwrap();
        return;
    }
    let (first, second, third) = tokio::join!(bench.again(), bench.again(), bench.again());
    for store in [first, second, third] {
        store.probe(&crate::bench::owner()).await.unwrap();
    }
}

on_both_stores!(
    what_was_committed_is_there_after_a_restart,
    a_store_of_a_newer_version_is_refused_unless_it_admits_this_one,
    processes_that_start_at_once_agree_on_the_schema,
);
