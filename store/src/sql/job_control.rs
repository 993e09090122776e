//! Changes to whole jobs on request: cancel, delete, retry. Also turns jobs into tombstones.

use sqlx::{Error, Row};

use super::completion;
use super::operation::{Operation, Tx, statement};
use super::rows::{Record, Removal, seconds};
use super::turns;
use crate::job::{JobId, JobState};
use crate::store::{Canceled, Retried};

/// Implements `Store::cancel`.
pub(super) struct Cancel(pub(super) JobId);

impl Operation for Cancel {
    type Output = Canceled;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Canceled, Error> {
        let Some(mut record) = tx.lock(&self.0).await? else { return Ok(Canceled::Unknown) };
        match record.job.state {
            JobState::Canceled => return Ok(Canceled::Before(record.job)),
            state if state.has_ended() => return Ok(Canceled::TooLate(record.job)),
            _ => {}
        }
        let waiting = cancel_items(tx, &self.0, "queued").await?;
        tx.deltas.waiting(-(waiting as i64));
        cancel_items(tx, &self.0, "claimed").await?;
        Ok(Canceled::Now(Box::new(completion::end_job(tx, &mut record, JobState::Canceled).await?)))
    }
}

async fn cancel_items(tx: &mut Tx<'_>, job: &JobId, state: &str) -> Result<u64, Error> {
    let text = "UPDATE items SET state = 'canceled', owner = NULL, lease_until = NULL WHERE job_id = $1 AND state = $2";
    let canceled = tx.execute(statement!(text, [job.as_str(), state])).await?;
    Ok(canceled)
}

/// Implements `Store::delete`.
pub(super) struct Delete(pub(super) JobId);

impl Operation for Delete {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let Some(record) = tx.lock(&self.0).await? else { return Ok(false) };
        if record.job.state == JobState::Expired {
            return Ok(false);
        }
        make_tombstone(tx, record).await?;
        Ok(true)
    }
}

/// Turns a job into a tombstone: the row stays, the items are deleted, and the blobs are due for removal.
pub(super) async fn make_tombstone(tx: &mut Tx<'_>, mut record: Record) -> Result<(), Error> {
    let expires = record.expires.min(tx.now.wall);
    if !record.job.state.has_ended() {
        completion::close(tx, &mut record);
    }
    let job = &mut record.job;
    tx.deltas.leave(job.state);
    tx.deltas.enter(JobState::Expired);
    if !job.state.has_ended() {
        let text = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM items WHERE job_id = $1 AND state = 'queued'";
        let waiting: i64 = tx.fetch_one(statement!(text, [job.id.as_str()])).await?.try_get("n")?;
        tx.deltas.waiting(-waiting);
    }
    job.state = JobState::Expired;
    job.version += 1;
    job.eta_s = 0;
    job.expires_at = seconds(expires);
    tx.execute(statement!("DELETE FROM items WHERE job_id = $1", [job.id.as_str()])).await?;
    tx.execute(statement!(
        "UPDATE jobs SET state = 'expired', version = $2, eta_s = 0, expires_at = $3, \
         finished_at = COALESCE(finished_at, $4), queued = 0, ready = 0, blocked_until = 0, expected_bytes = 0, removal = $5, removal_after = 0, \
         removal_failures = 0 WHERE id = $1",
        [job.id.as_str(), job.version, expires, tx.now.wall, Removal::Everything.to_column()]
    ))
    .await?;
    tx.execute(statement!("UPDATE keys SET expires_at = keep_until WHERE job_id = $1", [job.id.as_str()]))
        .await?;
    tx.changed(&record.job);
    Ok(())
}

/// Implements `Store::retry`.
pub(super) struct Retry(pub(super) JobId);

impl Operation for Retry {
    type Output = Retried;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Retried, Error> {
        let Some(mut record) = tx.lock(&self.0).await? else { return Ok(Retried::Unknown) };
        if !matches!(record.job.state, JobState::Completed | JobState::Failed) {
            return Ok(Retried::Nothing(record.job));
        }
        // A picture that crashed its process is retried in isolation.
        let rows = tx
            .fetch_all(statement!(
                "UPDATE items SET state = 'queued', failures = 0, not_before = 0, retryable = 0, \
             suspect = CASE WHEN crashes > 0 THEN 2 ELSE 0 END, crashes = 0, error_code = NULL, \
             error_message = NULL WHERE job_id = $1 AND state = 'failed' AND retryable = 1 RETURNING suspect",
                [self.0.as_str()]
            ))
            .await?;
        if rows.is_empty() {
            return Ok(Retried::Nothing(record.job));
        }
        let mut in_turn = 0;
        for row in &rows {
            in_turn += i64::from(row.try_get::<i64, _>("suspect")? == 0);
        }
        self.reopen(tx, &mut record, rows.len() as u32, in_turn).await?;
        Ok(Retried::Queued(record.job, rows.len() as u32))
    }
}

impl Retry {
    /// Makes an ended job live again.
    async fn reopen(
        &self,
        tx: &mut Tx<'_>,
        record: &mut Record,
        items: u32,
        in_turn: i64,
    ) -> Result<(), Error> {
        let job = &mut record.job;
        tx.deltas.leave(job.state);
        tx.deltas.enter(JobState::Processing);
        tx.deltas.waiting(i64::from(items));
        job.state = JobState::Processing;
        job.failed = job.failed.saturating_sub(items);
        job.finished_at = None;
        job.version += 1;
        let turn = turns::rejoin(tx, record).await?;
        let job = &record.job;
        // The cards that it has count as those that it is expected to have.
        tx.usage.add(job.caller.to_string(), [1, i64::from(job.total), 0]);
        let text = "UPDATE jobs SET state = 'processing', failed = $2, version = $3, finished_at = NULL, queued = $4, \
             ready = CASE WHEN $4 > 0 THEN 1 ELSE 0 END, progressed_at = $5, blocked_until = 0, removal = 0, expected_bytes = card_bytes, \
             turn = $6 WHERE id = $1";
        tx.execute(statement!(
            text,
            [job.id.as_str(), i64::from(job.failed), job.version, in_turn, tx.now.wall, turn]
        ))
        .await?;
        tx.changed(&record.job);
        Ok(())
    }
}
