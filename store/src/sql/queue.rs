//! The queue of ready jobs: first the caller whose turn it is, then one of its jobs.

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Error, Row};

use super::callers::{STRIDE, wake_forgotten};
use super::downloads::DownloadPlaces;
use super::operation::{Tx, statement};
use super::pauses::Pauses;
use super::rows::{self, JOB, Record};
use crate::caller::Caller;

/// How many callers a claim reads beyond the number of pictures that it asks for, in case some have no job that is free.
/// Each further round of the same claim reads this many times as many.
const SPARE_CALLERS: i64 = 8;

/// How many callers a claim tries to wait for.
const MAX_WAITS: usize = 4;

/// How many forgotten callers are put back into the queue at a time.
pub(super) const MAX_FORGOTTEN: i64 = 100;

/// The callers at the head of the queue, as one claim sees and charges them.
pub(super) struct ReadyCallers {
    callers: Vec<ReadyCaller>,
    /// Whether these are all callers with ready jobs.
    all: bool,
    /// Whose job was found last.
    current: usize,
}

struct ReadyCaller {
    caller: String,
    turn: i64,
    woken: i64,
    /// Pictures that this claim took.
    claimed: i64,
    /// Whether this claim found no job of it, or took the last picture of one.
    exhausted: bool,
    /// Whether to leave it out for the rest of this claim.
    passed_over: bool,
}

impl ReadyCaller {
    fn of(row: &AnyRow) -> Result<Self, Error> {
        // Jobs that were canceled, or that other processes claim from, leave the caller in the queue.
        let stale = row.try_get::<i64, _>("has_jobs")? == 0;
        Ok(Self {
            caller: row.try_get("caller")?,
            turn: row.try_get("turn")?,
            woken: row.try_get("woken")?,
            claimed: 0,
            exhausted: stale,
            passed_over: stale,
        })
    }
}

impl ReadyCallers {
    /// Reads those that a claim of this many pictures may need.
    pub(super) async fn read(
        tx: &mut Tx<'_>,
        pictures: u32,
        round: u32,
        paused: &Pauses,
        downloads: &DownloadPlaces,
    ) -> Result<Self, Error> {
        let limit = i64::from(pictures) + SPARE_CALLERS.pow(round + 1);
        let text = callers(paused, !downloads.any());
        let mut rows = tx.fetch_all(statement!(AssertSqlSafe(text.clone()), [limit])).await?;
        if rows.is_empty() && wake_forgotten(tx.connection, tx.callers, MAX_FORGOTTEN).await? > 0 {
            tx.callers.write(tx.connection).await?;
            rows = tx.fetch_all(statement!(AssertSqlSafe(text), [limit])).await?;
        }
        let callers: Vec<_> = rows.iter().map(ReadyCaller::of).collect::<Result<_, Error>>()?;
        Ok(Self { all: (callers.len() as i64) < limit, callers, current: 0 })
    }

    /// Whether a claim that got too little may find more callers.
    pub(super) fn may_be_more(&self) -> bool {
        !self.all && self.callers.iter().any(|caller| caller.exhausted)
    }

    /// The caller whose turn it is.
    fn first(&self) -> Option<usize> {
        let in_turn = self.callers.iter().enumerate().filter(|(_, caller)| !caller.passed_over);
        in_turn.min_by_key(|(_, caller)| (caller.turn, &caller.caller)).map(|(index, _)| index)
    }

    /// The next job, locked. Callers without a job that is free are passed over.
    pub(super) async fn next_job(
        &mut self,
        tx: &mut Tx<'_>,
        paused: &Pauses,
        downloads: &DownloadPlaces,
    ) -> Result<Option<Record>, Error> {
        while let Some(index) = self.first() {
            let lock = tx.dialect.lock_unlocked();
            let caller = &mut self.callers[index];
            if let Some(record) = job_in_turn(tx, &caller.caller, paused, downloads, lock).await? {
                self.current = index;
                return Ok(Some(record));
            }
            (caller.passed_over, caller.exhausted) = (true, true);
        }
        Ok(None)
    }

