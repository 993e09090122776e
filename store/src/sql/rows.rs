//! Converts rows into the types of the store and back. Only this file knows how columns encode values.

use std::borrow::Cow;

use serde::Deserialize;
use sqlx::any::AnyRow;
use sqlx::{Error, Row};

use super::fault::corrupt;
use crate::caller::Caller;
use crate::job::{Card, Item, ItemError, ItemResult, ItemState, Job, JobId, JobKind, JobState, Priority};
use crate::store::JobVersion;

/// The columns of a [`Record`].
pub(super) const JOB: &str = "id, caller, kind, state, priority, options, request_id, traceparent, base_url, \
     callback_url, created_at, started_at, finished_at, expires_at, version, eta_s, total, succeeded, failed, \
     fetched, turn, ready, blocked_until, input_bytes, card_bytes, expected_bytes, \
     removal";

/// A job's row: the job, and columns that only the store uses. Times are in milliseconds.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) job: Job,
    pub(super) created: i64,
    pub(super) started: Option<i64>,
    pub(super) expires: i64,
    pub(super) turn: i64,
    /// Whether it has items to claim in turn.
    pub(super) ready: bool,
    /// Whether it waits because the hosts of its items are busy.
    pub(super) blocked: bool,
    pub(super) input_bytes: i64,
    pub(super) card_bytes: i64,
    /// As it was expected when the job was created; 0 once it has ended.
    pub(super) expected_bytes: i64,
    pub(super) removal: Removal,
}

/// Which blobs of a job are due for removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal {
    /// None.
    Nothing,
    /// The inputs.
    Inputs,
    /// All blobs.
    Everything,
    /// None, because all blobs are removed already.
    Done,
}

impl Record {
    /// Bytes of cards that are expected and not stored yet.
    pub(super) fn reserved_bytes(&self) -> i64 {
        (self.expected_bytes - self.card_bytes).max(0)
    }
}

impl Removal {
    /// The value in the column.
    pub(super) fn to_column(self) -> i64 {
        match self {
            Self::Nothing => 0,
            Self::Inputs => 1,
            Self::Everything => 2,
            Self::Done => -1,
        }
    }
}

/// The value of the column `removal`.
pub(super) fn removal(row: &AnyRow) -> Result<Removal, Error> {
    match row.try_get::<i64, _>("removal")? {
        0 => Ok(Removal::Nothing),
        1 => Ok(Removal::Inputs),
        2 => Ok(Removal::Everything),
        -1 => Ok(Removal::Done),
        _ => Err(corrupt("an unknown kind of removal")),
    }
}

/// Milliseconds as whole seconds.
pub(super) fn seconds(millis: i64) -> i64 {
    millis.div_euclid(1_000)
}

/// The value of a priority in the column.
pub(super) fn rank(priority: Priority) -> i64 {
    match priority {
        Priority::Low => 0,
        Priority::Normal => 1,
        Priority::High => 2,
    }
}

/// Text without NUL characters, which PostgreSQL cannot store.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

pub(super) fn count(row: &AnyRow, column: &str) -> Result<u32, Error> {
    u32::try_from(row.try_get::<i64, _>(column)?).map_err(|_| corrupt("a count that is out of range"))
}

pub(super) fn job_id(row: &AnyRow, column: &str) -> Result<JobId, Error> {
    JobId::parse(row.try_get(column)?).ok_or_else(|| corrupt("an invalid job id"))
}

fn state(row: &AnyRow) -> Result<JobState, Error> {
    JobState::parse(row.try_get("state")?).ok_or_else(|| corrupt("an unknown job state"))
}

fn priority(row: &AnyRow) -> Result<Priority, Error> {
    let stored = row.try_get::<i64, _>("priority")?;
    Priority::ALL
        .iter()
        .copied()
        .find(|priority| rank(*priority) == stored)
        .ok_or_else(|| corrupt("an unknown priority"))
}

/// Reads a row with the columns of [`JOB`].
pub(super) fn record(row: &AnyRow) -> Result<Record, Error> {
    let created = row.try_get("created_at")?;
    let started: Option<i64> = row.try_get("started_at")?;
    let expires = row.try_get("expires_at")?;
    let job = Job {
        id: job_id(row, "id")?,
        caller: Caller::parse(row.try_get("caller")?),
        kind: JobKind::parse(row.try_get("kind")?).ok_or_else(|| corrupt("an unknown job kind"))?,
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
        ready: row.try_get::<i64, _>("ready")? != 0,
        blocked: row.try_get::<i64, _>("blocked_until")? > 0,
        input_bytes: row.try_get("input_bytes")?,
        card_bytes: row.try_get("card_bytes")?,
        expected_bytes: row.try_get("expected_bytes")?,
        removal: removal(row)?,
    })
}

/// Reads a row with the columns `id, caller, version, state, eta_s, expires_at`.
pub(super) fn job_version(row: &AnyRow) -> Result<JobVersion, Error> {
    Ok(JobVersion {
        id: job_id(row, "id")?,
        caller: Caller::parse(row.try_get("caller")?),
        version: row.try_get("version")?,
        state: state(row)?,
        eta_s: count(row, "eta_s")?,
        expires_at: seconds(row.try_get("expires_at")?),
    })
}

/// The part of an item's source that clients see.
#[derive(Deserialize)]
struct SourceUrl {
    url: Option<String>,
}

/// Reads a row with the columns `number, name, state, attempt, source, members, card, error_code, error_message`.
pub(super) fn item(row: &AnyRow) -> Result<Item, Error> {
    let (members, card): (Option<String>, Option<String>) = (row.try_get("members")?, row.try_get("card")?);
    let (code, message) = (row.try_get("error_code")?, row.try_get("error_message")?);
    let result = match (members, card) {
        (Some(members), Some(card)) => {
            let card: Option<Card> = serde_json::from_str(&card).map_err(|_| corrupt("an invalid card"))?;
            Some(ItemResult { members, card })
        }
        _ => None,
    };
    let state = ItemState::parse(row.try_get("state")?).ok_or_else(|| corrupt("an unknown item state"))?;
    let source: String = row.try_get("source")?;
    let source: SourceUrl = serde_json::from_str(&source).map_err(|_| corrupt("an invalid source"))?;
    Ok(Item {
        url: source.url,
        number: count(row, "number")?,
        name: row.try_get("name")?,
        state,
        attempt: count(row, "attempt")?,
        result,
        error: Option::zip(code, message).map(|(code, message)| ItemError { code, message }),
    })
}
