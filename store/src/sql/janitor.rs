//! Ends that are not an item's doing, and what is left to clear away after them.

use async_trait::async_trait;
use sqlx::{Error, Row};
use std::time::Duration;

use super::clock::millis;
use super::ending;
use super::operation::{Operation, Tx};
use super::rows::{self, Record, seconds};
use crate::job::{JobId, JobState};
use crate::store::{Canceled, Collected, Removable};

pub(super) const PAST: &str =
    "SELECT id FROM jobs WHERE state <> 'expired' AND expires_at <= $1 ORDER BY expires_at LIMIT $2";
pub(super) const TOMBSTONES: &str = "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE removal < 0 \
     AND expires_at <= $1 ORDER BY expires_at LIMIT $2) RETURNING id";
pub(super) const KEYS: &str = "DELETE FROM keys WHERE (scope, key) IN (SELECT scope, key FROM keys \
     WHERE expires_at <= $1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = keys.job_id \
     AND jobs.state <> 'expired') ORDER BY expires_at LIMIT $2)";
pub(super) const NONCES: &str = "DELETE FROM nonces WHERE word IN \
     (SELECT word FROM nonces WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";

/// See `Store::cancel`.
pub(super) struct Cancel(pub(super) JobId);

#[async_trait]
impl Operation for Cancel {
    type Output = Canceled;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Canceled, Error> {
        let Some(mut record) = tx.lock(&self.0).await? else { return Ok(Canceled::Unknown) };
        match record.job.state {
            JobState::Canceled => return Ok(Canceled::Before(record.job)),
            state if state.has_ended() => return Ok(Canceled::TooLate(record.job)),
            _ => {}
        }
        sqlx::query(
            "UPDATE items SET state = 'canceled', owner = NULL, lease_until = NULL \
             WHERE job_id = $1 AND state IN ('queued', 'claimed')",
        )
        .bind(self.0.as_str())
        .execute(&mut *tx.connection)
        .await?;
        Ok(Canceled::Now(Box::new(ending::end(tx, &mut record, JobState::Canceled).await?)))
    }
}

/// See `Store::delete`.
pub(super) struct Delete(pub(super) JobId);

#[async_trait]
impl Operation for Delete {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let Some(record) = tx.lock(&self.0).await? else { return Ok(false) };
        if record.job.state == JobState::Expired {
            return Ok(false);
        }
        bury(tx, record).await?;
        Ok(true)
    }
}

/// See `Store::expire`.
pub(super) struct Expire(pub(super) u32);

#[async_trait]
impl Operation for Expire {
    type Output = Vec<JobId>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<JobId>, Error> {
        let rows = sqlx::query(PAST)
            .bind(tx.now.wall)
            .bind(i64::from(self.0))
            .fetch_all(&mut *tx.connection)
            .await?;
        let mut ids: Vec<_> = rows.iter().map(|row| rows::job_id(row, "id")).collect::<Result<_, _>>()?;
        ids.sort();
        let mut expired = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(record) = tx.lock(&id).await? else { continue };
            if record.job.state != JobState::Expired {
                bury(tx, record).await?;
                expired.push(id);
            }
        }
        Ok(expired)
    }
}

/// Makes a tombstone: the row stays, its items go, its blobs are due to go.
async fn bury(tx: &mut Tx<'_>, mut record: Record) -> Result<(), Error> {
    let expires = record.expires.min(tx.now.wall);
    let job = &mut record.job;
    job.state = JobState::Expired;
    job.version += 1;
    job.eta_s = 0;
    job.expires_at = seconds(expires);
    sqlx::query("DELETE FROM items WHERE job_id = $1")
        .bind(job.id.as_str())
        .execute(&mut *tx.connection)
        .await?;
    sqlx::query(
        "UPDATE jobs SET state = 'expired', version = $2, eta_s = 0, expires_at = $3, \
         finished_at = COALESCE(finished_at, $4), queued = 0, ready = 0, removal = 2 WHERE id = $1",
    )
    .bind(job.id.as_str())
    .bind(job.version)
    .bind(expires)
    .bind(tx.now.wall)
    .execute(&mut *tx.connection)
    .await?;
    sqlx::query("UPDATE keys SET expires_at = keep_until WHERE job_id = $1")
        .bind(job.id.as_str())
        .execute(&mut *tx.connection)
        .await?;
    tx.changed(&record.job);
    Ok(())
}

/// See `Store::removed`.
pub(super) struct Removed(pub(super) Vec<Removable>);

#[async_trait]
impl Operation for Removed {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let mut gone: Vec<_> = self.0.iter().collect();
        gone.sort_by_key(|gone| &gone.job);
        for Removable { job, everything } in gone {
            // A job that became a tombstone meanwhile is due again, with everything.
            sqlx::query("UPDATE jobs SET removal = $3 WHERE id = $1 AND removal = $2")
                .bind(job.as_str())
                .bind(if *everything { 2 } else { 1_i64 })
                .bind(if *everything { -1 } else { 0_i64 })
                .execute(&mut *tx.connection)
                .await?;
        }
        Ok(())
    }
}

/// See `Store::collect`.
pub(super) struct Collect {
    pub(super) most: u32,
    pub(super) tombstone: Duration,
}

#[async_trait]
impl Operation for Collect {
    type Output = Collected;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Collected, Error> {
        let now = tx.now.wall;
        let jobs = self.tombstones(tx, now.saturating_sub(millis(self.tombstone))).await?;
        let keys = self.remove(tx, KEYS, now).await?;
        let nonces = self.remove(tx, NONCES, now).await?;
        let more = [jobs, keys, nonces].iter().any(|removed| *removed >= u64::from(self.most));
        Ok(Collected { jobs, keys, nonces, more })
    }
}

impl Collect {
    async fn tombstones(&self, tx: &mut Tx<'_>, before: i64) -> Result<u64, Error> {
        let rows = sqlx::query(TOMBSTONES)
            .bind(before)
            .bind(i64::from(self.most))
            .fetch_all(&mut *tx.connection)
            .await?;
        for row in &rows {
            sqlx::query("DELETE FROM deliveries WHERE job_id = $1")
                .bind(row.try_get::<String, _>("id")?)
                .execute(&mut *tx.connection)
                .await?;
        }
        Ok(rows.len() as u64)
    }

    async fn remove(&self, tx: &mut Tx<'_>, text: &'static str, now: i64) -> Result<u64, Error> {
        let removed =
            sqlx::query(text).bind(now).bind(i64::from(self.most)).execute(&mut *tx.connection).await?;
        Ok(removed.rows_affected())
    }
}
