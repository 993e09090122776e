//! Tests the query plans of the statements for the queue, the sweeps and the figures, on both databases and with many
//! rows. Each must use an index, so that its cost does not grow with the number of queued or ended jobs.
//! `HUEMILL_PLAN_JOBS` sets the number of jobs; the default is smaller than the million that `make plans` uses.

#![allow(clippy::unwrap_used, unreachable_pub)]

#[path = "../../tests/support/servers.rs"]
mod servers;

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

use crate::job::JobKind;

use super::{
    access_keys, blocked, claim, create, downloads, figures, heartbeat, leasing, outbox, pauses, queue, read,
    reap, requeue, schema, sqlite, sweep, turns, usage,
};

/// Number of jobs by default. One in a hundred is live.
const JOBS: u32 = 50_000;

/// Each statement with values for its parameters and what its plan on SQLite must contain: the name of an index, which
/// PostgreSQL must use too, and how SQLite searches it. A covering index also counts.
const PLANS: &[(&str, &[&str], &[&str])] = &[
    (claim::NEXT, &[JOB], &["items_waiting (job_id=?)"]),
    (claim::SUSPECTS, &["1"], &["items_suspect (suspect=?"]),
    (claim::BEFORE, &["'p1'"], &["items_deferred", "jobs_blocked"]),
    (claim::AFTER, &[], &["items_suspect (suspect=?)", "items_deferred"]),
    (
        leasing::ADVANCE,
        &[JOB, "1", "'processing'", "1", "2", "3", "1"],
        &["jobs_ready (blocked_until=? AND caller=?"],
    ),
    (usage::SUMS, &["'ip:10.0.0.1'"], &["caller_usage"]),
    (turns::FIRST_TURN, &["'ip:10.0.0.1'"], &["jobs_ready (blocked_until=? AND caller=?"]),
    (requeue::DUE, &["1", "100"], &["items_deferred (not_before>? AND not_before<?)"]),
    (heartbeat::CLAIMED, &["'p1'"], &["items_claimed (owner=?)"]),
    (sweep::EXPIRED, &["1", "100"], &["jobs_expiry (expires_at<?)"]),
    (sweep::TOMBSTONES, &["1", "100"], &["jobs_tombstones (expires_at<?)"]),
    (sweep::KEYS, &["1", "100"], &["keys_expiry (expires_at<?)"]),
    (sweep::NONCES, &["1", "100"], &["nonces_expiry (expires_at<?)"]),
    (read::REMOVABLE, &["1", "100"], &["jobs_removal (removal_after<?)"]),
    (figures::STALLED, &["1"], &["jobs_state (state=?)"]),
    (figures::OLDEST, &[], &["jobs_state (state=?)"]),
    (access_keys::NEWEST, &["9000000000000", "'x'", "50"], &["access_keys_newest ((created_at,id)<"]),
    (access_keys::FORGOTTEN, &["1", "100"], &["access_keys_revoked (revoked_at>? AND revoked_at<?)"]),
    (outbox::NEXT, &[], &["deliveries_due"]),
    (
        outbox::OLDEST,
        &["0", "'ip:192.0.2.7'", "9000000000000", "256"],
        &["deliveries_turns (retry=? AND (caller,next_at)"],
    ),
    (
        outbox::OLDEST_OF_HOST,
        &["0", "'ip:192.0.2.7'", "'https://h'", "9000000000000", "4"],
        &["deliveries_hosts (retry=? AND caller=? AND (host,next_at)"],
    ),
    (outbox::HOSTS, &["0", "'ip:192.0.2.7'", "256"], &["deliveries_hosts (retry=? AND caller=?"]),
];

const JOB: &str = "'job_0000000000000000000000000000000000000000000a'";

