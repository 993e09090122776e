//! Counts settled items and ends jobs. Every write that settles an item uses these rules.

use sqlx::Error;

use super::clock::span;
use super::operation::{Tx, statement};
use super::outbox;
use super::rows::{Record, seconds};
use crate::job::{JobKind, JobState};
use crate::store::EndedJob;

/// What a settled item adds to its job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settlement {
    /// The item's number.
    pub(super) number: u32,
    /// Whether the item has a result.
    pub(super) succeeded: bool,
    /// Size of its card in bytes.
    pub(super) card_bytes: u64,
}

/// Ends the items that are the same picture as this settled one, as it has ended. They wait for it, and share its card.
const END_THE_SAME: &str = "UPDATE items SET state = ended.state, members = ended.members, card = ended.card, \
     error_code = ended.error_code, error_message = ended.error_message, retryable = ended.retryable, not_before = 0 \
     FROM items AS ended WHERE ended.job_id = $1 AND ended.number = $2 AND items.job_id = $1 AND items.same_as = $2 \
     AND items.state = 'queued' AND items.not_before > 0";

/// Counts a settled item and those that end with it, and ends the job if it was the last one. Without a pace, the estimate of the job's end stays.
pub(super) async fn count_item(
    tx: &mut Tx<'_>,
    record: &mut Record,
    settlement: Settlement,
    pace_ms: Option<u64>,
) -> Result<Option<EndedJob>, Error> {
    let card_bytes = i64::try_from(settlement.card_bytes).unwrap_or(i64::MAX);
    let reserved = record.reserved_bytes();
    record.card_bytes += card_bytes;
    tx.deltas.blob_bytes(card_bytes);
    tx.deltas.reserved_bytes(record.reserved_bytes() - reserved);
    let same = end_the_same(tx, record, settlement.number).await?;
    let job = &mut record.job;
    let before = job.progress();
    if settlement.succeeded {
        job.succeeded += 1 + same;
    } else {
        job.failed += 1 + same;
    }
    if job.succeeded + job.failed >= job.total {
        let state = if job.succeeded > 0 { JobState::Completed } else { JobState::Failed };
        return end_job(tx, record, state).await.map(Some);
    }
    let grew = job.progress() != before;
    if grew {
        job.version += 1;
        job.eta_s = pace_ms.map_or(job.eta_s, |pace| eta(job.total - job.succeeded - job.failed, pace));
    }
    // None of these columns is in an index, so PostgreSQL can keep the new row on the page of the old one.
    tx.execute(statement!(
        "UPDATE jobs SET succeeded = $2, failed = $3, version = $4, eta_s = $5, card_bytes = $6, \
         progressed_at = $7 WHERE id = $1",
        [
            job.id.as_str(),
            i64::from(job.succeeded),
            i64::from(job.failed),
            job.version,
            i64::from(job.eta_s),
            record.card_bytes,
            tx.now.wall
        ]
    ))
    .await?;
    if grew {
        tx.changed(&record.job);
    }
    Ok(None)
}

/// Ends the items that are the same picture, and returns how many these are. Only URLs are named twice.
async fn end_the_same(tx: &mut Tx<'_>, record: &Record, number: u32) -> Result<u32, Error> {
    if record.job.kind != JobKind::Url {
        return Ok(0);
    }
    let ended = tx.execute(statement!(END_THE_SAME, [record.job.id.as_str(), i64::from(number)])).await?;
    tx.deltas.waiting(-(ended as i64));
    Ok(ended as u32)
}

/// Ends a live job, and puts its delivery into the outbox. Its inputs become due for removal, unless pictures failed
/// with a retryable error: an operator may want to retry those.
pub(super) async fn end_job(
    tx: &mut Tx<'_>,
    record: &mut Record,
    state: JobState,
) -> Result<EndedJob, Error> {
    let finished = tx.now.wall;
    close(tx, record);
    let job = &mut record.job;
    tx.deltas.leave(job.state);
    tx.deltas.enter(state);
    job.state = state;
    job.finished_at = Some(seconds(finished));
    job.version += 1;
    job.eta_s = 0;
    tx.execute(statement!(
        "UPDATE jobs SET state = $2, finished_at = $3, version = $4, eta_s = 0, succeeded = $5, failed = $6, \
         queued = 0, ready = 0, blocked_until = 0, card_bytes = $7, expected_bytes = 0, removal_after = 0, removal_failures = 0, \
         removal = CASE WHEN $8 = 1 AND EXISTS (SELECT 1 FROM items WHERE job_id = $1 AND state = 'failed' \
         AND retryable = 1) THEN 0 ELSE 1 END WHERE id = $1",
        [
            job.id.as_str(),
            state.as_str(),
            finished,
            job.version,
            i64::from(job.succeeded),
            i64::from(job.failed),
            record.card_bytes,
            i64::from(state != JobState::Canceled)
        ]
    ))
    .await?;
    outbox::store_delivery(tx, &record.job, finished).await?;
    tx.changed(&record.job);
    let processing = record.started.map(|started| span(started, finished)).unwrap_or_default();
    Ok(EndedJob { job: record.job.clone(), processing })
}

/// A live job is about to end or to be deleted: its caller has one open job less, and the cards that it was expected to
/// store are replaced by those that it has.
pub(super) fn close(tx: &mut Tx<'_>, record: &mut Record) {
    let job = &record.job;
    let usage = [-1, -i64::from(job.total), record.card_bytes - record.expected_bytes];
    tx.usage.add(job.caller.to_string(), usage);
    tx.deltas.reserved_bytes(-record.reserved_bytes());
    record.expected_bytes = 0;
}

/// Seconds until this many pictures are settled, rounded up.
pub(super) fn eta(pictures: u32, pace_ms: u64) -> u32 {
    u32::try_from(u64::from(pictures).saturating_mul(pace_ms).div_ceil(1_000)).unwrap_or(u32::MAX)
}
