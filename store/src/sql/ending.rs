//! How a job's counts grow and how it ends: the rules that every write about items shares.

use sqlx::Error;

use super::clock::span;
use super::operation::Tx;
use super::outbox;
use super::rows::{Record, seconds};
use crate::job::JobState;
use crate::store::Ended;

/// How an item was settled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settlement {
    /// Whether it has a result.
    pub(super) succeeded: bool,
    /// Bytes of its card.
    pub(super) card_bytes: u64,
}

/// Counts a settled item, and ends the job with the last one. Without a pace the estimate stays.
pub(super) async fn count(
    tx: &mut Tx<'_>,
    record: &mut Record,
    settlement: Settlement,
    pace_ms: Option<u64>,
) -> Result<Option<Ended>, Error> {
    let card_bytes = i64::try_from(settlement.card_bytes).unwrap_or(i64::MAX);
    tx.deltas.blob_bytes(card_bytes);
    record.card_bytes += card_bytes;
    let job = &mut record.job;
    let before = job.progress();
    if settlement.succeeded {
        job.succeeded += 1;
    } else {
        job.failed += 1;
    }
    if job.succeeded + job.failed >= job.total {
        let state = if job.succeeded > 0 { JobState::Completed } else { JobState::Failed };
        return end(tx, record, state).await.map(Some);
    }
    let grew = job.progress() != before;
    if grew {
        job.version += 1;
        job.eta_s = pace_ms.map_or(job.eta_s, |pace| eta(job.total - job.succeeded - job.failed, pace));
    }
    // No column of an index: PostgreSQL finds room for the new row on the old one's page.
    sqlx::query(
        "UPDATE jobs SET succeeded = $2, failed = $3, version = $4, eta_s = $5, card_bytes = $6, \
         progressed_at = $7 WHERE id = $1",
    )
    .bind(job.id.as_str())
    .bind(i64::from(job.succeeded))
    .bind(i64::from(job.failed))
    .bind(job.version)
    .bind(i64::from(job.eta_s))
    .bind(record.card_bytes)
    .bind(tx.now.wall)
    .execute(&mut *tx.connection)
    .await?;
    if grew {
        tx.changed(&record.job);
    }
    Ok(None)
}

/// Ends a live job, and puts its delivery into the outbox. Its inputs may go, unless pictures failed by a fault that is
/// not theirs: an operator may want to try these again.
pub(super) async fn end(tx: &mut Tx<'_>, record: &mut Record, state: JobState) -> Result<Ended, Error> {
    let finished = tx.now.wall;
    let job = &mut record.job;
    tx.deltas.leave(job.state);
    tx.deltas.enter(state);
    job.state = state;
    job.finished_at = Some(seconds(finished));
    job.version += 1;
    job.eta_s = 0;
    sqlx::query(
        "UPDATE jobs SET state = $2, finished_at = $3, version = $4, eta_s = 0, succeeded = $5, failed = $6, \
         queued = 0, ready = 0, card_bytes = $7, removal_after = 0, removal_failures = 0, \
         removal = CASE WHEN $8 = 1 AND EXISTS (SELECT 1 FROM items WHERE job_id = $1 AND state = 'failed' \
         AND retryable = 1) THEN 0 ELSE 1 END WHERE id = $1",
    )
    .bind(job.id.as_str())
    .bind(state.as_str())
    .bind(finished)
    .bind(job.version)
    .bind(i64::from(job.succeeded))
    .bind(i64::from(job.failed))
    .bind(record.card_bytes)
    .bind(i64::from(state != JobState::Canceled))
    .execute(&mut *tx.connection)
    .await?;
    outbox::post(tx, &record.job, finished).await?;
    tx.changed(&record.job);
    let processing = record.started.map(|started| span(started, finished)).unwrap_or_default();
    Ok(Ended { job: record.job.clone(), processing })
}

/// Seconds until so many pictures are settled, rounded up.
pub(super) fn eta(pictures: u32, pace_ms: u64) -> u32 {
    u32::try_from(u64::from(pictures).saturating_mul(pace_ms).div_ceil(1_000)).unwrap_or(u32::MAX)
}
