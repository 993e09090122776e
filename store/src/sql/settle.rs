//! What the holder of a lease does with it: settles the item, gives it back, prolongs it. All fenced: the row
//! changes only while it is claimed by this owner in this attempt, and its job is live.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::{Error, Row};

use super::clock::millis;
use super::ending;
use super::operation::{Operation, Tx};
use super::rows::{self, Record, text};
use crate::job::{ItemError, JobId, JobState};
use crate::store::{Lease, Outcome, Owner, Settled};

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
        if record.job.state != JobState::Processing || !self.write(tx).await? {
            return Ok(Settled::Stale);
        }
        let succeeded = matches!(self.outcome, Outcome::Done(_));
        let ended = ending::count(tx, &mut record, succeeded, Some(self.pace_ms)).await?;
        Ok(Settled::Counted(ended.map(Box::new)))
    }
}

impl Settle {
    async fn write(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let (state, members, card, error) = match &self.outcome {
            Outcome::Done(result) => {
                let card =
                    serde_json::to_string(&result.card).map_err(|error| Error::Encode(error.into()))?;
                ("done", Some(text(&result.members).into_owned()), Some(card), None)
            }
            Outcome::Failed(error) => ("failed", None, None, Some(error)),
        };
        let written = sqlx::query(
            "UPDATE items SET state = $5, members = $6, card = $7, error_code = $8, error_message = $9, \
             owner = NULL, lease_until = NULL \
             WHERE job_id = $1 AND number = $2 AND state = 'claimed' AND attempt = $3 AND owner = $4",
        )
        .bind(self.lease.job.as_str())
        .bind(i64::from(self.lease.number))
        .bind(i64::from(self.lease.attempt))
        .bind(&self.lease.owner.0)
        .bind(state)
        .bind(members)
        .bind(card)
        .bind(error.map(|error| error.code.clone()))
        .bind(error.map(|ItemError { message, .. }| text(message).into_owned()))
        .execute(&mut *tx.connection)
        .await?;
        Ok(written.rows_affected() == 1)
    }
}

/// See `Store::give_back`.
pub(super) struct GiveBack(pub(super) Vec<Lease>);

#[async_trait]
impl Operation for GiveBack {
    type Output = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, Error> {
        let mut by_job: BTreeMap<&JobId, Vec<&Lease>> = BTreeMap::new();
        for lease in &self.0 {
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
}

/// Puts one item back, if it is still held. Whether it is a suspect: it stays one.
async fn put_back(tx: &mut Tx<'_>, lease: &Lease) -> Result<Option<bool>, Error> {
    let row = sqlx::query(
        "UPDATE items SET state = 'queued', owner = NULL, lease_until = NULL \
         WHERE job_id = $1 AND number = $2 AND state = 'claimed' AND attempt = $3 AND owner = $4 \
         RETURNING suspect",
    )
    .bind(lease.job.as_str())
    .bind(i64::from(lease.number))
    .bind(i64::from(lease.attempt))
    .bind(&lease.owner.0)
    .fetch_optional(&mut *tx.connection)
    .await?;
    row.map(|row| Ok(row.try_get::<i64, _>("suspect")? == 1)).transpose()
}

/// Gives the job its items back, and the place before those that came since.
async fn make_ready(tx: &mut Tx<'_>, record: &Record, items: i64) -> Result<(), Error> {
    let text = "SELECT turn FROM jobs WHERE ready = 1 AND priority = $1 ORDER BY turn LIMIT 1";
    let first =
        sqlx::query(text).bind(rows::rank(record.job.priority)).fetch_optional(&mut *tx.connection).await?;
    let first = first.map(|row| row.try_get("turn")).transpose()?;
    sqlx::query("UPDATE jobs SET queued = queued + $2, ready = 1, turn = $3 WHERE id = $1")
        .bind(record.job.id.as_str())
        .bind(items)
        .bind(first.map_or(record.turn, |first: i64| record.turn.min(first - 1)))
        .execute(&mut *tx.connection)
        .await
        .map(|_| ())
}

/// See `Store::heartbeat`.
pub(super) struct Heartbeat {
    pub(super) owner: Owner,
    pub(super) lease: Duration,
}

#[async_trait]
impl Operation for Heartbeat {
    type Output = Vec<Lease>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Lease>, Error> {
        let statement = "UPDATE items SET lease_until = $2 WHERE state = 'claimed' AND owner = $1 \
             RETURNING job_id, number, attempt";
        let rows = sqlx::query(statement)
            .bind(&self.owner.0)
            .bind(tx.now.tick.saturating_add(millis(self.lease)))
            .fetch_all(&mut *tx.connection)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Lease {
                    job: rows::job_id(row, "job_id")?,
                    number: rows::count(row, "number")?,
                    attempt: rows::count(row, "attempt")?,
                    owner: self.owner.clone(),
                })
            })
            .collect()
    }
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
