//! Leases an item to the process that claims it, and starts its job with the first one.

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Error, Row};

use super::clock::span;
use super::completion::eta;
use super::fault::corrupt;
use super::operation::{Tx, statement};
use super::rows::{self, Record, seconds};
use super::turns;
use crate::job::JobState;
use crate::store::{Claim, ClaimRequest, Lease, Selection};

/// Leases an item of the job $1 to the owner $2 with the claim $3.
pub(super) const LEASE: &str =
    "UPDATE items SET state = 'claimed', attempt = attempt + 1, owner = $2, lease_until = NULL, claim = $3";
pub(super) const RETURNING: &str = "RETURNING number, name, source, attempt";

/// Removes one item from the job's queue and charges the job for it. A job that is alone among its caller's keeps its
/// turn, so that no index changes.
pub(super) const ADVANCE: &str = "UPDATE jobs SET turn = CASE WHEN $2 = 1 AND EXISTS (SELECT 1 FROM jobs AS others WHERE others.ready = 1 \
     AND others.caller = jobs.caller AND others.blocked_until = 0 AND others.id <> $1) THEN turn + $7 ELSE turn END, \
     queued = queued - $2, ready = CASE WHEN queued > $2 THEN 1 ELSE 0 END, \
     state = $3, started_at = COALESCE(started_at, $4), version = $5, eta_s = $6, \
     progressed_at = CASE WHEN progressed_at = 0 THEN $4 ELSE progressed_at END WHERE id = $1";

/// Leases the item of the job that the statement `which` selects, if there is one.
pub(super) async fn lease_item(
    tx: &mut Tx<'_>,
    request: &ClaimRequest,
    job: &str,
    which: &str,
) -> Result<Option<AnyRow>, Error> {
    let text = format!("{LEASE} WHERE job_id = $1 AND suspect = $4 AND number = ({which}) {RETURNING}");
    tx.fetch_optional(statement!(
        AssertSqlSafe(text),
        [
            job,
            &request.owner.0,
            i64::try_from(request.sequence).unwrap_or(i64::MAX),
            suspect_column(request.selection)
        ]
    ))
    .await
}

/// Updates the job of a leased item. The first item starts the job.
pub(super) async fn start_item(
    tx: &mut Tx<'_>,
    request: &ClaimRequest,
    mut record: Record,
    row: &AnyRow,
    in_turn: bool,
) -> Result<Claim, Error> {
    let job = &mut record.job;
    let first = job.state == JobState::Queued;
    if first {
        tx.deltas.leave(job.state);
        job.state = JobState::Processing;
        job.started_at = Some(seconds(tx.now.wall));
        job.version += 1;
        job.eta_s = eta(job.total, request.pace_ms);
        tx.deltas.enter(job.state);
    }
    tx.deltas.waiting(-1);
    tx.run(statement!(
        ADVANCE,
        [
            job.id.as_str(),
            i64::from(in_turn),
            job.state.as_str(),
            tx.now.wall,
            job.version,
            i64::from(job.eta_s),
            turns::stride(job.priority)
        ]
    ))
    .await?;
    if first {
        tx.changed(&record.job);
    }
    let waited = first.then(|| span(record.created, tx.now.wall));
    claim(request, &record, row, waited)
}

fn claim(
    request: &ClaimRequest,
    record: &Record,
    row: &AnyRow,
    waited: Option<std::time::Duration>,
) -> Result<Claim, Error> {
    let source: String = row.try_get("source")?;
    let job = &record.job;
    Ok(Claim {
        lease: Lease {
            job: job.id.clone(),
            number: rows::count(row, "number")?,
            attempt: rows::count(row, "attempt")?,
            owner: request.owner.clone(),
        },
        caller: job.caller,
        name: row.try_get("name")?,
        source: serde_json::from_str(&source).map_err(|_| corrupt("an invalid source"))?,
        options: job.options.clone(),
        request_id: job.request_id.clone(),
        traceparent: job.traceparent.clone(),
        priority: job.priority,
        waited,
    })
}

/// The value of the column `suspect` for these items.
pub(super) fn suspect_column(selection: Selection) -> i64 {
    match selection {
        Selection::InTurn => 0,
        Selection::Suspect => 1,
        Selection::Isolated => 2,
    }
}
