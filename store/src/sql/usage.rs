//! What callers use of their quotas: open jobs, their pictures, stored bytes.
//!
//! As with the counters, each transaction adds its changes to one of the rows of a caller at its end, and the sum counts,
//! so that transactions seldom wait for each other. A creation must not exceed a limit together with others that run at
//! the same time. On PostgreSQL it locks the caller until it is committed: alone if it is close to a limit, and otherwise
//! together with other creations. Not even all connections at once could then use up what is left.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Error, Row};

use super::dialect::Dialect;
use super::statement::statement;
use crate::job::NewJob;
use crate::store::{CallerLimits, Quota};

/// Open jobs, open items, stored bytes.
type Usage = [i64; 3];

/// Number of rows of a caller on PostgreSQL.
const SHARDS: u8 = 16;

const ADD: &str = "INSERT INTO caller_usage (caller, shard, open_jobs, open_items, stored_bytes) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (caller, shard) DO UPDATE SET open_jobs = caller_usage.open_jobs + excluded.open_jobs, \
     open_items = caller_usage.open_items + excluded.open_items, \
     stored_bytes = caller_usage.stored_bytes + excluded.stored_bytes";

/// What a caller ($1) uses.
pub(super) const SUMS: &str = "SELECT CAST(COALESCE(SUM(open_jobs), 0) AS BIGINT) AS open_jobs, \
     CAST(COALESCE(SUM(open_items), 0) AS BIGINT) AS open_items, \
     CAST(COALESCE(SUM(stored_bytes), 0) AS BIGINT) AS stored_bytes FROM caller_usage WHERE caller = $1";

/// By how much what callers use differs from what their rows say.
const ERRORS: &str = "SELECT caller, CAST(SUM(jobs) AS BIGINT) AS open_jobs, CAST(SUM(items) AS BIGINT) AS open_items, \
     CAST(SUM(bytes) AS BIGINT) AS stored_bytes FROM (\
     SELECT caller, CASE WHEN state IN ('queued', 'processing') THEN 1 ELSE 0 END AS jobs, \
     CASE WHEN state IN ('queued', 'processing') THEN total ELSE 0 END AS items, \
     input_bytes + CASE WHEN state IN ('queued', 'processing') THEN expected_bytes ELSE card_bytes END AS bytes FROM jobs \
     UNION ALL SELECT caller, -open_jobs, -open_items, -stored_bytes FROM caller_usage) AS both_sides \
     GROUP BY caller HAVING SUM(jobs) <> 0 OR SUM(items) <> 0 OR SUM(bytes) <> 0";

/// The changes that one transaction makes to what callers use.
#[derive(Debug, Default)]
pub(super) struct UsageDeltas {
    changes: BTreeMap<String, Usage>,
    /// Callers that may use nothing any more.
    forgotten: BTreeSet<String>,
}

impl UsageDeltas {
    /// Adds to what a caller uses.
    pub(super) fn add(&mut self, caller: String, usage: Usage) {
        let sums = self.changes.entry(caller).or_default();
        sums.iter_mut().zip(usage).for_each(|(sum, more)| *sum += more);
    }

    /// Deletes the rows of a caller if it uses nothing any more.
    pub(super) fn forget(&mut self, caller: String) {
        self.forgotten.insert(caller);
    }

    /// Writes the changes. Only the counters may be written after this.
    pub(super) async fn write(
        &mut self,
        connection: &mut AnyConnection,
        dialect: &Dialect,
    ) -> Result<(), Error> {
        for (caller, usage) in std::mem::take(&mut self.changes) {
            if usage != [0; 3] {
                add(connection, dialect, caller, usage).await?;
            }
        }
        for caller in std::mem::take(&mut self.forgotten) {
            if used(connection, &caller).await? == [0; 3] {
                delete(connection, dialect, caller).await?;
            }
        }
        Ok(())
    }
}

async fn add(
    connection: &mut AnyConnection,
    dialect: &Dialect,
    caller: String,
    [jobs, items, bytes]: Usage,
) -> Result<(), Error> {
    let shard = match dialect {
        Dialect::Sqlite(_) => 0,
        Dialect::Postgres(_) => i64::from(rand::random_range(0..SHARDS)),
    };
    statement!(ADD, [caller, shard, jobs, items, bytes]).execute(connection).await.map(|_| ())
}

/// Deletes the rows of a caller. What other transactions have changed in them meanwhile is kept.
async fn delete(connection: &mut AnyConnection, dialect: &Dialect, caller: String) -> Result<(), Error> {
    let text = "DELETE FROM caller_usage WHERE caller = $1 RETURNING open_jobs, open_items, stored_bytes";
    let rows = statement!(text, [caller.clone()]).fetch_all(&mut *connection).await?;
    let mut rest: Usage = [0; 3];
    for row in &rows {
        rest.iter_mut().zip(usage(row)?).for_each(|(sum, part)| *sum += part);
    }
    if rest == [0; 3] { Ok(()) } else { add(connection, dialect, caller, rest).await }
}

fn usage(row: &AnyRow) -> Result<Usage, Error> {
    Ok([row.try_get("open_jobs")?, row.try_get("open_items")?, row.try_get("stored_bytes")?])
}

async fn used(connection: &mut AnyConnection, caller: &str) -> Result<Usage, Error> {
    usage(&statement!(SUMS, [caller.to_owned()]).fetch_one(connection).await?)
}

/// What a new job adds to what its caller uses.
pub(super) fn of_new(new: &NewJob) -> Usage {
    let bytes = i64::try_from(new.input_bytes.saturating_add(new.expected_bytes)).unwrap_or(i64::MAX / 2);
    [1, i64::try_from(new.items.len()).unwrap_or(i64::MAX), bytes]
}

/// The quota that a new job would exceed, with its limit and what the caller uses of it. If there is none, the caller
/// stays locked.
pub(super) async fn exceeded(
    connection: &mut AnyConnection,
    dialect: &Dialect,
    new: &NewJob,
) -> Result<Option<(Quota, u64, u64)>, Error> {
    if new.limits == CallerLimits::default() {
        return Ok(None);
    }
    let (caller, more) = (new.caller.to_string(), of_new(new));
    let before = used(connection, &caller).await?;
    if let Some(over) = over(before, more, 1, new.limits) {
        return Ok(Some(over));
    }
    // If as many jobs like this one as there are connections fit, so do all those that are being created now, because
    // each of them has found that as many like itself fit. The first look leaves room for as many again.
    let writers = dialect.writers(connection).await?;
    let is_far = over(before, more, writers.saturating_mul(2), new.limits).is_none();
    dialect.lock_caller(connection, &caller, is_far).await?;
    let now = used(connection, &caller).await?;
    Ok(over(now, more, if is_far { writers } else { 1 }, new.limits))
}

/// The first quota that `times` times `more` would exceed.
fn over(used: Usage, more: Usage, times: i64, limits: CallerLimits) -> Option<(Quota, u64, u64)> {
    let number = |value: i64| u64::try_from(value).unwrap_or_default();
    let mut quotas = Quota::ALL.into_iter().zip(limits.in_order()).zip(used.into_iter().zip(more));
    quotas.find_map(|((which, limit), (used, more))| {
        let sum = number(used).saturating_add(number(more.saturating_mul(times)));
        limit.filter(|limit| sum > *limit).map(|limit| (which, limit, number(used)))
    })
}

/// By how much what callers use is wrong.
pub(super) async fn errors(connection: &mut AnyConnection) -> Result<Vec<(String, Usage)>, Error> {
    let rows = sqlx::query(AssertSqlSafe(ERRORS)).fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get("caller")?, usage(row)?))).collect()
}
