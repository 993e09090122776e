//! The figures that metrics and health checks read: sums of the counters, live processes, stalled jobs.
//!
//! Every process asks for them regularly, so their cost does not grow with the number of jobs.

use std::time::Duration;

use sqlx::{AnyConnection, AssertSqlSafe, Error, Row};

use super::clock::{Now, millis, span};
use super::counters::{CounterDeltas, SUMS};
use super::operation::{Operation, Tx, statement};
use crate::store::StoreStats;

pub(super) const OLDEST: &str = "SELECT created_at FROM jobs WHERE state = 'queued' ORDER BY id LIMIT 1";
pub(super) const STALLED: &str = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM jobs WHERE state = 'processing' \
     AND ready = 0 AND progressed_at <= $1";
const ALIVE: &str = "SELECT CAST(COUNT(*) AS BIGINT) AS processes, \
     CAST(COALESCE(SUM(CASE WHEN role = 'web' THEN 0 ELSE slots END), 0) AS BIGINT) AS slots \
     FROM processes WHERE beat_until > $1";

/// All figures in one statement.
pub(super) fn figures_statement() -> String {
    format!(
        "SELECT kept.*, alive.processes, alive.slots, \
         CAST(COALESCE(({OLDEST}), -1) AS BIGINT) AS oldest, \
         CAST((SELECT COUNT(*) FROM pauses) AS BIGINT) AS pauses \
         FROM ({SUMS}) AS kept CROSS JOIN ({ALIVE}) AS alive"
    )
}

/// Implements `Store::figures`.
pub(super) async fn figures(connection: &mut AnyConnection, now: Now) -> Result<StoreStats, Error> {
    let text = AssertSqlSafe(figures_statement());
    let row = statement!(text, [now.tick]).fetch_one(connection).await?;
    let [queued, processing, completed, failed, canceled, expired, waiting, pending, dead, bytes, reserved] =
        CounterDeltas::of(&row)?.values().map(number);
    let oldest: i64 = row.try_get("oldest")?;
    Ok(StoreStats {
        jobs: [queued, processing, completed, failed, canceled, expired],
        queued_items: waiting,
        oldest_queued: (queued > 0 && oldest >= 0).then(|| span(oldest, now.wall)),
        deliveries: pending,
        dead_letters: dead,
        blob_bytes: bytes,
        reserved_bytes: reserved,
        slots: number(row.try_get("slots")?),
        processes: number(row.try_get("processes")?),
        pauses: number(row.try_get("pauses")?),
    })
}

/// Implements `Store::stalled`.
pub(super) async fn stalled(connection: &mut AnyConnection, now: Now, quiet: Duration) -> Result<u64, Error> {
    let before = now.wall.saturating_sub(millis(quiet));
    Ok(number(statement!(STALLED, [before]).fetch_one(connection).await?.try_get("n")?))
}

/// Adds the differences that `Store::recount` found.
pub(super) struct Correct {
    pub(super) counters: CounterDeltas,
    pub(super) callers: Vec<(String, [i64; 3])>,
}

impl Operation for Correct {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        tx.deltas.add(&self.counters);
        for (caller, usage) in &self.callers {
            tx.usage.add(caller.clone(), *usage);
            tx.usage.forget(caller.clone());
        }
        Ok(())
    }
}

fn number(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or_default()
}
