//! Items that wait by themselves: their last attempt failed by a fault that was not theirs. They are out of their job's
//! line until their time has come; a claim brings back those that are due.

use std::collections::BTreeMap;

use sqlx::{Error, Row};

use super::operation::Tx;
use super::queue::make_ready;
use super::rows;
use crate::job::JobId;

/// Items that one claim brings back at most.
const BATCH: i64 = 100;

pub(super) const DUE: &str = "SELECT job_id, number FROM items WHERE state = 'queued' AND not_before > 0 \
     AND not_before <= $1 ORDER BY not_before LIMIT $2";

/// Brings items back whose time has come.
pub(super) async fn release(tx: &mut Tx<'_>) -> Result<(), Error> {
    let rows = sqlx::query(DUE).bind(tx.now.tick).bind(BATCH).fetch_all(&mut *tx.connection).await?;
    let mut by_job: BTreeMap<JobId, Vec<u32>> = BTreeMap::new();
    for row in &rows {
        by_job.entry(rows::job_id(row, "job_id")?).or_default().push(rows::count(row, "number")?);
    }
    for (id, numbers) in by_job {
        let Some(record) = tx.lock(&id).await? else { continue };
        let mut in_turn = 0;
        for number in numbers {
            in_turn += i64::from(release_one(tx, &id, number).await?);
        }
        if in_turn > 0 {
            make_ready(tx, &record, in_turn).await?;
        }
    }
    Ok(())
}

/// Whether it takes part in its job's turn again: a suspect does not.
async fn release_one(tx: &mut Tx<'_>, job: &JobId, number: u32) -> Result<bool, Error> {
    // Checked again: another process may have been quicker.
    let row = sqlx::query(
        "UPDATE items SET not_before = 0 WHERE job_id = $1 AND number = $2 AND state = 'queued' \
         AND not_before > 0 AND not_before <= $3 RETURNING suspect",
    )
    .bind(job.as_str())
    .bind(i64::from(number))
    .bind(tx.now.tick)
    .fetch_optional(&mut *tx.connection)
    .await?;
    row.map_or(Ok(false), |row| Ok(row.try_get::<i64, _>("suspect")? == 0))
}
