//! Claims items, fairly between callers and between the jobs of each; see `queue` for whose turn it is.
//!
//! Two kinds of items are not in the queue. Suspects, whose process died and which may have caused that, are claimed
//! one at a time and only on request. Deferred items return to the queue when their wait is over.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Error, Row};

use super::blocked::release_due;
use super::clock::{Now, millis, span};
use super::completion::eta;
use super::downloads::{DownloadPlaces, Leased};
use super::fault::corrupt;
use super::operation::{Operation, Tx, statement};
use super::pauses::{self, Pauses};
use super::queue::{self, ReadyCallers};
use super::requeue::release_deferred;
use super::rows::{self, Record, seconds};
use super::suspects::{claim_suspect, suspect_column};
use crate::job::{JobKind, JobState};
use crate::store::{Claim, ClaimRequest, ClaimResult, Lease, Selection};

/// How often a claim reads the head of the queue of callers, if most of those that it finds have no jobs any more.
const MAX_ROUNDS: u32 = 4;

pub(super) const NEXT: &str = "SELECT number FROM items WHERE job_id = $1 AND state = 'queued' AND suspect = 0 \
     AND not_before = 0 ORDER BY number LIMIT 1";

/// Leases an item of the job $1 to the owner $2 with the claim $3.
pub(super) const LEASE: &str =
    "UPDATE items SET state = 'claimed', attempt = attempt + 1, owner = $2, lease_until = NULL, claim = $3";
pub(super) const RETURNING: &str = "RETURNING number, name, source, attempt";

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

/// Like [`AFTER`], and whether any caller has jobs that are ready.
pub(super) fn anything_to_claim() -> String {
    AFTER.replacen(
        "SELECT",
        "SELECT CAST(COALESCE((SELECT ready FROM callers WHERE ready = 1 ORDER BY turn, caller LIMIT 1), 0) AS BIGINT) \
         AS ready,",
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

/// Removes one item from the job's queue and charges the job for it. A job that is alone among its caller's keeps its
/// turn, so that no index changes.
pub(super) const ADVANCE: &str = "UPDATE jobs SET turn = CASE WHEN $2 = 1 AND EXISTS (SELECT 1 FROM jobs AS others WHERE others.ready = 1 \
     AND others.caller = jobs.caller AND others.blocked_until = 0 AND others.id <> $1) THEN turn + $7 ELSE turn END, \
     queued = queued - $2, ready = CASE WHEN queued > $2 THEN 1 ELSE 0 END, \
     state = $3, started_at = COALESCE(started_at, $4), version = $5, eta_s = $6, \
     progressed_at = CASE WHEN progressed_at = 0 THEN $4 ELSE progressed_at END WHERE id = $1 RETURNING ready";

/// Implements `Store::claim`.
pub(super) struct ClaimItems(pub(super) ClaimRequest);

impl Operation for ClaimItems {
    type Output = ClaimResult;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<ClaimResult, Error> {
        let Self(request) = self;
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
        tx.callers.write(tx.connection).await?;
        let paused = if before.try_get::<i64, _>("pauses")? > 0 {
            pauses::read(tx.connection).await?
        } else {
            Pauses::default()
        };
        let items = match request.selection {
            _ if paused.everything => Vec::new(),
            Selection::InTurn => claim_in_turn(tx, request, &paused).await?,
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
) -> Result<Vec<Claim>, Error> {
    let (mut claims, mut downloads) = (Vec::new(), DownloadPlaces::of(request));
    for round in 0..MAX_ROUNDS {
        let missing = request.limit.saturating_sub(claims.len() as u32);
        if missing == 0 {
            break;
        }
        let mut callers = ReadyCallers::read(tx, missing, round, paused, &downloads).await?;
        claim_round(tx, request, paused, &mut callers, &mut downloads, &mut claims).await?;
        let more = callers.may_be_more();
        callers.settle(tx);
        if !more || claims.len() >= request.limit as usize {
            break;
        }
        tx.callers.write(tx.connection).await?;
    }
    Ok(claims)
}

/// Claims from these callers until there are enough items, or no job is left that is free.
async fn claim_round(
    tx: &mut Tx<'_>,
    request: &ClaimRequest,
    paused: &Pauses,
    callers: &mut ReadyCallers,
    downloads: &mut DownloadPlaces,
    claims: &mut Vec<Claim>,
) -> Result<(), Error> {
    while claims.len() < request.limit as usize {
        let mut next = callers.next_job(tx, paused, downloads).await?;
        if next.is_none() && claims.is_empty() {
            // Other transactions may hold all ready jobs for a moment. Waiting for one beats an empty result.
            next = callers.wait_for_job(tx, paused, downloads).await?;
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
                let (claim, is_last) = start_item(tx, request, record, &row, true).await?;
                claims.push(claim);
                callers.charge(is_last);
            }
            // The job's count of queued items is wrong. It must not block all other jobs.
            Leased::Nothing => clear_queue(tx, &record).await?,
            Leased::Blocked => callers.blocked(),
        }
    }
    Ok(())
}

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

/// Updates the job of a leased item. The first item starts the job. Also returns whether no item is left to claim in
/// turn.
pub(super) async fn start_item(
    tx: &mut Tx<'_>,
    request: &ClaimRequest,
    mut record: Record,
    row: &AnyRow,
    in_turn: bool,
) -> Result<(Claim, bool), Error> {
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
    let advanced = tx
        .fetch_one(statement!(
            ADVANCE,
            [
                job.id.as_str(),
                i64::from(in_turn),
                job.state.as_str(),
                tx.now.wall,
                job.version,
                i64::from(job.eta_s),
                queue::stride(job.priority)
            ]
        ))
        .await?;
    if first {
        tx.changed(&record.job);
    }
    let waited = first.then(|| span(record.created, tx.now.wall));
    Ok((claim(request, &record, row, waited)?, advanced.try_get::<i64, _>("ready")? == 0))
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

/// Takes a job out of the queue.
async fn clear_queue(tx: &mut Tx<'_>, record: &Record) -> Result<(), Error> {
    tx.run(statement!("UPDATE jobs SET queued = 0, ready = 0 WHERE id = $1", [record.job.id.as_str()])).await
}
