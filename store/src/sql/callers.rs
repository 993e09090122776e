//! The rows of callers: their place in the queue, and what they use of their quotas. Each transaction collects its changes here; they
//! are written at its end, in one order for all, so that the rows are locked briefly and two transactions never wait for
//! each other.
//!
//! A caller's turn is a virtual time. Each claimed picture adds [`STRIDE`] to it, so callers with ready jobs are never
//! further apart than one stride, and each gets the same share. Whoever comes back after a pause joins within that
//! stride: neither ahead of all others, nor behind them for what it used before.

use std::collections::BTreeMap;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Error, Row};

use super::statement::{Statement, statement};
use crate::caller::Caller;
use crate::job::{JobKind, NewJob};
use crate::store::{CallerLimits, Quota};

/// What a picture adds to its caller's turn.
pub(super) const STRIDE: i64 = 1_000;

/// The caller whose turn it is.
pub(super) const FIRST: &str = "SELECT turn FROM callers WHERE ready = 1 ORDER BY turn, caller LIMIT 1";

/// Adds to what a caller uses, and to the queue if a job became ready. $5 and $6 are the flags for the queue, $7 and $8
/// the bounds of its turn, $9 its turn if it is new.
const CHANGE: &str = "INSERT INTO callers (caller, turn, ready, ready_stored, woken, open_jobs, open_items, stored_bytes) \
     VALUES ($1, $9, $5, $6, 1, CASE WHEN $2 > 0 THEN $2 ELSE 0 END, CASE WHEN $3 > 0 THEN $3 ELSE 0 END, \
     CASE WHEN $4 > 0 THEN $4 ELSE 0 END) ON CONFLICT (caller) DO UPDATE SET \
     open_jobs = callers.open_jobs + $2, open_items = callers.open_items + $3, \
     stored_bytes = callers.stored_bytes + $4, \
     turn = CASE WHEN $5 = 0 OR callers.ready = 1 THEN callers.turn WHEN callers.turn < $7 THEN $7 \
     WHEN callers.turn > $8 THEN $8 ELSE callers.turn END, \
     ready = CASE WHEN $5 = 1 THEN 1 ELSE callers.ready END, \
     ready_stored = CASE WHEN $6 = 1 THEN 1 ELSE callers.ready_stored END, woken = callers.woken + $5";

/// Makes [`CHANGE`] write nothing if the caller would exceed one of these limits.
const WITHIN: &str = " WHERE callers.open_jobs + $2 <= $10 AND callers.open_items + $3 <= $11 \
     AND callers.stored_bytes + $4 <= $12";

/// Removes the row of a caller that has nothing any more.
const FORGET: &str = "DELETE FROM callers WHERE caller = $1 AND open_jobs <= 0 AND open_items <= 0 AND stored_bytes <= 0 \
     AND ready = 0";

/// By how much what callers use differs from what their rows say.
const ERRORS: &str = "SELECT caller, CAST(SUM(jobs) AS BIGINT) AS open_jobs, CAST(SUM(items) AS BIGINT) AS open_items, \
     CAST(SUM(bytes) AS BIGINT) AS stored_bytes FROM (\
     SELECT caller, CASE WHEN state IN ('queued', 'processing') THEN 1 ELSE 0 END AS jobs, \
     CASE WHEN state IN ('queued', 'processing') THEN total ELSE 0 END AS items, \
     input_bytes + CASE WHEN state IN ('queued', 'processing') THEN expected_bytes ELSE card_bytes END AS bytes FROM jobs \
     UNION ALL SELECT caller, -open_jobs, -open_items, -stored_bytes FROM callers) AS both_sides \
     GROUP BY caller HAVING SUM(jobs) <> 0 OR SUM(items) <> 0 OR SUM(bytes) <> 0";

/// Charges a caller for claimed pictures, and takes it out of the queue if none of its jobs is ready any more. Jobs that
/// became ready since the caller was read may be invisible here; the caller has been woken then.
pub(super) const CHARGE: &str = "UPDATE callers SET turn = turn + $2, \
     ready = CASE WHEN ready = 1 AND (woken <> $3 OR EXISTS (SELECT 1 FROM jobs WHERE jobs.ready = 1 \
     AND jobs.caller = $1 AND jobs.blocked_until = 0)) THEN 1 ELSE 0 END, \
     ready_stored = CASE WHEN ready_stored = 1 AND (woken <> $3 OR EXISTS (SELECT 1 FROM jobs WHERE jobs.ready = 1 \
     AND jobs.caller = $1 AND jobs.kind <> 'url_batch')) THEN 1 ELSE 0 END WHERE caller = $1";

