//! Tests what happens when a process opens a database that exists already, also one of another version.

use std::sync::Arc;

use huemill_store::store::{Store, StoreError};
use sqlx::{AnyConnection, Connection};

use crate::harness::{StoreUnderTest, TestClock, connect, on_all_stores};

async fn committed_data_survives_a_restart(test: StoreUnderTest) {
    let job = test.create_job(2).await;
    test.store.close().await;
    assert!(matches!(test.store.job(&job.id).await, Err(StoreError::Away(_))));
    assert!(matches!(test.store.probe(&crate::builders::owner()).await, Err(StoreError::Away(_))));
    let again = test.reopen().await;
    assert_eq!(again.job(&job.id).await.unwrap().unwrap(), job);
}

async fn a_database_of_a_newer_version_is_rejected_unless_it_supports_this_one(test: StoreUnderTest) {
    let job = test.create_job(2).await;
    test.store.close().await;
    let mut connection = AnyConnection::connect(&test.url()).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         SELECT 9999, description, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    // The newer version only adds things.
    assert_eq!(test.reopen().await.job(&job.id).await.unwrap().unwrap(), job);
    sqlx::query("UPDATE compatibility SET oldest = 9999").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let result = connect(&test.location, &Arc::new(TestClock::default()), &Arc::default()).await;
    assert!(matches!(result.map(|_| ()), Err(StoreError::Newer(_))));
}

async fn processes_that_start_at_the_same_time_agree_on_the_schema(test: StoreUnderTest) {
    let url = test.url();
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
        "caller_usage",
        "access_keys",
        "compatibility",
        "_sqlx_migrations",
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("DROP TABLE {table}")))
            .execute(&mut connection)
            .await
            .unwrap();
    }
    if test.store.is_sole_writer() {
        // Only one process opens a file. It starts again with an empty one.
        test.reopen().await.probe(&crate::builders::owner()).await.unwrap();
        return;
    }
    let (first, second, third) = tokio::join!(test.reopen(), test.reopen(), test.reopen());
    for store in [first, second, third] {
        store.probe(&crate::builders::owner()).await.unwrap();
    }
}

on_all_stores!(
    committed_data_survives_a_restart,
    a_database_of_a_newer_version_is_rejected_unless_it_supports_this_one,
    processes_that_start_at_the_same_time_agree_on_the_schema,
);
