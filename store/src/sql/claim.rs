//! Handing out items. The ready jobs of a priority stand in a line: the first gives its next item and goes to the
//! end. New jobs begin at the end. So a job waits for one item of each job before it, however many they have, and
//! however many come after it.
//!
//! Suspects (items whose lease ran out: perhaps it was they that brought the process down) are out of this.
//! They are handed out when asked for, one at a time.

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Error, Row};

use super::clock::{millis, span};
use super::ending::eta;
use super::fault::corrupt;
use super::operation::{Operation, Tx};
use super::rows::{self, JOB, Record, seconds};
use crate::job::JobState;
use crate::store::{Ask, Claim, Claims, Lease};

/// How often a suspect that another process took first is followed by the next.
const LOOKS: u32 = 4;

pub(super) const FIRST_JOB: &str = "WHERE ready = 1 ORDER BY priority DESC, turn, id LIMIT 1";
pub(super) const NEXT: &str = "SELECT number FROM items WHERE job_id = $1 AND state = 'queued' AND suspect = 0 \
     ORDER BY number LIMIT 1";
pub(super) const SUSPECT: &str = "SELECT number FROM items WHERE job_id = $1 AND state = 'queued' \
     AND suspect = 1 ORDER BY number LIMIT 1";
pub(super) const SUSPECTS: &str = "SELECT job_id FROM items WHERE state = 'queued' AND suspect = 1 \
     ORDER BY job_id, number LIMIT 1";

/// See `Store::claim`.
pub(super) struct Take(pub(super) Ask);

#[async_trait]
impl Operation for Take {
    type Output = Claims;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Claims, Error> {
        let Self(ask) = self;
        let items = if ask.suspect { suspect(tx, ask).await? } else { in_turn(tx, ask).await? };
        let suspects = sqlx::query(SUSPECTS).fetch_optional(&mut *tx.connection).await?.is_some();
        Ok(Claims { items, suspects })
    }
}

async fn in_turn(tx: &mut Tx<'_>, ask: &Ask) -> Result<Vec<Claim>, Error> {
    let mut claims = Vec::new();
    while claims.len() < ask.most as usize {
        let free = tx.dialect.lock_free();
        let mut next = next_job(tx, free).await?;
        if next.is_none() && claims.is_empty() {
            // Perhaps somebody holds each of them for a moment: waiting beats an empty answer.
            next = next_job(tx, tx.dialect.lock()).await?;
        }
        let Some(record) = next else { break };
        match take(tx, ask, record.job.id.as_str(), NEXT).await? {
            Some(row) => claims.push(begin(tx, ask, record, &row, true).await?),
            // A count that is wrong must not hold up all the others.
            None => clear(tx, &record).await?,
        }
    }
    Ok(claims)
}

async fn next_job(tx: &mut Tx<'_>, lock: &str) -> Result<Option<Record>, Error> {
    let text = format!("SELECT {JOB} FROM jobs {FIRST_JOB} {lock}");
    let row = sqlx::query(AssertSqlSafe(text)).fetch_optional(&mut *tx.connection).await?;
    row.as_ref().map(rows::record).transpose()
}

async fn suspect(tx: &mut Tx<'_>, ask: &Ask) -> Result<Vec<Claim>, Error> {
    for _ in 0..LOOKS {
        let row = sqlx::query(SUSPECTS).fetch_optional(&mut *tx.connection).await?;
        let Some(row) = row else { break };
        let id = rows::job_id(&row, "job_id")?;
        let Some(record) = tx.lock(&id).await? else { continue };
        if let Some(row) = take(tx, ask, id.as_str(), SUSPECT).await? {
            return Ok(vec![begin(tx, ask, record, &row, false).await?]);
        }
    }
    Ok(Vec::new())
}

/// Leases the job's item that this statement finds, if there is one.
async fn take(tx: &mut Tx<'_>, ask: &Ask, job: &str, which: &str) -> Result<Option<AnyRow>, Error> {
    let text = format!(
        "UPDATE items SET state = 'claimed', attempt = attempt + 1, owner = $2, lease_until = $3 \
         WHERE job_id = $1 AND number = ({which}) RETURNING number, name, source, attempt"
    );
    sqlx::query(AssertSqlSafe(text))
        .bind(job)
        .bind(&ask.owner.0)
        .bind(tx.now.tick.saturating_add(millis(ask.lease)))
        .fetch_optional(&mut *tx.connection)
        .await
}

/// Writes down that an item of the job was taken. The first one begins the job.
async fn begin(
    tx: &mut Tx<'_>,
    ask: &Ask,
    mut record: Record,
    row: &AnyRow,
    in_turn: bool,
) -> Result<Claim, Error> {
    let job = &mut record.job;
    let first = job.state == JobState::Queued;
    if first {
        job.state = JobState::Processing;
        job.started_at = Some(seconds(tx.now.wall));
        job.version += 1;
        job.eta_s = eta(job.total, ask.pace_ms);
    }
    sqlx::query(
        "UPDATE jobs SET turn = CASE WHEN $2 = 1 THEN 1 + COALESCE((SELECT turn FROM jobs WHERE ready = 1 \
         AND priority = $7 ORDER BY turn DESC LIMIT 1), 0) ELSE turn END, queued = queued - $2, ready = CASE WHEN queued > $2 THEN 1 ELSE 0 END, \
         state = $3, started_at = COALESCE(started_at, $4), version = $5, eta_s = $6 WHERE id = $1",
    )
    .bind(job.id.as_str())
    .bind(i64::from(in_turn))
    .bind(job.state.as_str())
    .bind(tx.now.wall)
    .bind(job.version)
    .bind(i64::from(job.eta_s))
    .bind(rows::rank(job.priority))
    .execute(&mut *tx.connection)
    .await?;
    if first {
        tx.changed(&record.job);
    }
    claim(ask, &record, row, first.then(|| span(record.created, tx.now.wall)))
}

fn claim(
    ask: &Ask,
    record: &Record,
    row: &AnyRow,
    waited: Option<std::time::Duration>,
) -> Result<Claim, Error> {
    let source: String = row.try_get("source")?;
    let job = &record.job;
    Ok(Claim {
        lease: Lease {
            job: job.id.clone(),
            number: rows::count(row, "number")?,
            attempt: rows::count(row, "attempt")?,
            owner: ask.owner.clone(),
        },
        name: row.try_get("name")?,
        source: serde_json::from_str(&source).map_err(|_| corrupt("a source that is none"))?,
        options: job.options.clone(),
        request_id: job.request_id.clone(),
        traceparent: job.traceparent.clone(),
        priority: job.priority,
        waited,
    })
}

async fn clear(tx: &mut Tx<'_>, record: &Record) -> Result<(), Error> {
    sqlx::query("UPDATE jobs SET queued = 0, ready = 0 WHERE id = $1")
        .bind(record.job.id.as_str())
        .execute(&mut *tx.connection)
        .await
        .map(|_| ())
}
