//! Claims deliveries that are due, fairly between callers and hosts.
//!
//! First attempts go before further ones: each is a lane of its own. Within a lane the callers have turns, and a caller
//! gets its part of the limit. Of a caller's due deliveries, the oldest come first, a few for each host. No step reads
//! more than a fixed number of rows, however many wait.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Error, Row};

use super::turns::{due_hosts, turns};
use crate::caller::Caller;
use crate::outbox::{ClaimDue, DeliveryLease, DueDeliveries, DueDelivery};
use crate::sql::clock::{Now, millis, span};
use crate::sql::fault::corrupt;
use crate::sql::operation::{Operation, Tx, statement};
use crate::sql::rows;

/// How many due deliveries of a caller a claim reads.
const WINDOW: i64 = 256;

/// A host that is unavailable for longer than this has its deliveries postponed, so that they hide no others.
const POSTPONED_FROM: Duration = Duration::from_secs(1);

pub(in crate::sql) const NEXT: &str =
    "SELECT next_at FROM deliveries WHERE state = 'pending' ORDER BY next_at LIMIT 1";

/// A caller's oldest due deliveries. Ranges of pairs leave the planner no other index, whatever the statistics say: the
/// one by time would pass over the rows of everybody else.
pub(in crate::sql) const OLDEST: &str = "SELECT id, host FROM deliveries WHERE state = 'pending' AND retry = $1 \
     AND (caller, next_at) >= ($2, 0) AND (caller, next_at) <= ($2, $3) ORDER BY caller, next_at, id LIMIT $4";

/// The same for one host.
pub(in crate::sql) const OLDEST_OF_HOST: &str = "SELECT id FROM deliveries WHERE state = 'pending' AND retry = $1 \
     AND caller = $2 AND (host, next_at) >= ($3, 0) AND (host, next_at) <= ($3, $4) ORDER BY host, next_at, id LIMIT $5";

/// Implements `Outbox::due`.
pub(in crate::sql) struct ClaimDueDeliveries(pub(in crate::sql) ClaimDue);

/// What one claim has found so far.
struct Claiming<'a> {
    request: &'a ClaimDue,
    excluded: HashMap<&'a str, Duration>,
    /// How many more of each host.
    hosts: HashMap<String, u32>,
    /// How many more of each caller that holds some.
    callers: HashMap<Caller, u32>,
    result: DueDeliveries,
}

impl Operation for ClaimDueDeliveries {
    type Output = DueDeliveries;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<DueDeliveries, Error> {
        let Self(request) = self;
        let next = next_due(tx.connection, tx.now).await?;
        let mut claiming = Claiming::new(request);
        if next.is_none_or(|next| !next.is_zero()) {
            return Ok(DueDeliveries { next, ..claiming.result });
        }
        for retry in [0, 1] {
            let is_cut = claiming.lane(tx, retry).await?;
            // The rest of the first attempts is claimed next, before any other.
            if is_cut || claiming.left() == 0 {
                break;
            }
        }
        Ok(DueDeliveries { next: next_due(tx.connection, tx.now).await?, ..claiming.result })
    }
}

/// How long until the next delivery is due. Locks no row.
pub(in crate::sql) async fn next_due(
    connection: &mut AnyConnection,
    now: Now,
) -> Result<Option<Duration>, Error> {
    let row = sqlx::query(NEXT).fetch_optional(connection).await?;
    row.map(|row| Ok(span(now.wall, row.try_get("next_at")?))).transpose()
}

impl<'a> Claiming<'a> {
    fn new(request: &'a ClaimDue) -> Self {
        let excluded = request.excluded_hosts.iter().map(|(host, wait)| (host.as_str(), *wait));
        let result = DueDeliveries { turns: request.turns.clone(), ..DueDeliveries::default() };
        Self {
            request,
            excluded: excluded.collect(),
            hosts: HashMap::new(),
            callers: request.callers.iter().copied().collect(),
            result,
        }
    }

    fn left(&self) -> u32 {
        self.request.limit.saturating_sub(self.result.due.len() as u32)
    }

    /// Claims for the callers of a lane in turn. Returns whether some of them may have more due than they got.
    async fn lane(&mut self, tx: &mut Tx<'_>, retry: i64) -> Result<bool, Error> {
        let lane = usize::from(retry > 0);
        let found = turns(tx.connection, retry, &self.request.turns[lane], tx.now.wall).await?;
        if let Some(cut_at) = found.cut_at {
            self.result.turns[lane] = cut_at;
            self.result.has_more_callers = true;
        }
        let mut is_cut = false;
        let count = found.due.len();
        for (index, text) in found.due.into_iter().enumerate() {
            if self.left() == 0 {
                break;
            }
            let caller = Caller::parse(&text);
            let room = self.callers.get(&caller).copied().unwrap_or(self.request.limit_per_caller);
            let part = (self.left() / (count - index) as u32).max(1);
            let claimed = self.caller(tx, retry, &text, room.min(part)).await?;
            self.callers.insert(caller, room - claimed);
            is_cut |= claimed == part && part < room;
            if claimed > 0 && self.left() == 0 {
                self.result.turns[lane] = text;
            }
        }
        Ok(is_cut)
    }