/// All statements, including those that are assembled at run time.
fn statements() -> Vec<(String, Vec<&'static str>, Vec<&'static str>)> {
    let (none, url) =
        (pauses::Pauses::default(), pauses::Pauses { everything: false, kinds: vec![JobKind::Url] });
    let in_turn = vec!["jobs_ready (blocked_until=? AND caller=?"];
    let caller = vec!["'ip:10.0.0.1'"];
    let more = [
        (
            format!("SELECT {}", queue::next_caller(&none, false)),
            caller.clone(),
            vec!["jobs_ready (blocked_until=? AND caller>?)"],
        ),
        (
            format!("SELECT {}", queue::next_caller(&url, false)),
            caller.clone(),
            vec!["jobs_ready (blocked_until=? AND caller>?)"],
        ),
        (
            format!("SELECT {}", queue::next_caller(&none, true)),
            caller.clone(),
            vec!["jobs_ready_stored (caller>?)"],
        ),
        (queue::job_statement(&none, false, "= $1", ""), caller.clone(), in_turn.clone()),
        (queue::job_statement(&url, false, "= $1", ""), caller.clone(), in_turn.clone()),
        (queue::job_statement(&none, true, "= $1", ""), caller, vec!["jobs_ready_stored (caller=?"]),
        (
            blocked::DUE.replace("{JOB}", "id"),
            vec!["1", "16"],
            vec!["jobs_blocked (blocked_until>? AND blocked_until<?)"],
        ),
        (
            blocked::NEXT_AT_HOST[0].replace("{JOB}", "id"),
            vec!["'h:80'", "'ip:10.0.0.1'"],
            vec!["jobs_blocked_hosts (blocked_host=? AND caller>?)"],
        ),
        (
            blocked::NEXT_AT_HOST[1].replace("{JOB}", "id"),
            vec!["'h:80'", "'ip:10.0.0.1'"],
            vec!["jobs_blocked_hosts (blocked_host=? AND caller<?)"],
        ),
        (
            format!("{} ORDER BY number LIMIT 1", downloads::NEXT),
            vec![JOB, "4"],
            vec!["items_waiting (job_id=?)", "items_hosts"],
        ),
        (
            format!("SELECT 1 WHERE {}", downloads::HAS_PLACE),
            vec!["1", "2", "3", "4", "5", "'h:80'", "4"],
            vec!["items_hosts (host=?)"],
        ),
        (
            create::insert_statement(),
            vec![
                "'job_x'",
                "'ip:10.0.0.1'",
                "5",
                "'k'",
                "1",
                "''",
                "''",
                "NULL",
                "''",
                "NULL",
                "1",
                "2",
                "3",
                "4",
                "5",
                "6",
                "7",
            ],
            in_turn,
        ),
        (
            read::list_statement(&format!("{} $1", read::OF_KEY), 1),
            vec!["'key:1'", "50"],
            vec!["jobs_of_keys (caller=?)"],
        ),
        (
            claim::anything_to_claim(),
            vec![],
            vec!["jobs_ready (blocked_until=?)", "items_suspect (suspect=?)", "items_deferred"],
        ),
        (figures::figures_statement(), vec!["1"], vec!["jobs_state (state=?)"]),
        (outbox::callers_statement(false), vec!["0", "''", "256"], vec!["deliveries_turns (retry=?"]),
        (outbox::callers_statement(true), vec!["1", "''", "256"], vec!["deliveries_turns (retry=?"]),
        (reap::abandoned_items(), vec!["1", "100"], vec!["items_claimed"]),
    ];
    let table =
        PLANS.iter().map(|(text, values, wanted)| ((*text).to_owned(), values.to_vec(), wanted.to_vec()));
    table.chain(more).collect()
}

/// The statement with its values inserted, so that the planner sees them.
fn with_values(text: &str, values: &[&str]) -> String {
    let numbered = (1..=values.len()).rev().zip(values.iter().rev());
    numbered.fold(text.to_owned(), |text, (number, value)| text.replace(&format!("${number}"), value))
}

async fn plan(connection: &mut AnyConnection, explain: &str, column: &str, text: &str) -> String {
    let text = format!("{explain} {text}");
    let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(column) + "\n").collect()
}