    /// The next job, after other transactions held those of all callers: waits for one of them.
    pub(super) async fn wait_for_job(
        &mut self,
        tx: &mut Tx<'_>,
        paused: &Pauses,
        downloads: &DownloadPlaces,
    ) -> Result<Option<Record>, Error> {
        let lock = tx.dialect.lock();
        for index in 0..self.callers.len().min(MAX_WAITS) {
            let caller = &mut self.callers[index];
            if let Some(record) = job_in_turn(tx, &caller.caller, paused, downloads, lock).await? {
                caller.passed_over = false;
                self.current = index;
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// The job that was found last is out of the queue for a while; it may have been its caller's only one.
    pub(super) fn blocked(&mut self) {
        if let Some(caller) = self.callers.get_mut(self.current) {
            caller.exhausted = true;
        }
    }

    /// A picture of the job that was found last was claimed; `is_last` if the job has no more of them.
    pub(super) fn charge(&mut self, is_last: bool) {
        if let Some(caller) = self.callers.get_mut(self.current) {
            caller.claimed += 1;
            caller.turn += STRIDE;
            caller.exhausted |= is_last;
        }
    }

    /// Leaves the charges to the end of the transaction. A caller that is alone keeps its turn, so that no index
    /// changes.
    pub(super) fn settle(self, tx: &mut Tx<'_>) {
        let alone = self.all && self.callers.len() == 1;
        for caller in self.callers {
            let turn = if alone { 0 } else { caller.claimed * STRIDE };
            if turn > 0 || caller.exhausted {
                tx.callers.charge(caller.caller, turn, caller.woken);
            }
        }
    }
}

/// The jobs of a caller that are in the queue: all of them, or those whose pictures need no download.
fn in_queue(stored_only: bool) -> &'static str {
    if stored_only {
        "jobs.ready = 1 AND jobs.kind <> 'url_batch'"
    } else {
        "jobs.ready = 1 AND jobs.blocked_until = 0"
    }
}

/// The statement that reads the callers in turn; with pauses, only those with jobs that are not paused.
pub(super) fn callers(paused: &Pauses, stored_only: bool) -> String {
    let in_queue = in_queue(stored_only);
    let condition = match paused.condition("jobs.kind") {
        none if none.is_empty() => none,
        condition => format!(
            "AND COALESCE((SELECT jobs.ready FROM jobs WHERE {in_queue} AND jobs.caller = callers.caller {condition} \
             LIMIT 1), 0) = 1"
        ),
    };
    let flag = if stored_only { "ready_stored" } else { "ready" };
    format!(
        "SELECT caller, turn, woken, CASE WHEN EXISTS (SELECT 1 FROM jobs WHERE {in_queue} \
         AND jobs.caller = callers.caller) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS has_jobs \
         FROM callers WHERE {flag} = 1 {condition} ORDER BY turn, caller LIMIT $1"
    )
}

/// The statement that reads the job whose turn it is among those of a caller ($1).
pub(super) fn job_statement(paused: &Pauses, stored_only: bool, lock: &str) -> String {
    let (in_queue, others) = (in_queue(stored_only), paused.condition("kind"));
    format!(
        "SELECT {JOB} FROM jobs WHERE {in_queue} AND caller = $1 {others} ORDER BY turn, id LIMIT 1 {lock}"
    )
}

async fn job_in_turn(
    tx: &mut Tx<'_>,
    caller: &str,
    paused: &Pauses,
    downloads: &DownloadPlaces,
    lock: &str,
) -> Result<Option<Record>, Error> {
    let text = job_statement(paused, !downloads.any_for(Caller::parse(caller)), lock);
    let row = tx.fetch_optional(statement!(AssertSqlSafe(text), [caller.to_owned()])).await?;
    row.as_ref().map(rows::record).transpose()
}
