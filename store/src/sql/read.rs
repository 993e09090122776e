//! Reads of jobs and items. A read is one statement, or a few that need no common snapshot.

use std::collections::HashSet;

use sqlx::{AnyConnection, AssertSqlSafe, Error};

use super::clock::Now;
use super::operation::statement;
use super::rows::{self, JOB, Removal};
use crate::job::{Item, Job, JobId};
use crate::store::{JobFilter, JobVersion, Removable};

pub(super) const REMOVABLE: &str = "SELECT id, removal, removal_failures FROM jobs WHERE removal > 0 \
     AND removal_after <= $1 ORDER BY removal_after, id LIMIT $2";

/// What belongs to a key, before its value. The first part is the condition of the index.
pub(super) const OF_KEY: &str = "substr(caller, 1, 4) = 'key:' AND caller =";

/// Maximum number of ids in one statement.
const IDS_PER_STATEMENT: usize = 500;

pub(super) async fn job(connection: &mut AnyConnection, id: &JobId) -> Result<Option<Job>, Error> {
    let text = format!("SELECT {JOB} FROM jobs WHERE id = $1");
    let row = statement!(AssertSqlSafe(text), [id.as_str()]).fetch_optional(connection).await?;
    row.map(|row| Ok(rows::record(&row)?.job)).transpose()
}

pub(super) async fn job_version(
    connection: &mut AnyConnection,
    id: &JobId,
) -> Result<Option<JobVersion>, Error> {
    let row = statement!(
        "SELECT id, caller, version, state, eta_s, expires_at FROM jobs WHERE id = $1",
        [id.as_str()]
    )
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
    let rows = statement!(
        "SELECT number, name, state, attempt, source, members, card, error_code, error_message FROM items \
         WHERE job_id = $1 AND number >= $2 ORDER BY number LIMIT $3",
        [id.as_str(), i64::from(from), i64::from(limit)]
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(rows::item).collect()
}

pub(super) async fn list(connection: &mut AnyConnection, filter: &JobFilter) -> Result<Vec<Job>, Error> {
    let filters = [
        ("state =", filter.state.map(|state| state.as_str().to_owned())),
        ("kind =", filter.kind.map(|kind| kind.as_str().to_owned())),
        (OF_KEY, filter.caller.map(|caller| caller.to_string())),
        ("id <", filter.before.as_ref().map(|id| id.as_str().to_owned())),
    ];
    let (conditions, values) = conditions(filters);
    let mut query = sqlx::query(AssertSqlSafe(list_statement(&conditions, values.len())));
    for value in values {
        query = query.bind(value);
    }
    let rows = query.bind(i64::from(filter.limit)).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(rows::record(row)?.job)).collect()
}

/// The statement of a list of jobs. The conditions have this many values.
pub(super) fn list_statement(conditions: &str, values: usize) -> String {
    format!("SELECT {JOB} FROM jobs WHERE {conditions} ORDER BY id DESC LIMIT ${}", values + 1)
}

/// The conditions that have a value, and the values from `$1` on. Conditions without a value are left out, so that the
/// database can use the index that fits the rest.
pub(super) fn conditions<const N: usize>(filters: [(&str, Option<String>); N]) -> (String, Vec<String>) {
    let (mut text, mut values) = (String::from("1 = 1"), Vec::new());
    for (condition, value) in filters {
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
    limit: u32,
) -> Result<Vec<Removable>, Error> {
    let rows = statement!(REMOVABLE, [now.wall, i64::from(limit)]).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let everything = rows::removal(row)? == Removal::Everything;
            let failures = rows::count(row, "removal_failures")?;
            Ok(Removable { job: rows::job_id(row, "id")?, everything, failures })
        })
        .collect()
}

pub(super) async fn living(connection: &mut AnyConnection, ids: &[JobId]) -> Result<HashSet<JobId>, Error> {
    let mut living = HashSet::with_capacity(ids.len());
    for ids in ids.chunks(IDS_PER_STATEMENT) {
        let placeholders: Vec<_> = (1..=ids.len()).map(|number| format!("${number}")).collect();
        let list = placeholders.join(", ");
        let text = format!("SELECT id FROM jobs WHERE state <> 'expired' AND id IN ({list})");
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
