//! The rows of the outbox. A claim moves `next_at` to the time at which the claim ends, so a delivery whose process died
//! becomes due again on its own.

mod list;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Error, Row};

pub(super) use list::list;

use super::clock::{Now, millis, span};
use super::fault::corrupt;
use super::operation::{Operation, Tx};
use super::rows::{self, seconds};
use crate::job::{ItemError, Job, JobState};
use crate::outbox::{
    AfterAttempt, ClaimDue, DeliveryAttempt, DeliveryLease, DueDeliveries, DueDelivery, JobFailure, Notice,
};

/// How many due deliveries a claim reads. One host with many deliveries must not hide those of other hosts for long, but
/// reading all of them would take too long.
const WINDOW: u32 = 512;

/// Maximum number of bytes of a response that are stored.
const MAX_ANSWER: usize = 16 * 1024;

pub(super) const NEXT: &str =
    "SELECT next_at FROM deliveries WHERE state = 'pending' ORDER BY next_at LIMIT 1";

/// Stores a delivery about the job's end if the job has a callback URL. Part of the transaction that ends the job.
pub(super) async fn store_delivery(tx: &mut Tx<'_>, job: &Job, finished: i64) -> Result<(), Error> {
    let Some(url) = &job.callback_url else { return Ok(()) };
    let notice = Notice {
        state: job.state,
        created_at: job.created_at,
        finished_at: seconds(finished),
        expires_at: job.expires_at,
        base_url: job.base_url.clone(),
        total: job.total,
        succeeded: job.succeeded,
        failed: job.failed,
        failure: if job.state == JobState::Failed { failure(tx, job).await? } else { None },
    };
    let notice = serde_json::to_string(&notice).map_err(|error| Error::Encode(error.into()))?;
    let inserted = sqlx::query(
        "INSERT INTO deliveries (id, job_id, state, created_at, notice, request_id, traceparent, url, host, next_at) \
         VALUES ($1, $2, 'pending', $3, $4, $5, $6, $7, $8, $3) ON CONFLICT (job_id) DO NOTHING",
    )
    .bind(delivery_id(job))
    .bind(job.id.as_str())
    .bind(finished)
    .bind(&notice)
    .bind(&job.request_id)
    .bind(&job.traceparent)
    .bind(url)
    .bind(host(url))
    .execute(&mut *tx.connection)
    .await?;
    if inserted.rows_affected() == 0 {
        return update_delivery(tx, job, &notice).await;
    }
    tx.deltas.pending(1);
    Ok(())
}

fn delivery_id(job: &Job) -> String {
    format!("dlv_{}", job.id.as_str().trim_start_matches("job_"))
}

/// Updates and resends the delivery of a job that ended again after a retry.
async fn update_delivery(tx: &mut Tx<'_>, job: &Job, notice: &str) -> Result<(), Error> {
    let id = delivery_id(job);
    let row = sqlx::query("UPDATE deliveries SET notice = $2 WHERE id = $1 RETURNING state")
        .bind(&id)
        .bind(notice)
        .fetch_optional(&mut *tx.connection)
        .await?;
    match row {
        Some(_) => Redeliver(id).run(tx).await.map(|_| ()),
        None => Ok(()),
    }
}

/// Why a job failed.
async fn failure(tx: &mut Tx<'_>, job: &Job) -> Result<Option<JobFailure>, Error> {
    let text =
        "SELECT error_code, error_message FROM items WHERE job_id = $1 AND state = 'failed' ORDER BY number";
    let rows = sqlx::query(text).bind(job.id.as_str()).fetch_all(&mut *tx.connection).await?;
    let codes: Vec<String> = rows.iter().map(|row| row.try_get("error_code")).collect::<Result<_, _>>()?;
    let Some(first) = rows.first() else { return Ok(None) };
    let first = ItemError { code: codes[0].clone(), message: first.try_get("error_message")? };
    Ok(Some(JobFailure { same: codes.iter().all(|code| *code == first.code), first }))
}

