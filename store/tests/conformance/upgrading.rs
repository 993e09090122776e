//! A store that an earlier release has made, and was killed over: opened by this version, nothing of it is lost.

use huemill_store::job::{ItemState, JobState};
use huemill_store::store::{Canceled, Listing, Reaped, Retried, Settled, Store};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

use crate::bench::{Bench, Place, done, on_both_stores};

const SQLITE: &str = include_str!("../fixtures/0.1.0-sqlite.sql");
const POSTGRES: &str = include_str!("../fixtures/0.1.0-postgres.sql");

/// The same kind of place as this one, as the earlier release left it.
async fn left_by_the_release(bench: Bench) -> Bench {
    let Bench { store, place, .. } = bench;
    store.close().await;
    let (place, text) = match place {
        Place::File(_) => (Place::File(tempfile::tempdir().unwrap()), SQLITE.to_owned()),
        server => (server, format!("DROP SCHEMA public CASCADE; CREATE SCHEMA public; {POSTGRES}")),
    };
    let url = match place.url() {
        file if file.starts_with("sqlite:") => format!("{file}?mode=rwc"),
        server => server,
    };
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    Bench::open(place).await
}

async fn what_the_release_left_is_there_and_ends(bench: Bench) {
    let bench = left_by_the_release(bench).await;
    let jobs = bench.store.list(&Listing { limit: 9, ..Listing::default() }).await.unwrap();
    let states: Vec<_> = jobs.iter().map(|job| job.state).collect();
    assert_eq!(states, [JobState::Processing, JobState::Expired, JobState::Failed, JobState::Completed]);
    let results = bench.items(&jobs[3].id).await;
    assert!(results.iter().all(|item| item.state == ItemState::Done && item.result.is_some()));
    assert_eq!(bench.store.figures().await.unwrap().dead_letters, 1);
    bench.figures_are_true().await;

    assert_eq!(bench.reap().await, Reaped { returned: 3, ..Reaped::default() });
    for _ in 0..3 {
        let lease = bench.suspect().await.items.remove(0).lease;
        assert_eq!((&lease.job, lease.attempt), (&jobs[0].id, 2));
        assert!(matches!(bench.settle(&lease, done(&lease)).await, Settled::Counted(_)));
    }
    assert_eq!(bench.job(&jobs[0].id).await.state, JobState::Completed);
    bench.figures_are_true().await;
}

async fn its_ended_jobs_can_be_cleared_away(bench: Bench) {
    let bench = left_by_the_release(bench).await;
    let jobs = bench.store.list(&Listing { limit: 9, ..Listing::default() }).await.unwrap();
    assert!(matches!(bench.store.retry(&jobs[2].id).await.unwrap(), Retried::Nothing(_)));
    assert!(matches!(bench.store.cancel(&jobs[0].id).await.unwrap(), Canceled::Now(_)));
    for job in &jobs {
        bench.store.delete(&job.id).await.unwrap();
    }
    let due = bench.store.removable(9).await.unwrap();
    bench.store.removed(&due).await.unwrap();
    assert_eq!(bench.store.collect(9, std::time::Duration::ZERO).await.unwrap().jobs, 4);
    bench.figures_are_true().await;
}

on_both_stores!(what_the_release_left_is_there_and_ends, its_ended_jobs_can_be_cleared_away);