/// Callers with ready jobs that are not in the queue: processes of the version before create such jobs. Steps from
/// caller to caller, however many jobs they have.
pub(super) const FORGOTTEN: &str = "WITH RECURSIVE waiting (caller) AS (\
     SELECT (SELECT caller FROM jobs WHERE ready = 1 ORDER BY caller LIMIT 1) \
     UNION ALL SELECT (SELECT jobs.caller FROM jobs WHERE jobs.ready = 1 AND jobs.caller > waiting.caller \
     ORDER BY jobs.caller LIMIT 1) FROM waiting WHERE waiting.caller IS NOT NULL) \
     SELECT waiting.caller AS caller FROM waiting WHERE waiting.caller IS NOT NULL AND NOT EXISTS \
     (SELECT 1 FROM callers WHERE callers.caller = waiting.caller AND callers.ready = 1) AND EXISTS \
     (SELECT 1 FROM jobs WHERE jobs.ready = 1 AND jobs.caller = waiting.caller AND jobs.blocked_until = 0) LIMIT $1";

/// The changes that one transaction makes to the rows of callers.
#[derive(Debug, Default)]
pub(super) struct CallerDeltas(BTreeMap<String, Delta>);

#[derive(Debug, Default)]
struct Delta {
    /// Change of what the caller uses: open jobs, open items, stored bytes.
    usage: [i64; 3],
    wakes: bool,
    wakes_stored: bool,
    charge: Option<Charge>,
    /// A job that was ready has ended.
    may_be_done: bool,
}

#[derive(Debug, Clone, Copy)]
struct Charge {
    turn: i64,
    woken: i64,
}

impl CallerDeltas {
    /// Adds to what a caller uses: open jobs, open items, stored bytes.
    pub(super) fn add(&mut self, caller: String, usage: [i64; 3]) {
        let delta = self.of(caller);
        delta.usage.iter_mut().zip(usage).for_each(|(sum, more)| *sum += more);
    }

    fn of(&mut self, caller: String) -> &mut Delta {
        self.0.entry(caller).or_default()
    }

    /// A job of this kind became ready.
    pub(super) fn wake(&mut self, caller: Caller, kind: JobKind) {
        let delta = self.of(caller.to_string());
        delta.wakes = true;
        delta.wakes_stored |= kind != JobKind::Url;
    }

    /// Some job of the caller may have become ready.
    pub(super) fn wake_any(&mut self, caller: String) {
        let delta = self.of(caller);
        (delta.wakes, delta.wakes_stored) = (true, true);
    }

    /// Adds this to the caller's turn. The caller was read when its column `woken` had this value.
    pub(super) fn charge(&mut self, caller: String, turn: i64, woken: i64) {
        self.of(caller).charge = Some(Charge { turn, woken });
    }

    /// A job that was ready has ended: it may have been the last one.
    pub(super) fn check(&mut self, caller: Caller) {
        self.of(caller.to_string()).may_be_done = true;
    }

    /// Writes the changes. Only the counters may be written after this.
    pub(super) async fn write(&mut self, connection: &mut AnyConnection) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let wakes = self.0.values().any(|delta| delta.wakes);
        let first = if wakes { first_turn(connection).await? } else { None };
        for (caller, delta) in std::mem::take(&mut self.0) {
            if delta.wakes || delta.usage != [0; 3] {
                delta.change(connection, &caller, first).await?;
            }
            if delta.usage.iter().any(|change| *change < 0) {
                statement!(FORGET, [caller.clone()]).execute(&mut *connection).await?;
            }
            let charge = match delta.charge {
                None if delta.may_be_done && !delta.wakes => read_for_check(connection, &caller).await?,
                charge => charge,
            };
            if let Some(Charge { turn, woken }) = charge {
                statement!(CHARGE, [caller, turn, woken]).execute(&mut *connection).await?;
            }
        }
        Ok(())
    }
}

impl Delta {
    /// `first` is the lowest turn in the queue.
    async fn change(
        &self,
        connection: &mut AnyConnection,
        caller: &str,
        first: Option<i64>,
    ) -> Result<(), Error> {
        self.statement(CHANGE.to_owned(), caller, first).execute(connection).await.map(|_| ())
    }