/// Scheme, host and port of a URL. If the text is not a URL, everything up to the first slash.
fn host(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    url[..end].to_ascii_lowercase()
}

/// Implements `Outbox::due`.
pub(super) struct ClaimDueDeliveries(pub(super) ClaimDue);

#[async_trait]
impl Operation for ClaimDueDeliveries {
    type Output = DueDeliveries;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<DueDeliveries, Error> {
        let mut due = Vec::new();
        for id in self.candidates(tx).await? {
            due.extend(self.claim(tx, &id).await?);
        }
        Ok(DueDeliveries { due, next: next_due(tx.connection, tx.now).await? })
    }
}

/// How long until the next delivery is due. Locks no row.
pub(super) async fn next_due(connection: &mut AnyConnection, now: Now) -> Result<Option<Duration>, Error> {
    let row = sqlx::query(NEXT).fetch_optional(connection).await?;
    row.map(|row| Ok(span(now.wall, row.try_get("next_at")?))).transpose()
}

impl ClaimDueDeliveries {
    /// The ids of due deliveries, within the limits per host and in total.
    async fn candidates(&self, tx: &mut Tx<'_>) -> Result<Vec<String>, Error> {
        let Self(request) = self;
        let excluded = &request.excluded_hosts;
        let placeholders: Vec<_> = (0..excluded.len()).map(|index| format!("${}", index + 4)).collect();
        let others = if placeholders.is_empty() {
            String::new()
        } else {
            format!("AND host NOT IN ({})", placeholders.join(", "))
        };
        let text = format!(
            "SELECT id FROM (SELECT id, next_at, ROW_NUMBER() OVER (PARTITION BY host ORDER BY next_at, id) AS place \
             FROM (SELECT id, host, next_at FROM deliveries WHERE state = 'pending' AND next_at <= $1 {others} \
             ORDER BY next_at, id LIMIT {WINDOW}) AS due) AS placed WHERE place <= $2 ORDER BY next_at, id LIMIT $3"
        );
        let mut query = sqlx::query(AssertSqlSafe(text)).persistent(excluded.is_empty());
        query = query.bind(tx.now.wall);
        query = query.bind(i64::from(request.limit_per_host)).bind(i64::from(request.limit));
        for host in excluded {
            query = query.bind(host);
        }
        let rows = query.fetch_all(&mut *tx.connection).await?;
        rows.iter().map(|row| row.try_get("id")).collect()
    }

    /// Claims one delivery, unless another process was faster.
    async fn claim(&self, tx: &mut Tx<'_>, id: &str) -> Result<Option<DueDelivery>, Error> {
        let skip_locked = tx.dialect.lock_unlocked();
        let text = format!(
            "UPDATE deliveries SET claims = claims + 1, next_at = $3 WHERE id = (SELECT id FROM deliveries \
             WHERE id = $1 AND state = 'pending' AND next_at <= $2 {skip_locked}) \
             RETURNING id, job_id, request_id, traceparent, url, host, notice, claims, tries - earlier AS tries, created_at"
        );
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(id)
            .bind(tx.now.wall)
            .bind(tx.now.wall.saturating_add(millis(self.0.lease)))
            .fetch_optional(&mut *tx.connection)
            .await?;
        row.map(|row| due_delivery(&row, tx.now.wall)).transpose()
    }
}

fn due_delivery(row: &AnyRow, now: i64) -> Result<DueDelivery, Error> {
    let notice: String = row.try_get("notice")?;
    Ok(DueDelivery {
        lease: DeliveryLease { id: row.try_get("id")?, claim: rows::count(row, "claims")? },
        job: rows::job_id(row, "job_id")?,
        request_id: row.try_get("request_id")?,
        traceparent: row.try_get("traceparent")?,
        url: row.try_get("url")?,
        host: row.try_get("host")?,
        notice: serde_json::from_str(&notice).map_err(|_| corrupt("an invalid notice"))?,
        tries: rows::count(row, "tries")?,
        age: span(row.try_get("created_at")?, now),
    })
}

