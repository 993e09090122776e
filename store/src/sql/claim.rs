//! Handing out items. The ready jobs of a priority stand in a line: the first gives its next item and goes to the
//! end. New jobs begin at the end. So a job waits for one item of each job before it, however many they have, and
//! however many come after it.
//!
//! Suspects (items whose process died: perhaps it was they that brought it down) and items that wait by themselves
//! are out of this. Suspects are handed out when asked for, one at a time.

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Error, Row};

use super::clock::{Now, millis, span};
use super::deferred;
use super::ending::eta;
use super::fault::corrupt;
use super::operation::{Operation, Tx};
use super::pauses::{self, Pauses};
use super::rows::{self, JOB, Record, seconds};
use crate::job::JobState;
use crate::store::{Ask, Claim, Claims, Lease, Selection};

/// How often a suspect that another process took first is followed by the next.
const LOOKS: u32 = 4;

pub(super) const FIRST_JOB: &str = "ORDER BY priority DESC, turn, id LIMIT 1";
pub(super) const NEXT: &str = "SELECT number FROM items WHERE job_id = $1 AND state = 'queued' AND suspect = 0 \
     AND not_before = 0 ORDER BY number LIMIT 1";
pub(super) const SUSPECT: &str = "SELECT number FROM items WHERE suspect > 0 AND suspect = $4 AND job_id = $1 \
     AND state = 'queued' AND not_before = 0 ORDER BY number LIMIT 1";
pub(super) const SUSPECTS: &str = "SELECT job_id FROM items WHERE suspect > 0 AND suspect = $1 \
     AND state = 'queued' AND not_before = 0";

/// What a claim has to know before it begins.
pub(super) const BEFORE: &str = "SELECT \
     CAST(COALESCE((SELECT beat_until FROM processes WHERE id = $1), -1) AS BIGINT) AS beat_until, \
     CAST((SELECT COUNT(*) FROM pauses) AS BIGINT) AS pauses, \
     CAST(COALESCE((SELECT not_before FROM items WHERE state = 'queued' AND not_before > 0 \
     ORDER BY not_before LIMIT 1), -1) AS BIGINT) AS next";

/// What waits after it.
pub(super) const AFTER: &str = "SELECT \
     CAST(COALESCE((SELECT suspect FROM items WHERE suspect > 0 AND suspect = 1 AND state = 'queued' \
     AND not_before = 0 LIMIT 1), 0) AS BIGINT) AS suspects, \
     CAST(COALESCE((SELECT suspect FROM items WHERE suspect > 0 AND suspect = 2 AND state = 'queued' \
     AND not_before = 0 LIMIT 1), 0) AS BIGINT) AS isolated, \
     CAST(COALESCE((SELECT not_before FROM items WHERE state = 'queued' AND not_before > 0 \
     ORDER BY not_before LIMIT 1), -1) AS BIGINT) AS next";

/// Whether a job is ready, and what [`AFTER`] asks: an idle process looks before it opens a transaction.
pub(super) fn look_statement() -> String {
    AFTER.replacen(
        "SELECT",
        "SELECT CAST(COALESCE((SELECT ready FROM jobs WHERE ready = 1 LIMIT 1), 0) AS BIGINT) AS ready,",
        1,
    )
}

/// What an idle process learns from a look, where there is nothing to claim: no row is locked for that.
pub(super) async fn look(connection: &mut AnyConnection, now: Now) -> Result<Option<Claims>, Error> {
    let row = sqlx::query(AssertSqlSafe(look_statement())).fetch_one(connection).await?;
    let waiting = waiting(&row, now, false)?;
    let is_due = waiting.next.is_some_and(|wait| wait.is_zero());
    let is_ready = row.try_get::<i64, _>("ready")? > 0;
    Ok((!is_ready && !is_due && !waiting.suspects && !waiting.isolated).then_some(waiting))
}

/// What waits besides the items that are claimed.
fn waiting(row: &AnyRow, now: Now, paused: bool) -> Result<Claims, Error> {
    let next: i64 = row.try_get("next")?;
    Ok(Claims {
        items: Vec::new(),
        suspects: !paused && row.try_get::<i64, _>("suspects")? > 0,
        isolated: !paused && row.try_get::<i64, _>("isolated")? > 0,
        next: (next >= 0).then(|| span(now.tick, next)),
    })
}

/// One item fewer in the job, which goes to the end of its line unless it is alone there: that changes no index.
pub(super) const ADVANCE: &str = "UPDATE jobs SET turn = CASE WHEN $2 = 1 AND EXISTS (SELECT 1 FROM jobs AS others WHERE others.ready = 1 \
     AND others.priority = $7 AND others.turn >= jobs.turn AND others.id <> $1) \
     THEN 1 + COALESCE((SELECT last.turn FROM jobs AS last WHERE last.ready = 1 AND last.priority = $7 \
     ORDER BY last.turn DESC LIMIT 1), 0) ELSE turn END, \
     queued = queued - $2, ready = CASE WHEN queued > $2 THEN 1 ELSE 0 END, \
     state = $3, started_at = COALESCE(started_at, $4), version = $5, eta_s = $6, \
     progressed_at = CASE WHEN progressed_at = 0 THEN $4 ELSE progressed_at END WHERE id = $1";

