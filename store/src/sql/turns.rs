//! The turns of a caller's jobs, in virtual time: each claimed picture adds a stride to its job's turn, the shorter, the
//! higher the job's weight. A new job starts one stride after the job whose turn it is. A job that comes back keeps its
//! turn, unless others are further ahead or behind by more than that.

use sqlx::{Error, Row};

use super::operation::{Tx, statement};
use super::rows::Record;
use crate::job::Priority;

/// What a picture adds to the turn of a job of weight 1.
const STRIDE: i64 = 1_000;

/// The turn of a job of this caller ($2) that joins the others, and has this stride ($3). A new job starts as late as
/// possible: one stride after the first, less one, so that it precedes those which had their share.
pub(super) const JOIN_LAST: &str = "COALESCE((SELECT first.turn FROM jobs AS first WHERE first.ready = 1 \
     AND first.caller = $2 AND first.blocked_until = 0 ORDER BY first.turn, first.id LIMIT 1), 0) + $3 - 1";

/// The first turn among the ready jobs of a caller.
pub(super) const FIRST_TURN: &str = "SELECT turn FROM jobs WHERE ready = 1 AND caller = $1 AND blocked_until = 0 \
     ORDER BY turn, id LIMIT 1";

/// What a picture of a job of this priority adds to the job's turn. High counts 4, normal 2, low 1.
pub(super) fn stride(priority: Priority) -> i64 {
    match priority {
        Priority::Low => STRIDE,
        Priority::Normal => STRIDE / 2,
        Priority::High => STRIDE / 4,
    }
}

/// The turn of a job that comes back to the ready ones.
pub(super) async fn rejoin(tx: &mut Tx<'_>, record: &Record) -> Result<i64, Error> {
    let row = tx.fetch_optional(statement!(FIRST_TURN, [record.job.caller.to_string()])).await?;
    let Some(row) = row else { return Ok(record.turn) };
    let first: i64 = row.try_get("turn")?;
    Ok(record.turn.clamp(first, first + stride(record.job.priority) - 1))
}