/// Inserts many ended jobs, some live ones, and the rows that belong to them.
async fn fill(connection: &mut AnyConnection, numbers: &str) {
    let id = "'job_' || substr('00000000000000000000000000000000000000000000' || i, -44)";
    let id = if numbers.contains("generate_series") { "'job_' || lpad(to_hex(i), 44, '0')" } else { id };
    let state = "CASE WHEN i % 100 = 0 THEN 'queued' WHEN i % 100 = 1 THEN 'processing' ELSE 'completed' END";
    let live = "CASE WHEN i % 100 < 2 THEN 1 ELSE 0 END";
    for text in [
        format!(
            "INSERT INTO jobs (id, kind, state, priority, options, request_id, base_url, created_at, expires_at, \
             version, eta_s, total, succeeded, failed, queued, ready, turn, removal, removal_after, caller, \
             blocked_until, blocked_host) \
             SELECT {id}, 'image_batch', {state}, 1, '{{}}', 'r', 'http://h', i, 9000000000000, 1, 1, 1, 0, 0, {live}, \
             {live}, i, CASE WHEN i % 100 = 2 THEN 2 WHEN i % 100 = 3 THEN -1 ELSE 0 END, 5, \
             'ip:10.0.0.' || (i / 100 % 100), CASE WHEN i % 1000 = 0 THEN i ELSE 0 END, 'h' || (i % 7000) || ':443' \
             FROM ({numbers}) AS n"
        ),
        format!(
            "INSERT INTO caller_usage (caller, shard, open_jobs, open_items, stored_bytes) \
             SELECT 'ip:10.0.' || (i / 100) || '.' || (i % 100), 0, 1, 0, 0 FROM ({numbers}) AS n"
        ),
        format!(
            "INSERT INTO items (job_id, number, name, source, state, attempt, owner, suspect, crashes, not_before, host) \
             SELECT {id}, 0, 'a.png', '{{}}', CASE WHEN i % 1000 = 1 THEN 'claimed' WHEN i % 100 < 2 THEN 'queued' \
             ELSE 'done' END, 1, CASE WHEN i % 1000 = 1 THEN 'p' || (i % 7000) END, \
             CASE WHEN i % 5000 = 100 THEN 1 ELSE 0 END, 0, CASE WHEN i % 5000 = 200 THEN i ELSE 0 END, \
             'h' || (i % 1000) || ':443' FROM ({numbers}) AS n"
        ),
        format!(
            "INSERT INTO keys (scope, key, fingerprint, job_id, keep_until, expires_at) \
             SELECT 's', {id}, 'f', {id}, i, i + 10 FROM ({numbers}) AS n"
        ),
        format!(
            "INSERT INTO access_keys (id, owner, name, digest, scopes, limits, created_at, revoked_at) \
             SELECT {id}, {id}, 'k', 'd', 'process', '{{}}', i, CASE WHEN i % 2 = 0 THEN i END FROM ({numbers}) AS n"
        ),
        format!("INSERT INTO nonces (word, expires_at) SELECT {id}, i + 10 FROM ({numbers}) AS n"),
        format!(
            "INSERT INTO deliveries (id, job_id, state, created_at, next_at, host, caller, retry) \
             SELECT {id}, {id}, CASE WHEN i % 20 = 0 THEN 'pending' ELSE 'delivered' END, i, i, 'https://' || (i % 7), \
             CASE WHEN i % 1000 = 20 THEN 'ip:192.0.2.' || (i % 9) ELSE 'ip:192.0.2.7' END, \
             CASE WHEN i % 60 = 0 THEN 1 ELSE 0 END FROM ({numbers}) AS n"
        ),
        "ANALYZE".to_owned(),
    ] {
        sqlx::query(AssertSqlSafe(text)).execute(&mut *connection).await.unwrap();
    }
}

fn jobs() -> u32 {
    std::env::var("HUEMILL_PLAN_JOBS").ok().and_then(|text| text.parse().ok()).unwrap_or(JOBS)
}

#[tokio::test]
async fn no_statement_on_sqlite_gets_slower_with_more_rows() {
    sqlx::any::install_default_drivers();
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite::url(&folder.path().join("plans.db")).unwrap();
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    schema::migrate(&mut connection, &schema::MIGRATIONS).await.unwrap();
    let mut check = async |when: &str| {
        for (text, values, wanted) in statements() {
            let text = with_values(&text, &values);
            let plan = plan(&mut connection, "EXPLAIN QUERY PLAN", "detail", &text).await;
            assert!(wanted.iter().all(|index| plan.contains(index)), "{when}: {text}\n{plan}");
            // The index provides the order, and no table is read as a whole.
            assert!(!plan.contains("TEMP B-TREE"), "{when}: {text}\n{plan}");
            let scans = plan.lines().filter(|line| line.trim_start().starts_with("SCAN"));
            let small = [
                "INDEX",
                "CONSTANT ROW",
                "pauses",
                "processes",
                "counters",
                "kept",
                "alive",
                "turns",
                "hosts",
            ];
            let whole: Vec<_> = scans.filter(|line| !small.iter().any(|word| line.contains(word))).collect();
            assert!(whole.is_empty(), "{when}: {text}\n{plan}");
        }
    };
    check("empty").await;
    let numbers = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) \
                           SELECT i FROM n",
        jobs()
    );
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    fill(&mut connection, &numbers).await;
    for (text, values, wanted) in statements() {
        let text = with_values(&text, &values);
        let plan = plan(&mut connection, "EXPLAIN QUERY PLAN", "detail", &text).await;
        assert!(wanted.iter().all(|index| plan.contains(index)), "filled: {text}\n{plan}");
    }
}

#[tokio::test]
async fn no_statement_on_postgresql_gets_slower_with_more_rows() {
    if servers::skips(&[servers::Tool::PostgreSql], module_path!()) {
        return;
    }
    sqlx::any::install_default_drivers();
    let url = tokio::task::spawn_blocking(|| servers::postgres::Cluster::shared().database()).await.unwrap();
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    schema::migrate(&mut connection, &schema::postgres()).await.unwrap();
    fill(&mut connection, &format!("SELECT i FROM generate_series(1, {}) AS i", jobs())).await;
    for (text, values, wanted) in statements() {
        let text = with_values(&text, &values);
        let plan = plan(&mut connection, "EXPLAIN", "QUERY PLAN", &text).await;
        for index in wanted {
            let name = index.split(' ').next().unwrap();
            assert!(plan.contains(name), "{name}: {text}\n{plan}");
        }
        for table in ["jobs", "items", "keys", "nonces", "deliveries", "caller_usage", "access_keys"] {
            assert!(!plan.contains(&format!("Seq Scan on {table}")), "{text}\n{plan}");
        }
    }
}
