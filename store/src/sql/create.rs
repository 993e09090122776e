//! Creates a job: its idempotency key, its row and its items, all or nothing.
//!
//! The row of the key decides races. If several requests use the same key at once, one inserts the key; the others wait
//! for that transaction and find its job.

use std::time::Duration;

use sqlx::{AnyConnection, AssertSqlSafe, Error, Row};

use super::clock::millis;
use super::fault::corrupt;
use super::operation::{Operation, Tx, statement};
use super::rows::{self, JOB, rank, seconds, text};
use super::turns::{JOIN_LAST, stride};
use super::usage;
use crate::job::{Job, JobState, NewItem, NewJob, NewKey};
use crate::store::{Created, StoredKey};

/// Maximum number of items in one statement. Each has seven values, and SQLite allows 32,766 values.
const ITEMS_PER_STATEMENT: usize = 1_000;

/// How long an item waits for the one that is the same picture before it is processed on its own. It is so long only
/// where a process of an earlier version ended the other one.
const SAME_PICTURE_WAIT: Duration = Duration::from_secs(6 * 3_600);

/// How often a claim of a key is retried while others replace or collect the key.
const MAX_KEY_ATTEMPTS: u32 = 16;

/// Implements `Store::create`.
pub(super) struct Create(pub(super) NewJob);

impl Operation for Create {
    type Output = Created;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Created, Error> {
        let Self(new) = self;
        if new.items.is_empty() {
            return Err(Error::InvalidArgument("a job needs at least one item".into()));
        }
        if let Some(key) = &new.key
            && let Some(known) = claim_key(tx, new, key).await?
        {
            let same = known.fingerprint == key.fingerprint;
            return Ok(if same { Created::Replayed(known.job) } else { Created::Conflict });
        }
        if let Some((which, limit, used)) = usage::exceeded(tx.connection, tx.dialect, new).await? {
            if let Some(key) = &new.key {
                let text = "DELETE FROM keys WHERE scope = $1 AND key = $2 AND job_id = $3";
                tx.execute(statement!(text, [&key.scope, &key.key, new.id.as_str()])).await?;
            }
            return Ok(Created::OverQuota { which, limit, used });
        }
        let job = insert_job(tx, new).await?;
        for (index, items) in new.items.chunks(ITEMS_PER_STATEMENT).enumerate() {
            insert_items(tx, &job, index * ITEMS_PER_STATEMENT, items).await?;
        }
        tx.changed(&job);
        Ok(Created::New(job))
    }
}

/// Claims the key for this job. Returns the key if another job has it.
async fn claim_key(tx: &mut Tx<'_>, new: &NewJob, key: &NewKey) -> Result<Option<StoredKey>, Error> {
    let keep_until = tx.now.wall.saturating_add(millis(key.keep));
    let expires = keep_until.max(tx.now.wall.saturating_add(millis(new.ttl)));
    for _ in 0..MAX_KEY_ATTEMPTS {
        let inserted = tx
            .execute(statement!(
                "INSERT INTO keys (scope, key, fingerprint, job_id, keep_until, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (scope, key) DO NOTHING",
                [&key.scope, &key.key, &key.fingerprint, new.id.as_str(), keep_until, expires]
            ))
            .await?;
        if inserted == 1 {
            return Ok(None);
        }
        if let Some(known) = find_key(tx.connection, tx.now.wall, &key.scope, &key.key).await? {
            return Ok(Some(known));
        }
        tx.execute(statement!(
            "DELETE FROM keys WHERE scope = $1 AND key = $2 AND job_id <> $3 AND expires_at <= $4",
            [&key.scope, &key.key, new.id.as_str(), tx.now.wall]
        ))
        .await?;
    }
    Err(corrupt("a key that is neither free nor taken"))
}

/// Finds a key that has not expired. A key lives as long as its job, and at least until `expires_at`.
pub(super) async fn find_key(
    connection: &mut AnyConnection,
    now: i64,
    scope: &str,
    key: &str,
) -> Result<Option<StoredKey>, Error> {
    let text = format!(
        "SELECT keys.fingerprint AS fingerprint, keys.expires_at AS key_expires_at, jobs.* FROM keys \
         JOIN (SELECT {JOB} FROM jobs) AS jobs ON jobs.id = keys.job_id WHERE keys.scope = $1 AND keys.key = $2"
    );
    let row = statement!(AssertSqlSafe(text), [scope, key]).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(None) };
    let job = rows::record(&row)?.job;
    let expired = row.try_get::<i64, _>("key_expires_at")? <= now && job.state == JobState::Expired;
    Ok((!expired).then_some(StoredKey { fingerprint: row.try_get("fingerprint")?, job }))
}

