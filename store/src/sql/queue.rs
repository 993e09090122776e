//! The way back into the queue, which giving back, deferring and an operator's retry share.

use sqlx::{Error, Row};

use super::operation::Tx;
use super::rows::{self, Record};
use crate::store::Lease;

/// The condition that an item is claimed by this lease and no other.
pub(super) const FENCE: &str =
    "job_id = $1 AND number = $2 AND state = 'claimed' AND attempt = $3 AND owner = $4";

/// Puts one item back, if it is still held. Whether it is a suspect: it stays one.
pub(super) async fn put_back(tx: &mut Tx<'_>, lease: &Lease) -> Result<Option<bool>, Error> {
    let text = format!(
        "UPDATE items SET state = 'queued', owner = NULL, lease_until = NULL WHERE {FENCE} RETURNING suspect"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(text))
        .bind(lease.job.as_str())
        .bind(i64::from(lease.number))
        .bind(i64::from(lease.attempt))
        .bind(&lease.owner.0)
        .fetch_optional(&mut *tx.connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    tx.deltas.waiting(1);
    Ok(Some(row.try_get::<i64, _>("suspect")? > 0))
}

/// Gives a job that many items whose turn it may be, and the place before those that came since.
pub(super) async fn make_ready(tx: &mut Tx<'_>, record: &Record, items: i64) -> Result<(), Error> {
    let text = "SELECT turn FROM jobs WHERE ready = 1 AND priority = $1 ORDER BY turn LIMIT 1";
    let first =
        sqlx::query(text).bind(rows::rank(record.job.priority)).fetch_optional(&mut *tx.connection).await?;
    let first = first.map(|row| row.try_get("turn")).transpose()?;
    sqlx::query("UPDATE jobs SET queued = queued + $2, ready = 1, turn = $3 WHERE id = $1")
        .bind(record.job.id.as_str())
        .bind(items)
        .bind(first.map_or(record.turn, |first: i64| record.turn.min(first - 1)))
        .execute(&mut *tx.connection)
        .await
        .map(|_| ())
}
