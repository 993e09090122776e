//! The queue of ready jobs: callers take turns, and so do the jobs of each caller (see `turns`).
//!
//! Each process goes round the callers by itself and takes one picture of each in a round. So every process shares its
//! claims equally, and so do all together, without a row that all of them write. One jump in an index leads to the next
//! caller, however many jobs there are.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::{AssertSqlSafe, Error, Row};

use super::downloads::DownloadPlaces;
use super::operation::{Tx, statement};
use super::pauses::Pauses;
use super::rows::{self, JOB, Record};
use crate::job::JobKind;

/// How many callers in a row a claim passes over.
const MAX_PASSED_OVER: usize = 256;

/// The caller that this process served last. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Cursor(Arc<Mutex<String>>);

impl Cursor {
    pub(super) fn get(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, caller: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = caller;
    }
}

/// The way of one claim round the callers.
pub(super) struct Round {
    /// The caller that was served or passed over last.
    at: String,
    /// Those that were passed over since one was served.
    passed_over: HashSet<String>,
    /// One of those whose jobs are held by other transactions.
    held: Option<String>,
    /// Whose job was found last.
    current: String,
}

impl Round {
    /// Begins after this caller.
    pub(super) fn after(caller: String) -> Self {
        Self { current: caller.clone(), at: caller, passed_over: HashSet::new(), held: None }
    }

    /// The caller that was served last.
    pub(super) fn into_last(self) -> String {
        self.at
    }

    /// The next job, locked. Callers are passed over that have no job which is free now.
    pub(super) async fn next_job(
        &mut self,
        tx: &mut Tx<'_>,
        paused: &Pauses,
        downloads: &DownloadPlaces,
    ) -> Result<Option<Record>, Error> {
        loop {
            let (stored_only, lock) = (!downloads.any(), tx.dialect.lock_unlocked());
            let next = format!("= {}", next_caller(paused, stored_only));
            let found =
                self.find(tx, &job_statement(paused, stored_only, &next, lock), self.at.clone()).await?;
            if let Some(record) = found {
                if record.job.kind != JobKind::Url || downloads.any_for(record.job.caller) {
                    return Ok(Some(record));
                }
                // Its share of the downloads is used up. Pictures that are stored already need none.
                let stored = job_statement(paused, true, "= $1", lock);
                if let Some(record) = self.find(tx, &stored, self.current.clone()).await? {
                    return Ok(Some(record));
                }
                if !self.pass_over(self.current.clone()) {
                    return Ok(None);
                }
                continue;
            }
            let text = format!("SELECT {} AS caller", next_caller(paused, stored_only));
            let row = tx.fetch_one(statement!(AssertSqlSafe(text), [self.at.clone()])).await?;
            let Some(caller) = row.try_get::<Option<String>, _>("caller")? else { return Ok(None) };
            self.held.get_or_insert_with(|| caller.clone());
            if !self.pass_over(caller) {
                return Ok(None);
            }
        }
    }

    /// A job that another transaction held: waits for it.
    pub(super) async fn wait_for_job(
        &mut self,
        tx: &mut Tx<'_>,
        paused: &Pauses,
        downloads: &DownloadPlaces,
    ) -> Result<Option<Record>, Error> {
        let Some(caller) = self.held.take() else { return Ok(None) };
        let text = job_statement(paused, !downloads.any(), "= $1", tx.dialect.lock());
        let record = self.find(tx, &text, caller).await?;
        Ok(record.filter(|record| record.job.kind != JobKind::Url || downloads.any_for(record.job.caller)))
    }

    async fn find(&mut self, tx: &mut Tx<'_>, text: &str, value: String) -> Result<Option<Record>, Error> {
        let row = tx.fetch_optional(statement!(AssertSqlSafe(text.to_owned()), [value])).await?;
        let Some(row) = row else { return Ok(None) };
        self.current = row.try_get("caller")?;
        rows::record(&row).map(Some)
    }

    /// Goes on after this caller. Returns false if that closes the circle.
    fn pass_over(&mut self, caller: String) -> bool {
        self.at.clone_from(&caller);
        self.passed_over.insert(caller) && self.passed_over.len() < MAX_PASSED_OVER
    }

    /// A picture of the job that was found last was claimed.
    pub(super) fn served(&mut self) {
        self.at.clone_from(&self.current);
        self.passed_over.clear();
    }
}

/// The jobs that are in the queue: all of them, or those whose pictures need no download.
fn in_queue(stored_only: bool) -> &'static str {
    if stored_only {
        "jobs.ready = 1 AND jobs.kind <> 'url_batch'"
    } else {
        "jobs.ready = 1 AND jobs.blocked_until = 0"
    }
}

/// The caller with jobs in the queue that follows $1, or the first one.
pub(super) fn next_caller(paused: &Pauses, stored_only: bool) -> String {
    let (in_queue, others) = (in_queue(stored_only), paused.condition("jobs.kind"));
    format!(
        "COALESCE((SELECT jobs.caller FROM jobs WHERE {in_queue} AND jobs.caller > $1 {others} ORDER BY jobs.caller LIMIT 1), \
         (SELECT jobs.caller FROM jobs WHERE {in_queue} {others} ORDER BY jobs.caller LIMIT 1))"
    )
}

/// The job whose turn it is among those of a caller.
pub(super) fn job_statement(paused: &Pauses, stored_only: bool, caller: &str, lock: &str) -> String {
    let (in_queue, others) = (in_queue(stored_only), paused.condition("kind"));
    format!(
        "SELECT {JOB} FROM jobs WHERE {in_queue} AND caller {caller} {others} ORDER BY turn, id LIMIT 1 {lock}"
    )
}
