//! The outbox in rows. A claim moves `next_at` to the time at which it runs out: a process that dies over a delivery
//! needs nobody to notice it.

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
use crate::outbox::{After, ClaimDue, DeliveryLease, Due, DueDeliveries, JobFailure, Notice, Try};

/// How many that are due are looked at for a claim: what one host has in front of the others must not hide them
/// for long, and must not be read as a whole either.
const WINDOW: u32 = 512;

/// Most of an answer that is kept.
const ANSWER: usize = 16 * 1024;

pub(super) const NEXT: &str =
    "SELECT next_at FROM deliveries WHERE state = 'pending' ORDER BY next_at LIMIT 1";

/// Puts the job's end into the outbox, where somebody wants to be told. Part of the transaction that ends it.
pub(super) async fn post(tx: &mut Tx<'_>, job: &Job, finished: i64) -> Result<(), Error> {
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
    let put = sqlx::query(
        "INSERT INTO deliveries (id, job_id, state, created_at, notice, request_id, traceparent, url, host, next_at) \
         VALUES ($1, $2, 'pending', $3, $4, $5, $6, $7, $8, $3) ON CONFLICT (job_id) DO NOTHING",
    )
    .bind(format!("dlv_{}", job.id.as_str().trim_start_matches("job_")))
    .bind(job.id.as_str())
    .bind(finished)
    .bind(&notice)
    .bind(&job.request_id)
    .bind(&job.traceparent)
    .bind(url)
    .bind(host(url))
    .execute(&mut *tx.connection)
    .await?;
    if put.rows_affected() == 0 {
        return post_again(tx, job, &notice).await;
    }
    tx.deltas.pending(1);
    Ok(())
}

/// The job has ended before, and was tried again since: its delivery says how it ended now.
async fn post_again(tx: &mut Tx<'_>, job: &Job, notice: &str) -> Result<(), Error> {
    let id = format!("dlv_{}", job.id.as_str().trim_start_matches("job_"));
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

async fn failure(tx: &mut Tx<'_>, job: &Job) -> Result<Option<JobFailure>, Error> {
    let text =
        "SELECT error_code, error_message FROM items WHERE job_id = $1 AND state = 'failed' ORDER BY number";
    let rows = sqlx::query(text).bind(job.id.as_str()).fetch_all(&mut *tx.connection).await?;
    let codes: Vec<String> = rows.iter().map(|row| row.try_get("error_code")).collect::<Result<_, _>>()?;
    let Some(first) = rows.first() else { return Ok(None) };
    let first = ItemError { code: codes[0].clone(), message: first.try_get("error_message")? };
    Ok(Some(JobFailure { same: codes.iter().all(|code| *code == first.code), first }))
}

/// Scheme, host and port of a URL; of what is none, all up to its path.
fn host(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    url[..end].to_ascii_lowercase()
}

/// See `Outbox::due`.
pub(super) struct TakeDue(pub(super) ClaimDue);

#[async_trait]
impl Operation for TakeDue {
    type Output = DueDeliveries;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<DueDeliveries, Error> {
        let mut due = Vec::new();
        for id in self.candidates(tx).await? {
            due.extend(self.take(tx, &id).await?);
        }
        Ok(DueDeliveries { due, next: next_due(tx.connection, tx.now).await? })
    }
}

/// How long until the next delivery falls due; no row is locked for that.
pub(super) async fn next_due(connection: &mut AnyConnection, now: Now) -> Result<Option<Duration>, Error> {
    let row = sqlx::query(NEXT).fetch_optional(connection).await?;
    row.map(|row| Ok(span(now.wall, row.try_get("next_at")?))).transpose()
}

impl TakeDue {
    async fn candidates(&self, tx: &mut Tx<'_>) -> Result<Vec<String>, Error> {
        let Self(call) = self;
        let places: Vec<_> = (0..call.without.len()).map(|place| format!("${}", place + 4)).collect();
        let others = if places.is_empty() {
            String::new()
        } else {
            format!("AND host NOT IN ({})", places.join(", "))
        };
        let text = format!(
            "SELECT id FROM (SELECT id, next_at, ROW_NUMBER() OVER (PARTITION BY host ORDER BY next_at, id) AS place \
             FROM (SELECT id, host, next_at FROM deliveries WHERE state = 'pending' AND next_at <= $1 {others} \
             ORDER BY next_at, id LIMIT {WINDOW}) AS due) AS placed WHERE place <= $2 ORDER BY next_at, id LIMIT $3"
        );
        let mut query = sqlx::query(AssertSqlSafe(text)).persistent(places.is_empty());
        query = query.bind(tx.now.wall).bind(i64::from(call.each)).bind(i64::from(call.most));
        for host in &call.without {
            query = query.bind(host);
        }
        let rows = query.fetch_all(&mut *tx.connection).await?;
        rows.iter().map(|row| row.try_get("id")).collect()
    }

    async fn take(&self, tx: &mut Tx<'_>, id: &str) -> Result<Option<Due>, Error> {
        let free = tx.dialect.lock_free();
        let text = format!(
            "UPDATE deliveries SET claims = claims + 1, next_at = $3 WHERE id = (SELECT id FROM deliveries \
             WHERE id = $1 AND state = 'pending' AND next_at <= $2 {free}) \
             RETURNING id, job_id, request_id, traceparent, url, host, notice, claims, tries - earlier AS tries, created_at"
        );
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(id)
            .bind(tx.now.wall)
            .bind(tx.now.wall.saturating_add(millis(self.0.hold)))
            .fetch_optional(&mut *tx.connection)
            .await?;
        row.map(|row| read(&row, tx.now.wall)).transpose()
    }
}

fn read(row: &AnyRow, now: i64) -> Result<Due, Error> {
    let notice: String = row.try_get("notice")?;
    Ok(Due {
        lease: DeliveryLease { id: row.try_get("id")?, claim: rows::count(row, "claims")? },
        job: rows::job_id(row, "job_id")?,
        request_id: row.try_get("request_id")?,
        traceparent: row.try_get("traceparent")?,
        url: row.try_get("url")?,
        host: row.try_get("host")?,
        notice: serde_json::from_str(&notice).map_err(|_| corrupt("a notice that is none"))?,
        tries: rows::count(row, "tries")?,
        age: span(row.try_get("created_at")?, now),
    })
}

/// See `Outbox::tried`.
pub(super) struct WriteTry {
    pub(super) lease: DeliveryLease,
    pub(super) outcome: Try,
    pub(super) after: After,
}

#[async_trait]
impl Operation for WriteTry {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let now = tx.now.wall;
        let (state, next, finished) = match self.after {
            After::Delivered => ("delivered", now, Some(now)),
            After::Again(wait) => ("pending", now.saturating_add(millis(wait)), None),
            After::Dead => ("dead", now, Some(now)),
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
            After::Again(_) => {}
            After::Delivered => tx.deltas.pending(-1),
            After::Dead => {
                tx.deltas.pending(-1);
                tx.deltas.dead(1);
            }
        }
        self.insert(tx, row.try_get("tries")?).await?;
        Ok(true)
    }
}

impl WriteTry {
    async fn insert(&self, tx: &mut Tx<'_>, number: i64) -> Result<(), Error> {
        let Try { duration, status, reason, answer } = &self.outcome;
        let end = (0..=ANSWER.min(answer.len())).rev().find(|end| answer.is_char_boundary(*end)).unwrap_or(0);
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

/// See `Outbox::snooze`.
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

/// See `Outbox::redeliver`.
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
