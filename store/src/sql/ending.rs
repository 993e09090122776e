//! How a job's counts grow and how it ends: the rules that every write about items shares.

use sqlx::Error;

use super::clock::span;
use super::operation::Tx;
use super::outbox;
use super::rows::{Record, seconds};
use crate::job::JobState;
use crate::store::Ended;

/// Counts a settled item, and ends the job with the last one. Without a pace the estimate stays.
pub(super) async fn count(
    tx: &mut Tx<'_>,
    record: &mut Record,
    succeeded: bool,
    pace_ms: Option<u64>,
) -> Result<Option<Ended>, Error> {
    let job = &mut record.job;
    let before = job.progress();
    if succeeded {
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
    sqlx::query("UPDATE jobs SET succeeded = $2, failed = $3, version = $4, eta_s = $5 WHERE id = $1")
        .bind(job.id.as_str())
        .bind(i64::from(job.succeeded))
        .bind(i64::from(job.failed))
        .bind(job.version)
        .bind(i64::from(job.eta_s))
        .execute(&mut *tx.connection)
        .await?;
    if grew {
        tx.changed(&record.job);
    }
    Ok(None)
}

/// Ends a live job, and puts its delivery into the outbox.
pub(super) async fn end(tx: &mut Tx<'_>, record: &mut Record, state: JobState) -> Result<Ended, Error> {
    let finished = tx.now.wall;
    let job = &mut record.job;
    job.state = state;
    job.finished_at = Some(seconds(finished));
    job.version += 1;
    job.eta_s = 0;
    sqlx::query(
        "UPDATE jobs SET state = $2, finished_at = $3, version = $4, eta_s = 0, succeeded = $5, failed = $6, \
         queued = 0, ready = 0, removal = 1 WHERE id = $1",
    )
    .bind(job.id.as_str())
    .bind(state.as_str())
    .bind(finished)
    .bind(job.version)
    .bind(i64::from(job.succeeded))
    .bind(i64::from(job.failed))
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