/// See `Store::claim`.
pub(super) struct Take(pub(super) Ask);

#[async_trait]
impl Operation for Take {
    type Output = Claims;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Claims, Error> {
        let Self(ask) = self;
        let before = sqlx::query(BEFORE).bind(&ask.owner.0).fetch_one(&mut *tx.connection).await?;
        if before.try_get::<i64, _>("beat_until")? <= tx.now.tick {
            come_alive(tx, ask).await?;
        }
        let next: i64 = before.try_get("next")?;
        if next >= 0 && next <= tx.now.tick {
            deferred::release(tx).await?;
        }
        let paused = if before.try_get::<i64, _>("pauses")? > 0 {
            pauses::read(tx.connection).await?
        } else {
            Pauses::default()
        };
        let items = match ask.selection {
            _ if paused.everything => Vec::new(),
            Selection::InTurn => in_turn(tx, ask, &paused).await?,
            Selection::Suspect | Selection::Isolated => suspect(tx, ask, &paused).await?,
        };
        let after = sqlx::query(AFTER).fetch_one(&mut *tx.connection).await?;
        Ok(Claims { items, ..waiting(&after, tx.now, paused.any())? })
    }
}

/// What is claimed must have a living owner, whether its first heartbeat came through or not.
async fn come_alive(tx: &mut Tx<'_>, ask: &Ask) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO processes (id, host, version, role, slots, started_at, beat_at, beat_until) \
         VALUES ($1, '', '', 'all', 0, $2, $2, $3) ON CONFLICT (id) DO UPDATE SET beat_until = excluded.beat_until",
    )
    .bind(&ask.owner.0)
    .bind(tx.now.wall)
    .bind(tx.now.tick.saturating_add(millis(ask.lease)))
    .execute(&mut *tx.connection)
    .await
    .map(|_| ())
}

async fn in_turn(tx: &mut Tx<'_>, ask: &Ask, paused: &Pauses) -> Result<Vec<Claim>, Error> {
    let mut claims = Vec::new();
    while claims.len() < ask.most as usize {
        let free = tx.dialect.lock_free();
        let mut next = next_job(tx, paused, free).await?;
        if next.is_none() && claims.is_empty() {
            // Perhaps somebody holds each of them for a moment: waiting beats an empty answer.
            next = next_job(tx, paused, tx.dialect.lock()).await?;
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

async fn next_job(tx: &mut Tx<'_>, paused: &Pauses, lock: &str) -> Result<Option<Record>, Error> {
    let others = paused.condition("kind");
    let text = format!("SELECT {JOB} FROM jobs WHERE ready = 1 {others} {FIRST_JOB} {lock}");
    let row = sqlx::query(AssertSqlSafe(text)).fetch_optional(&mut *tx.connection).await?;
    row.as_ref().map(rows::record).transpose()
}

async fn suspect(tx: &mut Tx<'_>, ask: &Ask, paused: &Pauses) -> Result<Vec<Claim>, Error> {
    let others = match paused.condition("kind") {
        none if none.is_empty() => none,
        condition => format!("AND job_id IN (SELECT id FROM jobs WHERE 1 = 1 {condition})"),
    };
    let text = format!("{SUSPECTS} {others} ORDER BY job_id, number LIMIT 1");
    for _ in 0..if ask.most == 0 { 0 } else { LOOKS } {
        let row = sqlx::query(AssertSqlSafe(text.clone()))
            .bind(suspicion(ask.selection))
            .fetch_optional(&mut *tx.connection)
            .await?;
        let Some(row) = row else { break };
        let id = rows::job_id(&row, "job_id")?;
        let Some(record) = tx.lock(&id).await? else { continue };
        if let Some(row) = take(tx, ask, id.as_str(), SUSPECT).await? {
            return Ok(vec![begin(tx, ask, record, &row, false).await?]);
        }
    }
    Ok(Vec::new())
}

/// How the column says it.
fn suspicion(selection: Selection) -> i64 {
    match selection {
        Selection::InTurn => 0,
        Selection::Suspect => 1,
        Selection::Isolated => 2,
    }
}

/// Leases the job's item that this statement finds, if there is one.
async fn take(tx: &mut Tx<'_>, ask: &Ask, job: &str, which: &str) -> Result<Option<AnyRow>, Error> {
    let text = format!(
        "UPDATE items SET state = 'claimed', attempt = attempt + 1, owner = $2, lease_until = NULL, claim = $3 \
         WHERE job_id = $1 AND suspect = $4 AND number = ({which}) RETURNING number, name, source, attempt"
    );
    sqlx::query(AssertSqlSafe(text))
        .bind(job)
        .bind(&ask.owner.0)
        .bind(i64::try_from(ask.sequence).unwrap_or(i64::MAX))
        .bind(suspicion(ask.selection))
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
        tx.deltas.leave(job.state);
        job.state = JobState::Processing;
        job.started_at = Some(seconds(tx.now.wall));
        job.version += 1;
        job.eta_s = eta(job.total, ask.pace_ms);
        tx.deltas.enter(job.state);
    }
    tx.deltas.waiting(-1);
    sqlx::query(ADVANCE)
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
        source: serde_json::from_str(&source).map_err(|_| corrupt("an invalid source"))?,
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
