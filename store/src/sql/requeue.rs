//! How claimed and deferred items return to the queue: a process gives them back, or their wait is over.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Error, Row};

use super::blocked;
use super::operation::{Statement, Tx, statement};
use super::rows::{self, Record};
use super::turns;
use crate::job::JobId;
use crate::store::Lease;

/// The condition that an item is claimed under this lease and no other.
pub(super) const FENCE: &str =
    "job_id = $1 AND number = $2 AND state = 'claimed' AND attempt = $3 AND owner = $4";

/// A statement whose text ends with [`FENCE`], with the values of the fence; further values follow from `$5` on.
pub(super) fn fenced(text: String, lease: &Lease) -> Statement {
    let (number, attempt) = (i64::from(lease.number), i64::from(lease.attempt));
    statement!(AssertSqlSafe(text), [lease.job.as_str(), number, attempt, &lease.owner.0])
}

/// Maximum number of deferred items that one claim releases.
const RELEASE_BATCH: i64 = 100;

/// Deferred items whose wait is over.
pub(super) const DUE: &str = "SELECT job_id, number FROM items WHERE state = 'queued' AND not_before > 0 \
     AND not_before <= $1 ORDER BY not_before LIMIT $2";

/// Returns the items of these leases to the queue, job by job, unless the lease was lost. Returns how many.
pub(super) async fn give_back(tx: &mut Tx<'_>, leases: &[Lease]) -> Result<u64, Error> {
    let mut by_job: BTreeMap<&JobId, Vec<&Lease>> = BTreeMap::new();
    for lease in leases {
        by_job.entry(&lease.job).or_default().push(lease);
    }
    let mut returned = 0;
    for (id, leases) in by_job {
        let Some(record) = tx.lock(id).await? else { continue };
        let mut in_turn = 0;
        for lease in leases {
            if let Some((suspect, host)) = give_back_one(tx, lease).await? {
                blocked::host_freed(tx, &host, record.job.caller).await?;
                returned += 1;
                in_turn += i64::from(!suspect);
            }
        }
        if in_turn > 0 {
            make_ready(tx, &record, in_turn).await?;
        }
    }
    Ok(returned)
}

/// Returns one item to the queue if its lease is still valid. The result says whether the item is a suspect, which it
/// remains, and its host.
async fn give_back_one(tx: &mut Tx<'_>, lease: &Lease) -> Result<Option<(bool, String)>, Error> {
    let text = format!(
        "UPDATE items SET state = 'queued', owner = NULL, lease_until = NULL WHERE {FENCE} RETURNING suspect, host"
    );
    let row = tx.fetch_optional(fenced(text, lease)).await?;
    let Some(row) = row else { return Ok(None) };
    tx.deltas.waiting(1);
    Ok(Some((row.try_get::<i64, _>("suspect")? > 0, row.try_get("host")?)))
}

/// Releases deferred items whose wait is over.
pub(super) async fn release_deferred(tx: &mut Tx<'_>) -> Result<(), Error> {
    let rows = tx.fetch_all(statement!(DUE, [tx.now.tick, RELEASE_BATCH])).await?;
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

/// Releases one item. The result says whether it joins its job's turn again; a suspect does not.
async fn release_one(tx: &mut Tx<'_>, job: &JobId, number: u32) -> Result<bool, Error> {
    // Check again, because another process may have released it first.
    let row = tx
        .fetch_optional(statement!(
            "UPDATE items SET not_before = 0 WHERE job_id = $1 AND number = $2 AND state = 'queued' \
         AND not_before > 0 AND not_before <= $3 RETURNING suspect",
            [job.as_str(), i64::from(number), tx.now.tick]
        ))
        .await?;
    row.map_or(Ok(false), |row| Ok(row.try_get::<i64, _>("suspect")? == 0))
}

/// Adds this many claimable items to a job. A job that had none joins the ready jobs of its caller.
async fn make_ready(tx: &mut Tx<'_>, record: &Record, items: i64) -> Result<(), Error> {
    let in_queue = record.ready && !record.blocked;
    let turn = if in_queue { record.turn } else { turns::rejoin(tx, record).await? };
    tx.run(statement!(
        "UPDATE jobs SET queued = queued + $2, ready = 1, turn = $3, blocked_until = 0 WHERE id = $1",
        [record.job.id.as_str(), items, turn]
    ))
    .await
}