/// Implements `Outbox::record_attempt`.
pub(super) struct RecordAttempt {
    pub(super) lease: DeliveryLease,
    pub(super) attempt: DeliveryAttempt,
    pub(super) after: AfterAttempt,
}

#[async_trait]
impl Operation for RecordAttempt {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let now = tx.now.wall;
        let (state, next, finished) = match self.after {
            AfterAttempt::Delivered => ("delivered", now, Some(now)),
            AfterAttempt::Again(wait) => ("pending", now.saturating_add(millis(wait)), None),
            AfterAttempt::Dead => ("dead", now, Some(now)),
        };
        let row = sqlx::query(
            "UPDATE deliveries SET state = $3, next_at = $4, finished_at = $5, tries = tries + 1 \
             WHERE id = $1 AND claims = $2 AND state = 'pending' RETURNING tries",
        )
        .bind(&self.lease.id)
        .bind(i64::from(self.lease.claim))
        .bind(state)
        .bind(next)
        .bind(finished)
        .fetch_optional(&mut *tx.connection)
        .await?;
        let Some(row) = row else { return Ok(false) };
        match self.after {
            AfterAttempt::Again(_) => {}
            AfterAttempt::Delivered => tx.deltas.pending(-1),
            AfterAttempt::Dead => {
                tx.deltas.pending(-1);
                tx.deltas.dead(1);
            }
        }
        self.insert(tx, row.try_get("tries")?).await?;
        Ok(true)
    }
}

impl RecordAttempt {
    /// Inserts the attempt's row.
    async fn insert(&self, tx: &mut Tx<'_>, number: i64) -> Result<(), Error> {
        let DeliveryAttempt { duration, status, reason, answer } = &self.attempt;
        let longest = MAX_ANSWER.min(answer.len());
        let end = (0..=longest).rev().find(|end| answer.is_char_boundary(*end)).unwrap_or(0);
        sqlx::query(
            "INSERT INTO tries (delivery_id, number, at, duration_ms, status, reason, answer) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&self.lease.id)
        .bind(number)
        .bind(tx.now.wall)
        .bind(millis(*duration))
        .bind(status.map(i64::from))
        .bind(reason)
        .bind(rows::text(&answer[..end]).into_owned())
        .execute(&mut *tx.connection)
        .await
        .map(|_| ())
    }
}

/// Implements `Outbox::snooze`.
pub(super) struct Snooze {
    pub(super) leases: Vec<DeliveryLease>,
    pub(super) wait: Duration,
}

#[async_trait]
impl Operation for Snooze {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let next = tx.now.wall.saturating_add(millis(self.wait));
        for lease in &self.leases {
            sqlx::query(
                "UPDATE deliveries SET next_at = $3 WHERE id = $1 AND claims = $2 AND state = 'pending'",
            )
            .bind(&lease.id)
            .bind(i64::from(lease.claim))
            .bind(next)
            .execute(&mut *tx.connection)
            .await?;
        }
        Ok(())
    }
}

/// Implements `Outbox::redeliver`.
pub(super) struct Redeliver(pub(super) String);

#[async_trait]
impl Operation for Redeliver {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let before = format!("SELECT state FROM deliveries WHERE id = $1 {}", tx.dialect.lock());
        let row =
            sqlx::query(AssertSqlSafe(before)).bind(&self.0).fetch_optional(&mut *tx.connection).await?;
        let Some(row) = row else { return Ok(false) };
        let state: String = row.try_get("state")?;
        let text = "UPDATE deliveries SET state = 'pending', next_at = $2, finished_at = NULL, earlier = tries, \
                    claims = claims + 1 WHERE id = $1";
        sqlx::query(text).bind(&self.0).bind(tx.now.wall).execute(&mut *tx.connection).await?;
        tx.deltas.pending(i64::from(state != "pending"));
        tx.deltas.dead(-i64::from(state == "dead"));
        Ok(true)
    }
}
