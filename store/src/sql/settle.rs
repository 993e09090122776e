//! What the holder of a lease does with it: settles the item, defers it, gives it back. All fenced: the row
//! changes only while it is claimed by this owner in this attempt, and its job is live.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Error};

use super::clock::millis;
use super::ending::{self, Settlement};
use super::operation::{Operation, Tx};
use super::queue::{FENCE, make_ready, put_back};
use super::rows::text;
use crate::job::{ItemError, ItemResult, JobId, JobState};
use crate::store::{Lease, Outcome, Settled};

/// See `Store::settle`.
pub(super) struct Settle {
    pub(super) lease: Lease,
    pub(super) outcome: Outcome,
    pub(super) pace_ms: u64,
}

#[async_trait]
impl Operation for Settle {
    type Output = Settled;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Settled, Error> {
        let Some(mut record) = tx.lock(&self.lease.job).await? else { return Ok(Settled::Stale) };
        if record.job.state != JobState::Processing {
            return Ok(Settled::Stale);
        }
        let (error, retryable) = match &self.outcome {
            Outcome::Done(result) => {
                if !self.finish(tx, result).await? {
                    return Ok(Settled::Stale);
                }
                let done = Settlement { succeeded: true, card_bytes: result.card.length };
                let ended = ending::count(tx, &mut record, done, Some(self.pace_ms)).await?;
                return Ok(Settled::Counted(ended.map(Box::new)));
            }
            Outcome::Failed(error) => (error, false),
            Outcome::Later(wait) => match self.failures(tx).await? {
                None => return Ok(Settled::Stale),
                Some(failures) => return self.defer(tx, failures, *wait).await,
            },
            Outcome::Retry(error, backoff) => match self.failures(tx).await? {
                None => return Ok(Settled::Stale),
                Some(before) => match backoff.after(before + 1) {
                    Some(wait) => return self.defer(tx, before + 1, wait).await,
                    None => (error, true),
                },
            },
        };
        if !self.fail(tx, error, retryable).await? {
            return Ok(Settled::Stale);
        }
        let failed = Settlement { succeeded: false, card_bytes: 0 };
        let ended = ending::count(tx, &mut record, failed, Some(self.pace_ms)).await?;
        Ok(Settled::Counted(ended.map(Box::new)))
    }
}

impl Settle {
    async fn finish(&self, tx: &mut Tx<'_>, result: &ItemResult) -> Result<bool, Error> {
        let card = serde_json::to_string(&result.card).map_err(|error| Error::Encode(error.into()))?;
        let statement = format!(
            "UPDATE items SET state = 'done', members = $5, card = $6, owner = NULL, lease_until = NULL WHERE {FENCE}"
        );
        let written = sqlx::query(AssertSqlSafe(statement))
            .bind(self.lease.job.as_str())
            .bind(i64::from(self.lease.number))
            .bind(i64::from(self.lease.attempt))
            .bind(&self.lease.owner.0)
            .bind(text(&result.members).into_owned())
            .bind(card)
            .execute(&mut *tx.connection)
            .await?;
        Ok(written.rows_affected() == 1)
    }

    async fn fail(&self, tx: &mut Tx<'_>, error: &ItemError, retryable: bool) -> Result<bool, Error> {
        let statement = format!(
            "UPDATE items SET state = 'failed', error_code = $5, error_message = $6, retryable = $7, \
             failures = failures + $7, owner = NULL, lease_until = NULL WHERE {FENCE}"
        );
        let written = sqlx::query(AssertSqlSafe(statement))
            .bind(self.lease.job.as_str())
            .bind(i64::from(self.lease.number))
            .bind(i64::from(self.lease.attempt))
            .bind(&self.lease.owner.0)
            .bind(&error.code)
            .bind(text(&error.message).into_owned())
            .bind(i64::from(retryable))
            .execute(&mut *tx.connection)
            .await?;
        Ok(written.rows_affected() == 1)
    }

    /// The item's failures so far, while this lease holds it.
    async fn failures(&self, tx: &mut Tx<'_>) -> Result<Option<u32>, Error> {
        let statement = format!("SELECT failures FROM items WHERE {FENCE}");
        let row = sqlx::query(AssertSqlSafe(statement))
            .bind(self.lease.job.as_str())
            .bind(i64::from(self.lease.number))
            .bind(i64::from(self.lease.attempt))
            .bind(&self.lease.owner.0)
            .fetch_optional(&mut *tx.connection)
            .await?;
        row.map(|row| super::rows::count(&row, "failures")).transpose()
    }

    async fn defer(
        &self,
        tx: &mut Tx<'_>,
        failures: u32,
        wait: std::time::Duration,
    ) -> Result<Settled, Error> {
        let statement = format!(
            "UPDATE items SET state = 'queued', failures = $5, not_before = $6, owner = NULL, lease_until = NULL \
             WHERE {FENCE}"
        );
        sqlx::query(AssertSqlSafe(statement))
            .bind(self.lease.job.as_str())
            .bind(i64::from(self.lease.number))
            .bind(i64::from(self.lease.attempt))
            .bind(&self.lease.owner.0)
            .bind(i64::from(failures))
            .bind(tx.now.tick.saturating_add(millis(wait)).max(1))
            .execute(&mut *tx.connection)
            .await?;
        tx.deltas.waiting(1);
        sqlx::query("UPDATE jobs SET progressed_at = $2 WHERE id = $1")
            .bind(self.lease.job.as_str())
            .bind(tx.now.wall)
            .execute(&mut *tx.connection)
            .await?;
        Ok(Settled::Deferred { failures, wait })
    }
}

/// See `Store::give_back`.
pub(super) struct GiveBack(pub(super) Vec<Lease>);

#[async_trait]
impl Operation for GiveBack {
    type Output = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, Error> {
        give_back(tx, &self.0).await
    }
}

/// Puts those back that are still held, job by job. Returns how many.
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
            if let Some(suspect) = put_back(tx, lease).await? {
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

/// See `Store::fetched`.
pub(super) struct Fetched(pub(super) JobId);

#[async_trait]
impl Operation for Fetched {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let marked =
            sqlx::query("UPDATE jobs SET fetched = 1 WHERE id = $1 AND fetched = 0 AND state = 'completed'")
                .bind(self.0.as_str())
                .execute(&mut *tx.connection)
                .await?;
        Ok(marked.rows_affected() > 0)
    }
}
