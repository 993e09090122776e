//! What the holder of a lease can do with its item: settle it, defer it, or give it back.
//!
//! All writes are fenced: the row changes only while it is claimed by this owner in this attempt, and its job is live.

use std::time::Duration;

use sqlx::{Error, Row};

use super::blocked;
use super::clock::millis;
use super::completion::{self, Settlement};
use super::operation::{Operation, Tx, statement};
use super::requeue::{self, FENCE, fenced};
use super::rows::{self, Record, text};
use crate::job::{ItemError, ItemResult, JobId, JobState};
use crate::store::{ItemOutcome, Lease, Settled};

/// Implements `Store::settle`.
pub(super) struct Settle {
    pub(super) lease: Lease,
    pub(super) outcome: ItemOutcome,
    pub(super) pace_ms: u64,
}

impl Operation for Settle {
    type Output = Settled;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Settled, Error> {
        let Some(mut record) = tx.lock(&self.lease.job).await? else { return Ok(Settled::Stale) };
        if record.job.state != JobState::Processing {
            return Ok(Settled::Stale);
        }
        let (error, retryable) = match &self.outcome {
            ItemOutcome::Done(result) => {
                let Some(host) = self.finish(tx, result).await? else { return Ok(Settled::Stale) };
                blocked::host_freed(tx, &host, record.job.caller).await?;
                let done = Settlement {
                    number: self.lease.number,
                    succeeded: true,
                    card_bytes: result.card.as_ref().map_or(0, |card| card.length),
                };
                let ended = completion::count_item(tx, &mut record, done, Some(self.pace_ms)).await?;
                return Ok(Settled::Counted(ended.map(Box::new)));
            }
            ItemOutcome::Failed(error) => (error, false),
            ItemOutcome::Later(wait) => match self.failures(tx).await? {
                None => return Ok(Settled::Stale),
                Some(failures) => return self.defer(tx, &record, failures, *wait).await,
            },
            ItemOutcome::Retry(error, backoff) => match self.failures(tx).await? {
                None => return Ok(Settled::Stale),
                Some(before) => match backoff.after(before + 1) {
                    Some(wait) => return self.defer(tx, &record, before + 1, wait).await,
                    None => (error, true),
                },
            },
        };
        let Some(host) = self.fail(tx, error, retryable).await? else { return Ok(Settled::Stale) };
        blocked::host_freed(tx, &host, record.job.caller).await?;
        let failed = Settlement { number: self.lease.number, succeeded: false, card_bytes: 0 };
        let ended = completion::count_item(tx, &mut record, failed, Some(self.pace_ms)).await?;
        Ok(Settled::Counted(ended.map(Box::new)))
    }
}

impl Settle {
    /// Stores the item's result. Returns the item's host if the lease was still valid.
    async fn finish(&self, tx: &mut Tx<'_>, result: &ItemResult) -> Result<Option<String>, Error> {
        let card = serde_json::to_string(&result.card).map_err(|error| Error::Encode(error.into()))?;
        let statement = format!(
            "UPDATE items SET state = 'done', members = $5, card = $6, owner = NULL, lease_until = NULL WHERE {FENCE} \
             RETURNING host"
        );
        let written = tx
            .fetch_optional(
                fenced(statement, &self.lease).bind(text(&result.members).into_owned()).bind(card),
            )
            .await?;
        written.map(|row| row.try_get("host")).transpose()
    }

    /// Stores the item's error. Returns the item's host if the lease was still valid.
    async fn fail(
        &self,
        tx: &mut Tx<'_>,
        error: &ItemError,
        retryable: bool,
    ) -> Result<Option<String>, Error> {
        let statement = format!(
            "UPDATE items SET state = 'failed', error_code = $5, error_message = $6, retryable = $7, \
             failures = failures + $7, owner = NULL, lease_until = NULL WHERE {FENCE} RETURNING host"
        );
        let written = tx
            .fetch_optional(
                fenced(statement, &self.lease)
                    .bind(&error.code)
                    .bind(text(&error.message).into_owned())
                    .bind(i64::from(retryable)),
            )
            .await?;
        written.map(|row| row.try_get("host")).transpose()
    }

    /// The item's failures so far, or `None` if the lease is lost.
    async fn failures(&self, tx: &mut Tx<'_>) -> Result<Option<u32>, Error> {
        let statement = format!("SELECT failures FROM items WHERE {FENCE}");
        let row = tx.fetch_optional(fenced(statement, &self.lease)).await?;
        row.map(|row| rows::count(&row, "failures")).transpose()
    }

    /// Puts the item back with a wait.
    async fn defer(
        &self,
        tx: &mut Tx<'_>,
        record: &Record,
        failures: u32,
        wait: Duration,
    ) -> Result<Settled, Error> {
        let statement = format!(
            "UPDATE items SET state = 'queued', failures = $5, not_before = $6, owner = NULL, lease_until = NULL \
             WHERE {FENCE} RETURNING host"
        );
        let until = tx.now.tick.saturating_add(millis(wait)).max(1);
        let deferred =
            tx.fetch_one(fenced(statement, &self.lease).bind(i64::from(failures)).bind(until)).await?;
        blocked::host_freed(tx, deferred.try_get("host")?, record.job.caller).await?;
        tx.deltas.waiting(1);
        tx.execute(statement!(
            "UPDATE jobs SET progressed_at = $2 WHERE id = $1",
            [self.lease.job.as_str(), tx.now.wall]
        ))
        .await?;
        Ok(Settled::Deferred { failures, wait })
    }
}

/// Implements `Store::give_back`.
pub(super) struct GiveBack(pub(super) Vec<Lease>);

impl Operation for GiveBack {
    type Output = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, Error> {
        requeue::give_back(tx, &self.0).await
    }
}

/// Implements `Store::fetched`.
pub(super) struct MarkFetched(pub(super) JobId);

impl Operation for MarkFetched {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let marked = tx
            .execute(statement!(
                "UPDATE jobs SET fetched = 1 WHERE id = $1 AND fetched = 0 AND state = 'completed'",
                [self.0.as_str()]
            ))
            .await?;
        Ok(marked > 0)
    }
}
