//! Reads, each one statement or a few that need not agree to the row.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use sqlx::{AnyConnection, AssertSqlSafe, Error, Row};

use super::clock::{Now, millis, span};
use super::counters::{CounterDeltas, SUMS};
use super::dialect::make;
use super::rows::{self, JOB};
use crate::job::{Item, Job, JobId};
use crate::store::{Figures, JobVersion, Listing, Removable};

pub(super) const REMOVABLE: &str = "SELECT id, removal, removal_failures FROM jobs WHERE removal > 0 \
     AND removal_after <= $1 ORDER BY removal_after, id LIMIT $2";
pub(super) const OLDEST: &str = "SELECT created_at FROM jobs WHERE state = 'queued' ORDER BY id LIMIT 1";
pub(super) const STALLED: &str = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM jobs WHERE state = 'processing' \
     AND ready = 0 AND progressed_at <= $1";
pub(super) const ALIVE: &str = "SELECT CAST(COUNT(*) AS BIGINT) AS processes, \
     CAST(COALESCE(SUM(CASE WHEN role = 'web' THEN 0 ELSE slots END), 0) AS BIGINT) AS slots \
     FROM processes WHERE beat_until > $1";

/// Ids in one statement.
const IDS_AT_ONCE: usize = 500;

pub(super) async fn job(connection: &mut AnyConnection, id: &JobId) -> Result<Option<Job>, Error> {
    let text = format!("SELECT {JOB} FROM jobs WHERE id = $1");
    let row = sqlx::query(AssertSqlSafe(text)).bind(id.as_str()).fetch_optional(connection).await?;
    row.map(|row| Ok(rows::record(&row)?.job)).transpose()
}

pub(super) async fn job_version(
    connection: &mut AnyConnection,
    id: &JobId,
) -> Result<Option<JobVersion>, Error> {
    let row = sqlx::query("SELECT id, version, state, eta_s, expires_at FROM jobs WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(rows::job_version).transpose()
}

pub(super) async fn items(
    connection: &mut AnyConnection,
    id: &JobId,
    from: u32,
    limit: u32,
) -> Result<Vec<Item>, Error> {
    let rows = sqlx::query(
        "SELECT number, name, state, attempt, members, card, error_code, error_message FROM items \
         WHERE job_id = $1 AND number >= $2 ORDER BY number LIMIT $3",
    )
    .bind(id.as_str())
    .bind(i64::from(from))
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(rows::item).collect()
}

pub(super) async fn list(connection: &mut AnyConnection, listing: &Listing) -> Result<Vec<Job>, Error> {
    let wanted = [
        ("state =", listing.state.map(|state| state.as_str().to_owned())),
        ("kind =", listing.kind.map(|kind| kind.as_str().to_owned())),
        ("id <", listing.before.as_ref().map(|id| id.as_str().to_owned())),
    ];
    let (conditions, values) = conditions(wanted);
    let limit = values.len() + 1;
    let text = format!("SELECT {JOB} FROM jobs WHERE {conditions} ORDER BY id DESC LIMIT ${limit}");
    let mut query = sqlx::query(AssertSqlSafe(text));
    for value in values {
        query = query.bind(value);
    }
    let rows = query.bind(i64::from(listing.limit)).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(rows::record(row)?.job)).collect()
}

/// Only the conditions that have a value, so that each form of a list has its index; and the values, from `$1` on.
pub(super) fn conditions<const N: usize>(wanted: [(&str, Option<String>); N]) -> (String, Vec<String>) {
    let (mut text, mut values) = (String::from("1 = 1"), Vec::new());
    for (condition, value) in wanted {
        if let Some(value) = value {
            values.push(value);
            text = format!("{text} AND {condition} ${}", values.len());
        }
    }
    (text, values)
}

pub(super) async fn removable(
    connection: &mut AnyConnection,
    now: Now,
    most: u32,
) -> Result<Vec<Removable>, Error> {
    let rows = sqlx::query(REMOVABLE).bind(now.wall).bind(i64::from(most)).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let everything = row.try_get::<i64, _>("removal")? == 2;
            let failures = rows::count(row, "removal_failures")?;
            Ok(Removable { job: rows::job_id(row, "id")?, everything, failures })
        })
        .collect()
}

pub(super) async fn living(connection: &mut AnyConnection, ids: &[JobId]) -> Result<HashSet<JobId>, Error> {
    let mut living = HashSet::with_capacity(ids.len());
    for ids in ids.chunks(IDS_AT_ONCE) {
        let places: Vec<_> = (1..=ids.len()).map(|place| format!("${place}")).collect();
        let text = format!("SELECT id FROM jobs WHERE state <> 'expired' AND id IN ({})", places.join(", "));
        let mut query = sqlx::query(AssertSqlSafe(text)).persistent(false);
        for id in ids {
            query = query.bind(id.as_str());
        }
        for row in query.fetch_all(&mut *connection).await? {
            living.insert(rows::job_id(&row, "id")?);
        }
    }
    Ok(living)
}

/// A few rows, however many jobs there are, in one statement: every process asks for them again and again.
pub(super) fn figures_statement() -> String {
    format!(
        "SELECT kept.*, alive.processes, alive.slots, \
         CAST(COALESCE(({OLDEST}), -1) AS BIGINT) AS oldest, \
         CAST((SELECT COUNT(*) FROM pauses) AS BIGINT) AS pauses \
         FROM ({SUMS}) AS kept CROSS JOIN ({ALIVE}) AS alive"
    )
}

pub(super) async fn figures(connection: &mut AnyConnection, now: Now) -> Result<Figures, Error> {
    let text = AssertSqlSafe(figures_statement());
    let row = sqlx::query(text).bind(now.tick).fetch_one(connection).await?;
    let [queued, processing, completed, failed, canceled, expired, waiting, pending, dead, bytes] =
        CounterDeltas::of(&row)?.values().map(number);
    let oldest: i64 = row.try_get("oldest")?;
    Ok(Figures {
        jobs: [queued, processing, completed, failed, canceled, expired],
        queued_items: waiting,
        oldest_queued: (queued > 0 && oldest >= 0).then(|| span(oldest, now.wall)),
        deliveries: pending,
        dead_letters: dead,
        blob_bytes: bytes,
        slots: number(row.try_get("slots")?),
        processes: number(row.try_get("processes")?),
        pauses: number(row.try_get("pauses")?),
    })
}

pub(super) async fn stalled(connection: &mut AnyConnection, now: Now, quiet: Duration) -> Result<u64, Error> {
    let before = now.wall.saturating_sub(millis(quiet));
    Ok(number(sqlx::query(STALLED).bind(before).fetch_one(connection).await?.try_get("n")?))
}

/// Copies SQLite's whole database as of now to a new file, and has the disk hold it.
pub(super) async fn copy(connection: &mut AnyConnection, to: &Path) -> Result<(), Error> {
    let name = to.to_str().ok_or_else(|| Error::InvalidArgument("a path that is not UTF-8".into()))?;
    make(to, true).map_err(|error| Error::InvalidArgument(format!("{name}: {error}")))?;
    sqlx::query("VACUUM INTO $1").bind(name).execute(connection).await?;
    tokio::task::spawn_blocking({
        let to = to.to_owned();
        move || File::open(to)?.sync_all()
    })
    .await
    .map_err(|_| Error::WorkerCrashed)??;
    Ok(())
}

fn number(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or_default()
}
