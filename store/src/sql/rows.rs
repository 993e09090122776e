//! Rows into nouns and back: the one place that knows how columns hold them.

use std::borrow::Cow;

use sqlx::any::AnyRow;
use sqlx::{Error, Row};

use super::fault::corrupt;
use crate::job::{Card, Item, ItemError, ItemResult, ItemState, Job, JobId, JobKind, JobState, Priority};
use crate::store::JobVersion;

/// The columns that [`Record`] is read from.
pub(super) const JOB: &str = "id, kind, state, priority, options, request_id, traceparent, base_url, \
     callback_url, created_at, started_at, finished_at, expires_at, version, eta_s, total, succeeded, failed, \
     fetched, turn, input_bytes, card_bytes, removal";

/// A job with what only the store needs to know of it. Times in milliseconds.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) job: Job,
    pub(super) created: i64,
    pub(super) started: Option<i64>,
    pub(super) expires: i64,
    pub(super) turn: i64,
    pub(super) input_bytes: i64,
    pub(super) card_bytes: i64,
    pub(super) removal: i64,
}

/// Whole seconds of milliseconds.
pub(super) fn seconds(millis: i64) -> i64 {
    millis.div_euclid(1_000)
}

/// How a priority is stored: the higher, the sooner.
pub(super) fn rank(priority: Priority) -> i64 {
    match priority {
        Priority::Low => 0,
        Priority::Normal => 1,
        Priority::High => 2,
    }
}

/// Text without NUL, which PostgreSQL cannot hold.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

pub(super) fn count(row: &AnyRow, column: &str) -> Result<u32, Error> {
    u32::try_from(row.try_get::<i64, _>(column)?).map_err(|_| corrupt("a count out of range"))
}

pub(super) fn job_id(row: &AnyRow, column: &str) -> Result<JobId, Error> {
    JobId::parse(row.try_get(column)?).ok_or_else(|| corrupt("an id that is none"))
}

fn state(row: &AnyRow) -> Result<JobState, Error> {
    JobState::parse(row.try_get("state")?).ok_or_else(|| corrupt("an unknown state of a job"))
}

fn priority(row: &AnyRow) -> Result<Priority, Error> {
    let stored = row.try_get::<i64, _>("priority")?;
    Priority::ALL
        .iter()
        .copied()
        .find(|priority| rank(*priority) == stored)
        .ok_or_else(|| corrupt("an unknown priority"))
}

/// A row of [`JOB`].
pub(super) fn record(row: &AnyRow) -> Result<Record, Error> {
    let created = row.try_get("created_at")?;
    let started: Option<i64> = row.try_get("started_at")?;
    let expires = row.try_get("expires_at")?;
    let job = Job {
        id: job_id(row, "id")?,
        kind: JobKind::parse(row.try_get("kind")?).ok_or_else(|| corrupt("an unknown kind of job"))?,
        state: state(row)?,
        priority: priority(row)?,
        options: row.try_get("options")?,
        request_id: row.try_get("request_id")?,
        traceparent: row.try_get("traceparent")?,
        base_url: row.try_get("base_url")?,
        callback_url: row.try_get("callback_url")?,
        created_at: seconds(created),
        started_at: started.map(seconds),
        finished_at: row.try_get::<Option<i64>, _>("finished_at")?.map(seconds),
        expires_at: seconds(expires),
        version: row.try_get("version")?,
        eta_s: count(row, "eta_s")?,
        total: count(row, "total")?,
        succeeded: count(row, "succeeded")?,
        failed: count(row, "failed")?,
        fetched: count(row, "fetched")? != 0,
    };
    Ok(Record {
        job,
        created,
        started,
        expires,
        turn: row.try_get("turn")?,
        input_bytes: row.try_get("input_bytes")?,
        card_bytes: row.try_get("card_bytes")?,
        removal: row.try_get("removal")?,
    })
}

/// A row of `id, version, state, eta_s, expires_at`.
pub(super) fn job_version(row: &AnyRow) -> Result<JobVersion, Error> {
    Ok(JobVersion {
        id: job_id(row, "id")?,
        version: row.try_get("version")?,
        state: state(row)?,
        eta_s: count(row, "eta_s")?,
        expires_at: seconds(row.try_get("expires_at")?),
    })
}

/// A row of `number, name, state, attempt, members, card, error_code, error_message`.
pub(super) fn item(row: &AnyRow) -> Result<Item, Error> {
    let (members, card): (Option<String>, Option<String>) = (row.try_get("members")?, row.try_get("card")?);
    let (code, message) = (row.try_get("error_code")?, row.try_get("error_message")?);
    let result = match (members, card) {
        (Some(members), Some(card)) => {
            let card: Card = serde_json::from_str(&card).map_err(|_| corrupt("a card that is none"))?;
            Some(ItemResult { members, card })
        }
        _ => None,
    };
    let state =
        ItemState::parse(row.try_get("state")?).ok_or_else(|| corrupt("an unknown state of an item"))?;
    Ok(Item {
        number: count(row, "number")?,
        name: row.try_get("name")?,
        state,
        attempt: count(row, "attempt")?,
        result,
        error: Option::zip(code, message).map(|(code, message)| ItemError { code, message }),
    })
}