/// Inserts a job that joins the ready jobs of its caller ($2) with the stride $3.
pub(super) fn insert_statement() -> String {
    format!(
        "INSERT INTO jobs (id, caller, turn, kind, state, priority, options, request_id, traceparent, base_url, \
         callback_url, created_at, expires_at, version, eta_s, total, succeeded, failed, queued, ready, removal, \
         input_bytes, expected_bytes) VALUES ($1, $2, {JOIN_LAST}, $4, 'queued', $5, $6, $7, $8, $9, $10, $11, $12, 1, $13, $14, 0, 0, \
         $15, 1, 0, $16, $17)"
    )
}

async fn insert_job(tx: &mut Tx<'_>, new: &NewJob) -> Result<Job, Error> {
    let (created, expires) = (tx.now.wall, tx.now.wall.saturating_add(millis(new.ttl)));
    let input_bytes = i64::try_from(new.input_bytes).unwrap_or(i64::MAX);
    let expected_bytes = i64::try_from(new.expected_bytes).unwrap_or(i64::MAX);
    let job = Job {
        id: new.id.clone(),
        caller: new.caller,
        kind: new.kind,
        state: JobState::Queued,
        priority: new.priority,
        options: text(&new.options).into_owned(),
        request_id: new.request_id.clone(),
        traceparent: new.traceparent.clone(),
        base_url: new.base_url.clone(),
        callback_url: new.callback_url.clone(),
        created_at: seconds(created),
        started_at: None,
        finished_at: None,
        expires_at: seconds(expires),
        version: 1,
        eta_s: new.eta_s,
        total: new.items.len() as u32,
        succeeded: 0,
        failed: 0,
        fetched: false,
    };
    tx.execute(statement!(
        AssertSqlSafe(insert_statement()),
        [
            job.id.as_str(),
            job.caller.to_string(),
            stride(job.priority),
            job.kind.as_str(),
            rank(job.priority),
            &job.options,
            &job.request_id,
            &job.traceparent,
            &job.base_url,
            &job.callback_url,
            created,
            expires,
            i64::from(job.eta_s),
            i64::from(job.total),
            new.items.iter().filter(|item| item.same_as.is_none()).count() as i64,
            input_bytes,
            expected_bytes
        ]
    ))
    .await?;
    tx.usage.add(job.caller.to_string(), usage::of_new(new));
    tx.deltas.enter(JobState::Queued);
    tx.deltas.waiting(i64::from(job.total));
    tx.deltas.blob_bytes(input_bytes);
    tx.deltas.reserved_bytes(expected_bytes);
    Ok(job)
}

async fn insert_items(tx: &mut Tx<'_>, job: &Job, first: usize, items: &[NewItem]) -> Result<(), Error> {
    let rows: Vec<_> = (0..items.len())
        .map(|row| {
            let values: Vec<_> = (2..8).map(|value| format!("${}", row * 6 + value)).collect();
            format!("($1, {}, 'queued', 0, 0, 0)", values.join(", "))
        })
        .collect();
    let statement = format!(
        "INSERT INTO items (job_id, number, name, source, host, not_before, same_as, state, attempt, suspect, crashes) \
         VALUES {}",
        rows.join(", ")
    );
    let deferred = tx.now.tick.saturating_add(millis(SAME_PICTURE_WAIT)).max(1);
    let mut query = sqlx::query(AssertSqlSafe(statement)).persistent(false).bind(job.id.as_str());
    for (number, item) in (first..).zip(items) {
        let source = serde_json::to_string(&item.source).map_err(|error| Error::Encode(error.into()))?;
        query = query
            .bind(number as i64)
            .bind(text(&item.name).into_owned())
            .bind(source)
            .bind(item.host.clone())
            .bind(if item.same_as.is_some() { deferred } else { 0 })
            .bind(item.same_as.map(i64::from));
    }
    query.execute(&mut *tx.connection).await.map(|_| ())
}
