//! Claims items, fairly between callers and between the jobs of each; see `queue` for whose turn it is.
//!
//! Two kinds of items are not in the queue. Suspects, whose process died and which may have caused that, are claimed
//! one at a time and only on request. Deferred items return to the queue when their wait is over.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Error, Row};

use super::blocked::release_due;
use super::clock::{Now, millis, span};
use super::downloads::{DownloadPlaces, Leased};
use super::leasing::{lease_item, start_item, suspect_column};
use super::operation::{Operation, Tx, statement};
use super::pauses::{self, Pauses};
use super::queue::{Cursor, Round};
use super::requeue::release_deferred;
use super::rows::{self, Record};
use crate::job::JobKind;
use crate::store::{Claim, ClaimRequest, ClaimResult, Selection};

pub(super) const NEXT: &str = "SELECT number FROM items WHERE job_id = $1 AND state = 'queued' AND suspect = 0 \
     AND not_before = 0 ORDER BY number LIMIT 1";

/// How many suspects a claim tries when other processes take them first.
const MAX_SUSPECTS_TRIED: u32 = 4;

pub(super) const SUSPECT: &str = "SELECT number FROM items WHERE suspect > 0 AND suspect = $4 AND job_id = $1 \
     AND state = 'queued' AND not_before = 0 ORDER BY number LIMIT 1";
pub(super) const SUSPECTS: &str = "SELECT job_id FROM items WHERE suspect > 0 AND suspect = $1 \
     AND state = 'queued' AND not_before = 0";

/// What a claim needs to know first: whether its owner is alive, whether anything is paused, when the next deferred
/// item and the next blocked job are due.
pub(super) const BEFORE: &str = "SELECT \
     CAST(COALESCE((SELECT beat_until FROM processes WHERE id = $1), -1) AS BIGINT) AS beat_until, \
     CAST((SELECT COUNT(*) FROM pauses) AS BIGINT) AS pauses, \
     CAST(COALESCE((SELECT not_before FROM items WHERE state = 'queued' AND not_before > 0 \
     ORDER BY not_before LIMIT 1), -1) AS BIGINT) AS next, \
     CAST(COALESCE((SELECT blocked_until FROM jobs WHERE blocked_until > 0 ORDER BY blocked_until LIMIT 1), -1) \
     AS BIGINT) AS unblocked";

/// What is left after a claim: suspects, and when the next deferred item and the next blocked job are due.
pub(super) const AFTER: &str = "SELECT \
     CAST(COALESCE((SELECT suspect FROM items WHERE suspect > 0 AND suspect = 1 AND state = 'queued' \
     AND not_before = 0 LIMIT 1), 0) AS BIGINT) AS suspects, \
     CAST(COALESCE((SELECT suspect FROM items WHERE suspect > 0 AND suspect = 2 AND state = 'queued' \
     AND not_before = 0 LIMIT 1), 0) AS BIGINT) AS isolated, \
     CAST(COALESCE((SELECT not_before FROM items WHERE state = 'queued' AND not_before > 0 \
     ORDER BY not_before LIMIT 1), -1) AS BIGINT) AS next, \
     CAST(COALESCE((SELECT blocked_until FROM jobs WHERE blocked_until > 0 ORDER BY blocked_until LIMIT 1), -1) \
     AS BIGINT) AS unblocked";

/// Like [`AFTER`], and whether any job is in the queue.
pub(super) fn anything_to_claim() -> String {
    AFTER.replacen(
        "SELECT",
        "SELECT CAST(COALESCE((SELECT ready FROM jobs WHERE ready = 1 AND blocked_until = 0 ORDER BY caller LIMIT 1), 0) \
         AS BIGINT) AS ready,",
        1,
    )
}

/// The result of a claim if there is nothing to claim, or `None` if there is. Lets an idle process find that out
/// without locking a row.
pub(super) async fn nothing_to_claim(
    connection: &mut AnyConnection,
    now: Now,
) -> Result<Option<ClaimResult>, Error> {
    let row = sqlx::query(AssertSqlSafe(anything_to_claim())).fetch_one(connection).await?;
    let waiting = waiting(&row, now, false)?;
    let is_due = waiting.next.is_some_and(|wait| wait.is_zero());
    let is_ready = row.try_get::<i64, _>("ready")? > 0;
    Ok((!is_ready && !is_due && !waiting.suspects && !waiting.isolated).then_some(waiting))
}

/// The result of a claim, without its items.
fn waiting(row: &AnyRow, now: Now, paused: bool) -> Result<ClaimResult, Error> {
    let times: [i64; 2] = [row.try_get("next")?, row.try_get("unblocked")?];
    let next = times.into_iter().filter(|time| *time >= 0).min();
    Ok(ClaimResult {
        items: Vec::new(),
        suspects: !paused && row.try_get::<i64, _>("suspects")? > 0,
        isolated: !paused && row.try_get::<i64, _>("isolated")? > 0,
        next: next.map(|next| span(now.tick, next)),
    })
}

