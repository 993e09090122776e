//! Tests the upgrade of a database from an earlier release that was killed while it ran: nothing is lost.

use huemill_store::job::{ItemState, JobState};
use huemill_store::store::{Canceled, JobFilter, Reaped, Retried, Settled, Store};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

use crate::builders::done;
use crate::harness::{Location, StoreUnderTest, on_all_stores};

const SQLITE: &str = include_str!("../fixtures/0.1.0-sqlite.sql");
const POSTGRES: &str = include_str!("../fixtures/0.1.0-postgres.sql");

/// A database of the same kind, in the state in which the earlier release left it.
async fn from_earlier_release(test: StoreUnderTest) -> StoreUnderTest {
    let StoreUnderTest { store, location, .. } = test;
    store.close().await;
    let (location, text) = match location {
        Location::File(_) => (Location::File(tempfile::tempdir().unwrap()), SQLITE.to_owned()),
        server => (server, format!("DROP SCHEMA public CASCADE; CREATE SCHEMA public; {POSTGRES}")),
    };
    let url = match location.url() {
        file if file.starts_with("sqlite:") => format!("{file}?mode=rwc"),
        server => server,
    };
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    StoreUnderTest::open(location).await
}

async fn jobs_of_the_earlier_release_are_kept_and_end(test: StoreUnderTest) {
    let test = from_earlier_release(test).await;
    let jobs = test.store.list(&JobFilter { limit: 9, ..JobFilter::default() }).await.unwrap();
    let states: Vec<_> = jobs.iter().map(|job| job.state).collect();
    assert_eq!(states, [JobState::Processing, JobState::Expired, JobState::Failed, JobState::Completed]);
    let results = test.items(&jobs[3].id).await;
    assert!(results.iter().all(|item| item.state == ItemState::Done && item.result.is_some()));
    assert_eq!(test.store.figures().await.unwrap().dead_letters, 1);
    test.check_counters().await;

    assert_eq!(test.reap().await, Reaped { returned: 3, ..Reaped::default() });
    for _ in 0..3 {
        let lease = test.claim_suspect().await.items.remove(0).lease;
        assert_eq!((&lease.job, lease.attempt), (&jobs[0].id, 2));
        assert!(matches!(test.settle(&lease, done(&lease)).await, Settled::Counted(_)));
    }
    assert_eq!(test.job(&jobs[0].id).await.state, JobState::Completed);
    test.check_counters().await;
}

async fn ended_jobs_of_the_earlier_release_can_be_collected(test: StoreUnderTest) {
    let test = from_earlier_release(test).await;
    let jobs = test.store.list(&JobFilter { limit: 9, ..JobFilter::default() }).await.unwrap();
    assert!(matches!(test.store.retry(&jobs[2].id).await.unwrap(), Retried::Nothing(_)));
    assert!(matches!(test.store.cancel(&jobs[0].id).await.unwrap(), Canceled::Now(_)));
    for job in &jobs {
        test.store.delete(&job.id).await.unwrap();
    }
    let due = test.store.removable(9).await.unwrap();
    test.store.removed(&due).await.unwrap();
    assert_eq!(test.store.collect(9, std::time::Duration::ZERO).await.unwrap().jobs, 4);
    test.check_counters().await;
}

on_all_stores!(
    jobs_of_the_earlier_release_are_kept_and_end,
    ended_jobs_of_the_earlier_release_can_be_collected
);
