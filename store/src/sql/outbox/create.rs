//! Creates deliveries when jobs end, and makes them due again on request.

use sqlx::{AssertSqlSafe, Error, Row};

use crate::job::{ItemError, Job, JobState};
use crate::outbox::{JobFailure, Notice};
use crate::sql::operation::{Operation, Tx, statement};
use crate::sql::rows::seconds;

/// Stores a delivery about the job's end if the job has a callback URL. Part of the transaction that ends the job.
pub(in crate::sql) async fn store_delivery(tx: &mut Tx<'_>, job: &Job, finished: i64) -> Result<(), Error> {
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
    let text = "INSERT INTO deliveries (id, job_id, state, created_at, notice, request_id, traceparent, url, host, next_at, caller) \
         VALUES ($1, $2, 'pending', $3, $4, $5, $6, $7, $8, $3, $9) ON CONFLICT (job_id) DO NOTHING";
    let inserted = tx
        .execute(statement!(
            text,
            [
                delivery_id(job),
                job.id.as_str(),
                finished,
                &notice,
                &job.request_id,
                &job.traceparent,
                url,
                host(url),
                job.caller.to_string()
            ]
        ))
        .await?;
    if inserted == 0 {
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
    let row = tx
        .fetch_optional(statement!(
            "UPDATE deliveries SET notice = $2 WHERE id = $1 RETURNING state",
            [&id, notice]
        ))
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
    let rows = tx.fetch_all(statement!(text, [job.id.as_str()])).await?;
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

/// Implements `Outbox::redeliver`.
pub(in crate::sql) struct Redeliver(pub(in crate::sql) String);

impl Operation for Redeliver {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let before = format!("SELECT state FROM deliveries WHERE id = $1 {}", tx.dialect.lock());
        let row = tx.fetch_optional(statement!(AssertSqlSafe(before), [&self.0])).await?;
        let Some(row) = row else { return Ok(false) };
        let state: String = row.try_get("state")?;
        let text = "UPDATE deliveries SET state = 'pending', next_at = $2, finished_at = NULL, earlier = tries, retry = 0, \
                    claims = claims + 1 WHERE id = $1";
        tx.execute(statement!(text, [&self.0, tx.now.wall])).await?;
        tx.deltas.pending(i64::from(state != "pending"));
        tx.deltas.dead(-i64::from(state == "dead"));
        Ok(true)
    }
}
