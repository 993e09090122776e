//! Expires jobs and deletes what is no longer needed: tombstones, keys, nonces, rows of dead processes. Also tracks the
//! removal of blobs. Works in batches, each in one transaction.

use std::time::Duration;

use sqlx::{Error, Row};

use super::access_keys;
use super::clock::{millis, span};
use super::job_control::make_tombstone;
use super::operation::{Operation, Tx, statement};
use super::rows::{self, Removal};
use crate::job::{JobId, JobState};
use crate::store::{Collected, Expired, Removable};

pub(super) const EXPIRED: &str =
    "SELECT id FROM jobs WHERE state <> 'expired' AND expires_at <= $1 ORDER BY expires_at LIMIT $2";
pub(super) const TOMBSTONES: &str = "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE removal < 0 \
     AND expires_at <= $1 ORDER BY expires_at LIMIT $2) RETURNING id, caller";
pub(super) const KEYS: &str = "DELETE FROM keys WHERE (scope, key) IN (SELECT scope, key FROM keys \
     WHERE expires_at <= $1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = keys.job_id \
     AND jobs.state <> 'expired') ORDER BY expires_at LIMIT $2)";
pub(super) const NONCES: &str = "DELETE FROM nonces WHERE word IN \
     (SELECT word FROM nonces WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";

/// The smallest step back of the clock, in milliseconds, after which waits set by it are ended.
const STEP: i64 = 60_000;

/// How long the row of a dead process is kept, so that operators can see it.
const KEEP_DEAD_PROCESSES: Duration = Duration::from_secs(3_600);

/// Implements `Store::expire`.
pub(super) struct Expire {
    pub(super) limit: u32,
    pub(super) jump: Duration,
}

impl Operation for Expire {
    type Output = Expired;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Expired, Error> {
        let clock = self.check_clock(tx).await?;
        if clock.waiting {
            return Ok(clock);
        }
        let rows = tx.fetch_all(statement!(EXPIRED, [tx.now.wall, i64::from(self.limit)])).await?;
        let mut ids: Vec<_> = rows.iter().map(|row| rows::job_id(row, "id")).collect::<Result<_, _>>()?;
        ids.sort();
        let mut jobs = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(record) = tx.lock(&id).await? else { continue };
            if record.job.state != JobState::Expired {
                make_tombstone(tx, record).await?;
                jobs.push(id);
            }
        }
        Ok(Expired { jobs, ..clock })
    }
}

impl Expire {
    /// Compares the time with the time of the last expiry. A clock that is wrongly ahead would expire jobs too early.
    /// After a jump ahead, expiry is therefore suspended for as long as the largest allowed jump. If the clock goes
    /// back, the suspension ends.
    async fn check_clock(&self, tx: &mut Tx<'_>) -> Result<Expired, Error> {
        let (now, jump) = (tx.now.wall, millis(self.jump));
        let row = tx
            .fetch_optional(sqlx::query("SELECT last_at, wait_until FROM expiry_clock WHERE id = 1"))
            .await?;
        let (last, until) = match &row {
            Some(row) => (row.try_get("last_at")?, row.try_get("wait_until")?),
            None => (now, 0_i64),
        };
        let jumped = (now.saturating_sub(last) > jump).then(|| span(last, now));
        if last.saturating_sub(now) > STEP {
            make_due(tx).await?;
        }
        let until = match jumped {
            Some(_) => now.saturating_add(jump),
            None if now < last => 0,
            None => until,
        };
        tx.execute(statement!(
            "INSERT INTO expiry_clock (id, last_at, wait_until) VALUES (1, $1, $2) ON CONFLICT (id) \
             DO UPDATE SET last_at = excluded.last_at, wait_until = excluded.wait_until",
            [now, until]
        ))
        .await?;
        Ok(Expired { jobs: Vec::new(), jumped, waiting: now < until })
    }
}

/// Ends the waits that a clock which was ahead has set: they would last as long as the clock was wrong. A webhook may be
/// sent once more than necessary.
async fn make_due(tx: &mut Tx<'_>) -> Result<(), Error> {
    for text in [
        "UPDATE deliveries SET next_at = $1 WHERE state = 'pending' AND next_at > $1",
        "UPDATE jobs SET removal_after = $1 WHERE removal > 0 AND removal_after > $1",
    ] {
        tx.execute(statement!(text, [tx.now.wall])).await?;
    }
    Ok(())
}

