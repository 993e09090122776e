//! The rows of callers: their place in the queue, and what they use. Each transaction collects its changes here; they
//! are written at its end, in one order for all, so that the rows are locked briefly and two transactions never wait for
//! each other.
//!
//! A caller's turn is a virtual time. Each claimed picture adds [`STRIDE`] to it, so callers with ready jobs are never
//! further apart than one stride, and each gets the same share. Whoever comes back after a pause joins within that
//! stride: neither ahead of all others, nor behind them for what it used before.

use std::collections::BTreeMap;

use sqlx::{AnyConnection, Error, Row};

use super::operation::statement;
use crate::caller::Caller;
use crate::job::JobKind;

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
        let first = if self.0.values().any(|delta| delta.wakes) {
            let row = sqlx::query(FIRST).fetch_optional(&mut *connection).await?;
            row.map(|row| row.try_get::<i64, _>("turn")).transpose()?
        } else {
            None
        };
        for (caller, delta) in std::mem::take(&mut self.0) {
            if delta.wakes || delta.usage != [0; 3] {
                delta.change(connection, &caller, first).await?;
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
        let [jobs, items, bytes] = self.usage;
        let last = first.map(|first| first + STRIDE - 1);
        statement!(
            CHANGE,
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
        .execute(connection)
        .await
        .map(|_| ())
    }
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
