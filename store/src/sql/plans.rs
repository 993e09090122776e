//! Which index each statement of the queue goes by: its cost must not grow with the jobs that wait or have ended.

#![allow(clippy::unwrap_used)]

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

use super::{claim, deferred, dialect, heartbeat, outbox, read, reap, schema, sweep};

/// Each statement with what its plan must say. A covering index may stand for the index.
const PLANS: &[(&str, &[&str])] = &[
    (claim::NEXT, &["items_waiting (job_id=?)"]),
    (claim::BEFORE, &["items_deferred"]),
    (claim::AFTER, &["items_suspect (suspect=?)", "items_deferred"]),
    (deferred::DUE, &["items_deferred (not_before>? AND not_before<?)"]),
    (heartbeat::CLAIMED, &["items_claimed (owner=?)"]),
    (sweep::PAST, &["jobs_expiry (expires_at<?)"]),
    (sweep::TOMBSTONES, &["jobs_tombstones (expires_at<?)"]),
    (sweep::KEYS, &["keys_expiry (expires_at<?)"]),
    (sweep::NONCES, &["nonces_expiry (expires_at<?)"]),
    (read::REMOVABLE, &["jobs_removal (removal_after<?)"]),
    (read::STALLED, &["jobs_state (state=?)"]),
    (read::OLDEST, &["jobs_state (state=?)"]),
    (outbox::NEXT, &["deliveries_due"]),
];

async fn plan(connection: &mut AnyConnection, text: &str) -> String {
    let text = format!("EXPLAIN QUERY PLAN {text}");
    let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail") + "\n").collect()
}

#[tokio::test]
async fn no_statement_of_the_queue_grows_with_the_store() {
    sqlx::any::install_default_drivers();
    let folder = tempfile::tempdir().unwrap();
    let url = dialect::address(&folder.path().join("plans.db")).unwrap();
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    schema::migrate(&mut connection, &schema::STEPS).await.unwrap();
    let first = format!("SELECT id FROM jobs WHERE ready = 1 {}", claim::FIRST_JOB);
    let run_out = reap::run_out();
    let others = [(first.as_str(), &["jobs_ready"][..]), (run_out.as_str(), &["items_claimed"][..])];
    let plans = PLANS.iter().copied().chain(others);
    for (text, wanted) in plans {
        let plan = plan(&mut connection, text).await;
        assert!(wanted.iter().all(|index| plan.contains(index)), "{text}\n{plan}");
        // The order comes from the index, and no table is read as a whole.
        assert!(!plan.contains("TEMP B-TREE"), "{text}\n{plan}");
        assert!(
            plan.lines().all(|line| {
                !line.starts_with("SCAN") || line.contains("INDEX") || line.contains("CONSTANT ROW")
            }),
            "{text}\n{plan}"
        );
    }
}