    fn statement(&self, text: String, caller: &str, first: Option<i64>) -> Statement {
        let [jobs, items, bytes] = self.usage;
        let last = first.map(|first| first + STRIDE - 1);
        statement!(
            AssertSqlSafe(text),
            [
                caller.to_owned(),
                jobs,
                items,
                bytes,
                i64::from(self.wakes),
                i64::from(self.wakes_stored),
                first.unwrap_or(i64::MIN),
                last.unwrap_or(i64::MAX),
                last.unwrap_or(0)
            ]
        )
    }
}

/// The lowest turn in the queue.
async fn first_turn(connection: &mut AnyConnection) -> Result<Option<i64>, Error> {
    let row = sqlx::query(FIRST).fetch_optional(connection).await?;
    row.map(|row| row.try_get("turn")).transpose()
}

/// Counts a new job that is ready, unless its caller would exceed a limit. Its row stays locked, so that two requests at
/// the same time cannot both take what is left. Returns the quota that it would exceed, with what it uses of it.
pub(super) async fn open_job(
    connection: &mut AnyConnection,
    new: &NewJob,
) -> Result<Option<(Quota, u64, u64)>, Error> {
    let (caller, limits) = (new.caller.to_string(), new.limits);
    let usage = [
        1,
        i64::try_from(new.items.len()).unwrap_or(i64::MAX),
        i64::try_from(new.input_bytes.saturating_add(new.expected_bytes)).unwrap_or(i64::MAX / 2),
    ];
    // The limits hold for the sum of both; a new row begins at nothing.
    let mut exceeded = exceeded([0; 3], usage, limits);
    if exceeded.is_none() {
        let stored = new.kind != JobKind::Url;
        let delta = Delta { usage, wakes: true, wakes_stored: stored, ..Delta::default() };
        let first = first_turn(connection).await?;
        let mut change = delta.statement(format!("{CHANGE}{WITHIN}"), &caller, first);
        for limit in limits.in_order() {
            change = change.bind(limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(i64::MAX));
        }
        if change.execute(&mut *connection).await?.rows_affected() > 0 {
            return Ok(None);
        }
    }
    let text = "SELECT open_jobs, open_items, stored_bytes FROM callers WHERE caller = $1";
    if let Some(row) = statement!(text, [caller]).fetch_optional(connection).await? {
        let used = [row.try_get("open_jobs")?, row.try_get("open_items")?, row.try_get("stored_bytes")?];
        // Between the two statements a job may have ended. The refusal stands.
        exceeded = self::exceeded(used, usage, limits).or(exceeded);
    }
    Ok(Some(exceeded.unwrap_or((Quota::OpenJobs, limits.open_jobs.unwrap_or_default(), 0))))
}

/// The first quota that this use and these additions exceed, with its limit and the use.
fn exceeded(used: [i64; 3], more: [i64; 3], limits: CallerLimits) -> Option<(Quota, u64, u64)> {
    let quotas = Quota::ALL.into_iter().zip(limits.in_order()).zip(used.into_iter().zip(more));
    quotas.into_iter().find_map(|((which, limit), (used, more))| {
        let (limit, used) = (limit?, u64::try_from(used).unwrap_or_default());
        (used.saturating_add(u64::try_from(more).unwrap_or_default()) > limit).then_some((which, limit, used))
    })
}

/// By how much the rows of callers are wrong.
pub(super) async fn errors(connection: &mut AnyConnection) -> Result<Vec<(String, [i64; 3])>, Error> {
    let rows = sqlx::query(ERRORS).fetch_all(connection).await?;
    let usage = |row: &AnyRow| {
        let usage = [row.try_get("open_jobs")?, row.try_get("open_items")?, row.try_get("stored_bytes")?];
        Ok((row.try_get("caller")?, usage))
    };
    rows.iter().map(usage).collect()
}

/// The charge that takes a caller out of the queue if it has no ready job, and changes nothing else.
async fn read_for_check(connection: &mut AnyConnection, caller: &str) -> Result<Option<Charge>, Error> {
    let text = "SELECT woken FROM callers WHERE caller = $1 AND ready = 1";
    let row = statement!(text, [caller.to_owned()]).fetch_optional(connection).await?;
    row.map(|row| Ok(Charge { turn: 0, woken: row.try_get("woken")? })).transpose()
}

/// Puts callers into the queue that were forgotten, up to this many.
pub(super) async fn wake_forgotten(
    connection: &mut AnyConnection,
    deltas: &mut CallerDeltas,
    limit: i64,
) -> Result<usize, Error> {
    let rows = statement!(FORGOTTEN, [limit]).fetch_all(connection).await?;
    for row in &rows {
        deltas.wake_any(row.try_get("caller")?);
    }
    Ok(rows.len())
}
