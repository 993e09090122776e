//! Measures claims, settlements, figures, heartbeats and removals with 1,000 and with 1,000,000 jobs in the queue, on
//! both databases, and prints the ratios: `cargo bench -p huemill-store --bench queue`. Each measured operation is a
//! whole transaction, including the commit.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a benchmark may panic, and prints its output"
)]

#[path = "../tests/support/servers.rs"]
mod servers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use huemill_store::job::{Card, ItemResult};
use huemill_store::sql::{PostgresSettings, SqlStore, StoreClock};
use huemill_store::store::{
    ClaimRequest, DownloadLimits, Heartbeat, ItemOutcome, JobVersion, Listener, Owner, Role, Selection, Store,
};
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyPool, AssertSqlSafe};

/// A listener that ignores changes.
struct IgnoreChanges;

impl Listener for IgnoreChanges {
    fn changed(&self, _: JobVersion) {}
}

/// The number of jobs in the two measurements, and the number of pictures claimed in each.
struct Scale {
    few: u32,
    many: u32,
    claims: u32,
}

fn main() {
    // `cargo test` runs benchmarks too, in their short form.
    let short = !std::env::args().any(|argument| argument == "--bench");
    let scale = if short {
        Scale { few: 10, many: 100, claims: 5 }
    } else {
        Scale { few: 1_000, many: 1_000_000, claims: 300 }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("jobs.db");
    runtime.block_on(async {
        let store = SqlStore::sqlite(&file, StoreClock::system(), Arc::new(IgnoreChanges)).await.unwrap();
        let url = format!("sqlite://{}", file.display());
        let rows = "WITH RECURSIVE n(i) AS (SELECT $from UNION ALL SELECT i + 1 FROM n WHERE i < $to - 1) \
                    SELECT i, printf('job_%044x', i) AS id FROM n";
        measure("SQLite", &store, &url, rows, &scale).await;
    });
    if servers::skips(&[servers::Tool::PostgreSql], "queue") {
        return;
    }
    let url = servers::postgres::Cluster::shared().database();
    runtime.block_on(async {
        let store =
            SqlStore::postgres(&url.clone().into(), PostgresSettings::default(), Arc::new(IgnoreChanges))
                .await
                .unwrap();
        let rows =
            "SELECT i, 'job_' || lpad(to_hex(i), 44, '0') AS id FROM generate_series($from, $to - 1) AS i";
        measure("PostgreSQL", &store, &url, rows, &scale).await;
    });
}

async fn measure(name: &str, store: &SqlStore, url: &str, rows: &str, scale: &Scale) {
    let pool = AnyPoolOptions::new().max_connections(1).connect(url).await.unwrap();
    fill(&pool, rows, 1, scale.few).await;
    let few = costs(store, scale.claims).await;
    fill(&pool, rows, scale.few, scale.many).await;
    let many = costs(store, scale.claims).await;
    for ((what, few), (_, many)) in few.into_iter().zip(many) {
        println!(
            "{name:10} {what:9}  {} jobs {few:6.2} ms   {} jobs {many:6.2} ms   ratio {:.2}",
            scale.few,
            scale.many,
            many / few
        );
    }
    pool.close().await;
    store.close().await;
}

/// Inserts jobs with one picture each, and updates the planner's statistics.
async fn fill(pool: &AnyPool, rows: &str, from: u32, to: u32) {
    let rows = rows.replace("$from", &from.to_string()).replace("$to", &to.to_string());
    let jobs = format!(
        "INSERT INTO jobs (id, kind, state, priority, options, request_id, traceparent, base_url, callback_url, \
         created_at, started_at, finished_at, expires_at, version, eta_s, total, succeeded, failed, queued, ready, \
         turn, removal) SELECT id, 'image_batch', 'queued', 1, '{{}}', 'c298c805', NULL, 'http://h', NULL, 0, NULL, \
         NULL, 9000000000000, 1, 1, 1, 0, 0, 1, 1, i, 0 FROM ({rows}) AS r"
    );
    let items = format!(
        "INSERT INTO items (job_id, number, name, source, state, attempt, suspect, crashes) SELECT id, 0, 'a.png', \
         '{{\"in\":\"blob\",\"key\":\"k\",\"length\":1}}', 'queued', 0, 0, 0 FROM ({rows}) AS r"
    );
    for statement in [jobs, items, "ANALYZE".to_owned()] {
        sqlx::query(AssertSqlSafe(statement)).execute(pool).await.unwrap();
    }
    for checkpoint in ["PRAGMA wal_checkpoint(TRUNCATE)", "CHECKPOINT"] {
        // Each database supports one of the two. Without it, the inserted rows would be written during the measurement.
        let _ = sqlx::query(checkpoint).execute(pool).await;
    }
}

/// The measured operations in order.
const STEPS: [&str; 6] = ["claim", "heartbeat", "settle", "removal", "figures", "probe"];

/// Medians in milliseconds. The write of a probe shows the cost of a minimal transaction.
async fn costs(store: &SqlStore, claims: u32) -> Vec<(&'static str, f64)> {
    let owner = Owner("bench".to_owned());
    let mut times: [Vec<f64>; STEPS.len()] = Default::default();
    for n in 0..claims + claims / 10 {
        let measured = costs_once(store, &owner).await;
        // The first tenth warms the caches.
        if n >= claims / 10 {
            times.iter_mut().zip(measured).for_each(|(times, ms)| times.push(ms));
        }
    }
    STEPS.into_iter().zip(times.map(median)).collect()
}

/// The times of all operations for one picture.
async fn costs_once(store: &SqlStore, owner: &Owner) -> [f64; STEPS.len()] {
    let request = ClaimRequest {
        owner: owner.clone(),
        sequence: 1,
        limit: 1,
        lease: Duration::from_secs(3600),
        selection: Selection::InTurn,
        downloads: DownloadLimits::default(),
        pace_ms: 1,
    };
    let mut started = Instant::now();
    let mut lap = || {
        let now = Instant::now();
        let lap = now.duration_since(std::mem::replace(&mut started, now));
        lap.as_secs_f64() * 1000.0
    };
    let lease = store.claim(&request).await.unwrap().items.remove(0).lease;
    let claim = lap();
    let heartbeat = Heartbeat {
        owner: owner.clone(),
        host: String::new(),
        version: String::new(),
        role: Role::All,
        slots: 1,
        lease: request.lease,
        answered: 1,
        held: vec![lease.clone()],
    };
    store.heartbeat(&heartbeat).await.unwrap();
    let heartbeat = lap();
    store.settle(&lease, ItemOutcome::Done(result()), 1).await.unwrap();
    let settle = lap();
    let due = store.removable(100).await.unwrap();
    store.removed(&due).await.unwrap();
    let removal = lap();
    store.figures().await.unwrap();
    let figures = lap();
    store.probe(owner).await.unwrap();
    [claim, heartbeat, settle, removal, figures, lap()]
}

fn result() -> ItemResult {
    let card = Card { key: "k".to_owned(), media_type: "image/png".to_owned(), length: 1, crc32: 0 };
    ItemResult { members: "{}".to_owned(), card: Some(card) }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
