//! The items of a job that must be downloaded. Such an item is claimed only if its host has a place, counted over all
//! processes, and its caller has one among the downloads of this process.
//!
//! On PostgreSQL a claim holds a lock on the host from its count to its commit, so that two processes cannot both take
//! the last place. It never waits for this lock.

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Error, Row};

use super::blocked::block;
use super::leasing::{LEASE, RETURNING};
use super::operation::{Tx, statement};
use super::rows::{self, Record};
use crate::caller::Caller;
use crate::store::ClaimRequest;

/// How many jobs one claim takes out of the queue because their hosts are busy.
const MAX_BLOCKED: u32 = 16;

/// How many hosts a claim tries for one job if others take their last places.
const MAX_HOSTS_TRIED: u32 = 4;

/// How often what is free a caller may hold, as for the places of the actors.
const THRESHOLD: u32 = 2;

/// The next item of a job whose host has a place; $2 is the limit of a host. Hosts that are left out follow.
pub(super) const NEXT: &str = "SELECT number, host FROM items WHERE job_id = $1 AND state = 'queued' AND suspect = 0 \
     AND not_before = 0 AND host NOT IN (SELECT busy.host FROM items AS busy WHERE busy.state = 'claimed' \
     AND busy.host <> '' GROUP BY busy.host HAVING COUNT(*) >= $2)";

const FIRST: &str = "SELECT host FROM items WHERE job_id = $1 AND state = 'queued' AND suspect = 0 AND not_before = 0 \
     ORDER BY number LIMIT 1";

/// The condition that the host $6 has a place, with the limit $7.
pub(super) const HAS_PLACE: &str = "(SELECT COUNT(*) FROM items AS busy WHERE busy.state = 'claimed' AND busy.host <> '' \
     AND busy.host = $6) < $7";

/// What a claim found in a job.
pub(super) enum Leased {
    /// This item.
    Item(AnyRow),
    /// No item that may be claimed now. The job is out of the queue for a while.
    Blocked,
    /// No item at all.
    Nothing,
}

/// The places for downloads, as one claim sees them.
pub(super) struct DownloadPlaces {
    free: u32,
    each: i64,
    held: HashMap<Caller, u32>,
    /// Hosts that this claim leaves out.
    busy: Vec<String>,
    blocked: u32,
}

impl DownloadPlaces {
    pub(super) fn of(request: &ClaimRequest) -> Self {
        let limits = &request.downloads;
        Self {
            free: limits.free,
            each: limits.each.into(),
            held: limits.held.iter().copied().collect(),
            busy: limits.excluded.clone(),
            blocked: 0,
        }
    }

    /// Whether anything may be downloaded.
    pub(super) fn any(&self) -> bool {
        self.free > 0 && self.blocked < MAX_BLOCKED
    }

    /// Whether something may be downloaded for this caller.
    pub(super) fn any_for(&self, caller: Caller) -> bool {
        let held = self.held.get(&caller).copied().unwrap_or_default();
        self.any() && (held == 0 || held < self.free.saturating_sub(1).saturating_mul(THRESHOLD))
    }

    /// Leases the next item of a job whose host has a place. Takes the job out of the queue if there is none.
    pub(super) async fn lease(
        &mut self,
        tx: &mut Tx<'_>,
        request: &ClaimRequest,
        record: &Record,
    ) -> Result<Leased, Error> {
        let job = record.job.id.as_str();
        let mut contended = true;
        for _ in 0..MAX_HOSTS_TRIED {
            let Some((number, host)) = self.next(tx, job).await? else {
                contended = false;
                break;
            };
            if (host.is_empty() || tx.dialect.try_lock(tx.connection, &host).await?)
                && let Some(row) = self.lease_at(tx, request, job, number, &host).await?
            {
                *self.held.entry(record.job.caller).or_default() += 1;
                self.free -= 1;
                return Ok(Leased::Item(row));
            }
            self.busy.push(host);
        }
        let Some(row) = tx.fetch_optional(statement!(FIRST, [job])).await? else {
            return Ok(Leased::Nothing);
        };
        block(tx, record, &row.try_get::<String, _>("host")?, contended).await?;
        self.blocked += 1;
        Ok(Leased::Blocked)
    }

    async fn next(&self, tx: &mut Tx<'_>, job: &str) -> Result<Option<(u32, String)>, Error> {
        let numbers: Vec<_> = (3..self.busy.len() + 3).map(|number| format!("${number}")).collect();
        let left_out = match numbers.len() {
            0 => String::new(),
            _ => format!("AND host NOT IN ({})", numbers.join(", ")),
        };
        let text = format!("{NEXT} {left_out} ORDER BY number LIMIT 1");
        let mut query = statement!(AssertSqlSafe(text), [job.to_owned(), self.each]);
        for host in &self.busy {
            query = query.bind(host.clone());
        }
        let row = tx.fetch_optional(query).await?;
        row.map(|row| Ok((rows::count(&row, "number")?, row.try_get("host")?))).transpose()
    }

    async fn lease_at(
        &self,
        tx: &mut Tx<'_>,
        request: &ClaimRequest,
        job: &str,
        number: u32,
        host: &str,
    ) -> Result<Option<AnyRow>, Error> {
        let text = format!(
            "{LEASE} WHERE job_id = $1 AND suspect = $4 AND number = $5 AND state = 'queued' AND {HAS_PLACE} {RETURNING}"
        );
        tx.fetch_optional(statement!(
            AssertSqlSafe(text),
            [
                job.to_owned(),
                request.owner.0.clone(),
                i64::try_from(request.sequence).unwrap_or(i64::MAX),
                0_i64,
                i64::from(number),
                host.to_owned(),
                self.each
            ]
        ))
        .await
    }
}