/// Implements `Store::removed`.
pub(super) struct MarkRemoved(pub(super) Vec<Removable>);

impl Operation for MarkRemoved {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let mut removed: Vec<_> = self.0.iter().collect();
        removed.sort_by_key(|removed| &removed.job);
        for Removable { job, everything, .. } in removed {
            let (due, next) = if *everything {
                (Removal::Everything, Removal::Done)
            } else {
                (Removal::Inputs, Removal::Nothing)
            };
            // A job that became a tombstone in the meantime is due again, with all of its blobs.
            let Some(record) = tx.lock(job).await? else { continue };
            if record.removal != due {
                continue;
            }
            let cards = if *everything { 0 } else { record.card_bytes };
            let removed = record.card_bytes - cards + record.input_bytes;
            tx.deltas.blob_bytes(-removed);
            tx.usage.add(record.job.caller.to_string(), [0, 0, -removed]);
            let text = "UPDATE jobs SET removal = $2, input_bytes = 0, card_bytes = $3, removal_failures = 0 WHERE id = $1";
            tx.execute(statement!(text, [job.as_str(), next.to_column(), cards])).await?;
        }
        Ok(())
    }
}

/// Implements `Store::not_removed`.
pub(super) struct DeferRemoval {
    pub(super) job: JobId,
    pub(super) wait: Duration,
}

impl Operation for DeferRemoval {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        tx.run(statement!(
            "UPDATE jobs SET removal_after = $2, removal_failures = removal_failures + 1 \
             WHERE id = $1 AND removal > 0",
            [self.job.as_str(), tx.now.wall.saturating_add(millis(self.wait))]
        ))
        .await
    }
}

/// Implements `Store::collect`.
pub(super) struct Collect {
    pub(super) limit: u32,
    pub(super) tombstone: Duration,
}

impl Operation for Collect {
    type Output = Collected;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Collected, Error> {
        let now = tx.now.wall;
        let jobs = self.tombstones(tx, now.saturating_sub(millis(self.tombstone))).await?;
        let keys = self.delete(tx, KEYS, now).await?;
        let nonces = self.delete(tx, NONCES, now).await?;
        delete_dead_processes(tx).await?;
        let forgotten = now.saturating_sub(millis(self.tombstone));
        self.delete(tx, access_keys::FORGOTTEN, forgotten).await?;
        let more = [jobs, keys, nonces].iter().any(|deleted| *deleted >= u64::from(self.limit));
        Ok(Collected { jobs, keys, nonces, more })
    }
}

impl Collect {
    async fn tombstones(&self, tx: &mut Tx<'_>, before: i64) -> Result<u64, Error> {
        let rows = tx.fetch_all(statement!(TOMBSTONES, [before, i64::from(self.limit)])).await?;
        for row in &rows {
            tx.deltas.leave(JobState::Expired);
            tx.usage.forget(row.try_get("caller")?);
            let deliveries = tx
                .fetch_all(statement!(
                    "DELETE FROM deliveries WHERE job_id = $1 RETURNING state",
                    [row.try_get::<String, _>("id")?]
                ))
                .await?;
            for delivery in deliveries {
                match delivery.try_get::<String, _>("state")?.as_str() {
                    "pending" => tx.deltas.pending(-1),
                    "dead" => tx.deltas.dead(-1),
                    _ => {}
                }
            }
        }
        Ok(rows.len() as u64)
    }

    async fn delete(&self, tx: &mut Tx<'_>, text: &'static str, now: i64) -> Result<u64, Error> {
        let deleted = tx.execute(statement!(text, [now, i64::from(self.limit)])).await?;
        Ok(deleted)
    }
}

/// Deletes the rows of processes that died long ago and hold no items.
async fn delete_dead_processes(tx: &mut Tx<'_>) -> Result<(), Error> {
    tx.execute(statement!(
        "DELETE FROM processes WHERE beat_until <= $1 AND NOT EXISTS (SELECT 1 FROM items \
         WHERE items.state = 'claimed' AND items.owner = processes.id)",
        [tx.now.tick.saturating_sub(millis(KEEP_DEAD_PROCESSES))]
    ))
    .await?;
    tx.run(statement!(
        "DELETE FROM probes WHERE at <= $1",
        [tx.now.wall.saturating_sub(millis(KEEP_DEAD_PROCESSES))]
    ))
    .await
}
