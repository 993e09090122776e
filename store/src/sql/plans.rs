//! Which index each statement of the queue goes by: its cost must not grow with the jobs that wait or have ended.

#![allow(clippy::unwrap_used)]

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

use super::{claim, dialect, janitor, outbox, read, reap, schema};

/// Each statement with what its plan must say. A covering index may stand for the index.
const PLANS: &[(&str, &[&str])] = &[
    (claim::NEXT, &["items_waiting (job_id=?)"]),
    (claim::SUSPECT, &["items_suspect (job_id=?)"]),
    (claim::SUSPECTS, &["items_suspect"]),
    (reap::RUN_OUT, &["items_leased (lease_until<?)"]),
    (janitor::PAST, &["jobs_expiry (expires_at<?)"]),
    (janitor::TOMBSTONES, &["jobs_tombstones (expires_at<?)"]),
    (janitor::KEYS, &["keys_expiry (expires_at<?)"]),
    (janitor::NONCES, &["nonces_expiry (expires_at<?)"]),
    (read::REMOVABLE, &["jobs_removal"]),
    (read::STATES, &["COVERING INDEX jobs_state"]),
    (read::WAITING, &["COVERING INDEX jobs_ready"]),
    (read::SUSPECTS, &["items_suspect"]),
    (read::OLDEST, &["jobs_state (state=?)"]),
    (outbox::PENDING, &["COVERING INDEX deliveries_due"]),
    (outbox::NEXT, &["deliveries_due"]),
    (outbox::DEAD, &["COVERING INDEX deliveries_dead"]),
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
    let first = format!("SELECT id FROM jobs {}", claim::FIRST_JOB);
    let plans = PLANS.iter().copied().chain([(first.as_str(), &["jobs_ready"][..])]);
    for (text, wanted) in plans {
        let plan = plan(&mut connection, text).await;
        assert!(wanted.iter().all(|index| plan.contains(index)), "{text}\n{plan}");
        // The order comes from the index, and no table is read as a whole.
        assert!(!plan.contains("TEMP B-TREE"), "{text}\n{plan}");
        assert!(
            plan.lines().all(|line| !line.starts_with("SCAN") || line.contains("INDEX")),
            "{text}\n{plan}"
        );
    }
}
