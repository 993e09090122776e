//! Jobs that wait because all hosts of their next pictures are busy. They are out of the queue, so that a claim does not
//! look at them again and again. When a picture of a host is settled, one of the jobs that wait for this host comes back:
//! the callers take turns at each host. The rest come back after a while, since other hosts may be free by then.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Error};

use super::clock::millis;
use super::operation::{Tx, statement};
use super::rows::{self, JOB, Record};
use super::turns;
use crate::caller::Caller;

/// How long a job waits for busy hosts at most…
const WAIT: Duration = Duration::from_secs(10);
/// …and if another process was just claiming from a host.
const SHORT_WAIT: Duration = Duration::from_millis(250);

/// How many jobs whose wait is over come back with one claim.
const RELEASE_BATCH: i64 = 16;

/// Jobs whose wait is over.
pub(super) const DUE: &str = "SELECT {JOB} FROM jobs WHERE blocked_until > 0 AND blocked_until <= $1 \
     ORDER BY blocked_until LIMIT $2";

/// The first job that waits for a host, of the callers after this one, or of those up to it.
pub(super) const NEXT_AT_HOST: [&str; 2] = [
    "SELECT {JOB} FROM jobs WHERE blocked_until > 0 AND blocked_host = $1 AND caller > $2 ORDER BY caller, turn, id LIMIT 1",
    "SELECT {JOB} FROM jobs WHERE blocked_until > 0 AND blocked_host = $1 AND caller <= $2 ORDER BY caller, turn, id LIMIT 1",
];

/// Takes a job out of the queue. `contended` if the hosts may be free in a moment.
pub(super) async fn block(
    tx: &mut Tx<'_>,
    record: &Record,
    host: &str,
    contended: bool,
) -> Result<(), Error> {
    let wait = if contended { SHORT_WAIT } else { WAIT };
    tx.run(statement!(
        "UPDATE jobs SET blocked_until = $2, blocked_host = $3 WHERE id = $1",
        [record.job.id.as_str(), tx.now.tick.saturating_add(millis(wait)).max(1), host.to_owned()]
    ))
    .await
}

/// Puts jobs back into the queue whose wait is over.
pub(super) async fn release_due(tx: &mut Tx<'_>) -> Result<(), Error> {
    let text = with_lock(DUE, tx);
    let rows = tx.fetch_all(statement!(AssertSqlSafe(text), [tx.now.tick, RELEASE_BATCH])).await?;
    for row in &rows {
        unblock(tx, &rows::record(row)?).await?;
    }
    Ok(())
}

/// A picture of this host is not in progress any more: one job that waits for the host comes back.
pub(super) async fn host_freed(tx: &mut Tx<'_>, host: &str, caller: Caller) -> Result<(), Error> {
    if host.is_empty() {
        return Ok(());
    }
    for text in NEXT_AT_HOST {
        let statement = statement!(AssertSqlSafe(with_lock(text, tx)), [host.to_owned(), caller.to_string()]);
        if let Some(row) = tx.fetch_optional(statement).await? {
            return unblock(tx, &rows::record(&row)?).await;
        }
    }
    Ok(())
}

/// Rows that other transactions hold are skipped: this transaction holds a job already.
fn with_lock(text: &str, tx: &Tx<'_>) -> String {
    format!("{} {}", text.replace("{JOB}", JOB), tx.dialect.lock_unlocked())
}

async fn unblock(tx: &mut Tx<'_>, record: &Record) -> Result<(), Error> {
    let turn = turns::rejoin(tx, record).await?;
    tx.run(statement!(
        "UPDATE jobs SET blocked_until = 0, blocked_host = '', turn = $2 WHERE id = $1",
        [record.job.id.as_str(), turn]
    ))
    .await
}