/// Implements `Store::claim`.
pub(super) struct ClaimItems {
    pub(super) request: ClaimRequest,
    pub(super) cursor: Cursor,
}

impl Operation for ClaimItems {
    type Output = ClaimResult;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<ClaimResult, Error> {
        let Self { request, cursor } = self;
        let before = tx.fetch_one(statement!(BEFORE, [&request.owner.0])).await?;
        if before.try_get::<i64, _>("beat_until")? <= tx.now.tick {
            mark_owner_alive(tx, request).await?;
        }
        let is_due = |time: i64| time >= 0 && time <= tx.now.tick;
        let (deferred, blocked) = (is_due(before.try_get("next")?), is_due(before.try_get("unblocked")?));
        if deferred {
            release_deferred(tx).await?;
        }
        if blocked {
            release_due(tx).await?;
        }
        let paused = if before.try_get::<i64, _>("pauses")? > 0 {
            pauses::read(tx.connection).await?
        } else {
            Pauses::default()
        };
        let items = match request.selection {
            _ if paused.everything => Vec::new(),
            Selection::InTurn => claim_in_turn(tx, request, &paused, cursor).await?,
            Selection::Suspect | Selection::Isolated => claim_suspect(tx, request, &paused).await?,
        };
        let after = tx.fetch_one(sqlx::query(AFTER)).await?;
        Ok(ClaimResult { items, ..waiting(&after, tx.now, paused.any())? })
    }
}

/// Makes sure that the owner counts as alive even if its first heartbeat has not arrived. Otherwise its items could be
/// reaped at once.
async fn mark_owner_alive(tx: &mut Tx<'_>, request: &ClaimRequest) -> Result<(), Error> {
    let text = "INSERT INTO processes (id, host, version, role, slots, started_at, beat_at, beat_until) \
         VALUES ($1, '', '', 'all', 0, $2, $2, $3) ON CONFLICT (id) DO UPDATE SET beat_until = excluded.beat_until";
    tx.run(statement!(
        text,
        [&request.owner.0, tx.now.wall, tx.now.tick.saturating_add(millis(request.lease))]
    ))
    .await
}

async fn claim_in_turn(
    tx: &mut Tx<'_>,
    request: &ClaimRequest,
    paused: &Pauses,
    cursor: &Cursor,
) -> Result<Vec<Claim>, Error> {
    let (mut claims, mut downloads) = (Vec::new(), DownloadPlaces::of(request));
    let mut round = Round::after(cursor.get());
    while claims.len() < request.limit as usize {
        let mut next = round.next_job(tx, paused, &downloads).await?;
        if next.is_none() && claims.is_empty() {
            // Other transactions may hold all ready jobs for a moment. Waiting for one beats an empty result.
            next = round.wait_for_job(tx, paused, &downloads).await?;
        }
        let Some(record) = next else { break };
        let leased = match record.job.kind {
            JobKind::Url => downloads.lease(tx, request, &record).await?,
            _ => lease_item(tx, request, record.job.id.as_str(), NEXT)
                .await?
                .map_or(Leased::Nothing, Leased::Item),
        };
        match leased {
            Leased::Item(row) => {
                claims.push(start_item(tx, request, record, &row, true).await?);
                round.served();
            }
            // The job's count of queued items is wrong. It must not block all other jobs.
            Leased::Nothing => clear_queue(tx, &record).await?,
            Leased::Blocked => {}
        }
    }
    cursor.set(round.into_last());
    Ok(claims)
}

/// Takes a job out of the queue.
async fn clear_queue(tx: &mut Tx<'_>, record: &Record) -> Result<(), Error> {
    tx.run(statement!("UPDATE jobs SET queued = 0, ready = 0 WHERE id = $1", [record.job.id.as_str()])).await
}

/// Claims one of the suspects, which a process asks for when nothing forbids that it runs.
async fn claim_suspect(
    tx: &mut Tx<'_>,
    request: &ClaimRequest,
    paused: &Pauses,
) -> Result<Vec<Claim>, Error> {
    let others = match paused.condition("kind") {
        none if none.is_empty() => none,
        condition => format!("AND job_id IN (SELECT id FROM jobs WHERE 1 = 1 {condition})"),
    };
    let text = format!("{SUSPECTS} {others} ORDER BY job_id, number LIMIT 1");
    for _ in 0..if request.limit == 0 { 0 } else { MAX_SUSPECTS_TRIED } {
        let row = tx
            .fetch_optional(statement!(AssertSqlSafe(text.clone()), [suspect_column(request.selection)]))
            .await?;
        let Some(row) = row else { break };
        let id = rows::job_id(&row, "job_id")?;
        let Some(record) = tx.lock(&id).await? else { continue };
        if let Some(row) = lease_item(tx, request, id.as_str(), SUSPECT).await? {
            let claim = start_item(tx, request, record, &row, false).await?;
            return Ok(vec![claim]);
        }
    }
    Ok(Vec::new())
}