    /// Claims up to this many deliveries of one caller. Returns how many.
    async fn caller(&mut self, tx: &mut Tx<'_>, retry: i64, caller: &str, limit: u32) -> Result<u32, Error> {
        if limit == 0 {
            return Ok(0);
        }
        let (mut claimed, now) = (0, tx.now.wall);
        let oldest = tx.fetch_all(statement!(OLDEST, [retry, caller.to_owned(), now, WINDOW])).await?;
        let is_full = oldest.len() as i64 == WINDOW;
        let mut postponed: HashMap<String, Vec<String>> = HashMap::new();
        for row in oldest {
            let (id, host): (String, String) = (row.try_get("id")?, row.try_get("host")?);
            if self.excluded.get(&*host).is_some_and(|wait| *wait >= POSTPONED_FROM) {
                postponed.entry(host).or_default().push(id);
            } else if claimed < limit {
                claimed += self.claim(tx, &id, &host).await?;
            }
        }
        for (host, ids) in &postponed {
            self.postpone(tx, host, ids).await?;
        }
        if claimed == 0 && is_full {
            // Deliveries for hosts that are busy hide the others.
            for host in due_hosts(tx.connection, retry, caller, now).await? {
                let most = i64::from(self.request.limit_per_host);
                if claimed == limit || self.excluded.contains_key(&*host) {
                    continue;
                }
                let of_host = statement!(OLDEST_OF_HOST, [retry, caller.to_owned(), host.clone(), now, most]);
                for row in tx.fetch_all(of_host).await? {
                    if claimed < limit {
                        claimed += self.claim(tx, row.try_get("id")?, &host).await?;
                    }
                }
            }
        }
        Ok(claimed)
    }

    /// Claims one delivery, unless its host takes no more or another process was faster. Returns how many.
    async fn claim(&mut self, tx: &mut Tx<'_>, id: &str, host: &str) -> Result<u32, Error> {
        let claimed = self.hosts.get(host).copied().unwrap_or_default();
        if claimed >= self.request.limit_per_host || self.excluded.contains_key(host) {
            return Ok(0);
        }
        let skip_locked = tx.dialect.lock_unlocked();
        let text = format!(
            "UPDATE deliveries SET claims = claims + 1, next_at = $3 WHERE id = (SELECT id FROM deliveries \
             WHERE id = $1 AND state = 'pending' AND next_at <= $2 {skip_locked}) RETURNING id, job_id, caller, \
             request_id, traceparent, url, host, notice, claims, tries - earlier AS tries, created_at"
        );
        let until = tx.now.wall.saturating_add(millis(self.request.lease));
        let row = tx.fetch_optional(statement!(AssertSqlSafe(text), [id, tx.now.wall, until])).await?;
        let Some(row) = row else { return Ok(0) };
        self.result.due.push(due_delivery(&row, tx.now.wall)?);
        self.hosts.insert(host.to_owned(), claimed + 1);
        Ok(1)
    }

    /// Postpones deliveries until their host is available.
    async fn postpone(&self, tx: &mut Tx<'_>, host: &str, ids: &[String]) -> Result<(), Error> {
        let wait = self.excluded.get(host).copied().unwrap_or_default();
        let skip_locked = tx.dialect.lock_unlocked();
        let places: Vec<_> = (0..ids.len()).map(|index| format!("${}", index + 3)).collect();
        let text = format!(
            "UPDATE deliveries SET next_at = $2 WHERE id IN (SELECT id FROM deliveries WHERE state = 'pending' \
             AND next_at <= $1 AND id IN ({}) {skip_locked})",
            places.join(", ")
        );
        let until = tx.now.wall.saturating_add(millis(wait));
        let query = sqlx::query(AssertSqlSafe(text)).persistent(false).bind(tx.now.wall).bind(until);
        let query = ids.iter().fold(query, |query, id| query.bind(id.clone()));
        query.execute(&mut *tx.connection).await.map(|_| ())
    }
}

fn due_delivery(row: &AnyRow, now: i64) -> Result<DueDelivery, Error> {
    let notice: String = row.try_get("notice")?;
    Ok(DueDelivery {
        lease: DeliveryLease { id: row.try_get("id")?, claim: rows::count(row, "claims")? },
        job: rows::job_id(row, "job_id")?,
        caller: Caller::parse(row.try_get("caller")?),
        request_id: row.try_get("request_id")?,
        traceparent: row.try_get("traceparent")?,
        url: row.try_get("url")?,
        host: row.try_get("host")?,
        notice: serde_json::from_str(&notice).map_err(|_| corrupt("an invalid notice"))?,
        tries: rows::count(row, "tries")?,
        age: span(row.try_get("created_at")?, now),
    })
}
