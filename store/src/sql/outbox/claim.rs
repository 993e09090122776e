//! Claims deliveries that are due, fairly between hosts.

use std::time::Duration;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Error, Row};

use crate::outbox::{ClaimDue, DeliveryLease, DueDeliveries, DueDelivery};
use crate::sql::clock::{Now, millis, span};
use crate::sql::fault::corrupt;
use crate::sql::operation::{Operation, Tx, statement};
use crate::sql::rows;

/// How many due deliveries a claim reads. One host with many deliveries must not hide those of other hosts for long,
/// but reading all of them would take too long.
const WINDOW: u32 = 512;

pub(in crate::sql) const NEXT: &str =
    "SELECT next_at FROM deliveries WHERE state = 'pending' ORDER BY next_at LIMIT 1";

/// Implements `Outbox::due`.
pub(in crate::sql) struct ClaimDueDeliveries(pub(in crate::sql) ClaimDue);

impl Operation for ClaimDueDeliveries {
    type Output = DueDeliveries;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<DueDeliveries, Error> {
        let mut due = Vec::new();
        for id in self.candidates(tx).await? {
            due.extend(self.claim(tx, &id).await?);
        }
        Ok(DueDeliveries { due, next: next_due(tx.connection, tx.now).await? })
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

impl ClaimDueDeliveries {
    /// The ids of due deliveries, within the limits per host and in total.
    async fn candidates(&self, tx: &mut Tx<'_>) -> Result<Vec<String>, Error> {
        let Self(request) = self;
        let excluded = &request.excluded_hosts;
        let placeholders: Vec<_> = (0..excluded.len()).map(|index| format!("${}", index + 4)).collect();
        let others = if placeholders.is_empty() {
            String::new()
        } else {
            format!("AND host NOT IN ({})", placeholders.join(", "))
        };
        let text = format!(
            "SELECT id FROM (SELECT id, next_at, ROW_NUMBER() OVER (PARTITION BY host ORDER BY next_at, id) AS place \
             FROM (SELECT id, host, next_at FROM deliveries WHERE state = 'pending' AND next_at <= $1 {others} \
             ORDER BY next_at, id LIMIT {WINDOW}) AS due) AS placed WHERE place <= $2 ORDER BY next_at, id LIMIT $3"
        );
        let mut query = sqlx::query(AssertSqlSafe(text)).persistent(excluded.is_empty());
        query = query.bind(tx.now.wall);
        query = query.bind(i64::from(request.limit_per_host)).bind(i64::from(request.limit));
        for host in excluded {
            query = query.bind(host);
        }
        let rows = query.fetch_all(&mut *tx.connection).await?;
        rows.iter().map(|row| row.try_get("id")).collect()
    }

    /// Claims one delivery, unless another process was faster.
    async fn claim(&self, tx: &mut Tx<'_>, id: &str) -> Result<Option<DueDelivery>, Error> {
        let skip_locked = tx.dialect.lock_unlocked();
        let text = format!(
            "UPDATE deliveries SET claims = claims + 1, next_at = $3 WHERE id = (SELECT id FROM deliveries \
             WHERE id = $1 AND state = 'pending' AND next_at <= $2 {skip_locked}) \
             RETURNING id, job_id, request_id, traceparent, url, host, notice, claims, tries - earlier AS tries, created_at"
        );
        let row = tx
            .fetch_optional(statement!(
                AssertSqlSafe(text),
                [id, tx.now.wall, tx.now.wall.saturating_add(millis(self.0.lease))]
            ))
            .await?;
        row.map(|row| due_delivery(&row, tx.now.wall)).transpose()
    }
}

fn due_delivery(row: &AnyRow, now: i64) -> Result<DueDelivery, Error> {
    let notice: String = row.try_get("notice")?;
    Ok(DueDelivery {
        lease: DeliveryLease { id: row.try_get("id")?, claim: rows::count(row, "claims")? },
        job: rows::job_id(row, "job_id")?,
        request_id: row.try_get("request_id")?,
        traceparent: row.try_get("traceparent")?,
        url: row.try_get("url")?,
        host: row.try_get("host")?,
        notice: serde_json::from_str(&notice).map_err(|_| corrupt("an invalid notice"))?,
        tries: rows::count(row, "tries")?,
        age: span(row.try_get("created_at")?, now),
    })
}
