//! Lists deliveries and their attempts for operators.

use std::time::Duration;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Error, Row};

use crate::outbox::{DeliveryAttempt, DeliveryFilter, DeliveryRecord, DeliveryState, RecordedAttempt};
use crate::sql::fault::corrupt;
use crate::sql::operation::statement;
use crate::sql::read::{OF_KEY, conditions};
use crate::sql::rows::{self, seconds};

/// Implements `Outbox::deliveries`.
pub(in crate::sql) async fn list(
    connection: &mut AnyConnection,
    filter: &DeliveryFilter,
) -> Result<Vec<DeliveryRecord>, Error> {
    let job = filter.job.as_ref().map(|job| job.as_str().to_owned());
    let (mut conditions, values) = conditions([
        ("job_id =", job),
        (OF_KEY, filter.caller.map(|caller| caller.to_string())),
        ("id <", filter.before.clone()),
    ]);
    if let Some(state) = filter.state {
        // The state is part of the text, so that the database can use the index for that state.
        conditions = format!("{conditions} AND state = '{}'", state.as_str());
    }
    let text = format!(
        "SELECT id, job_id, state, created_at, finished_at, next_at, host FROM deliveries WHERE {conditions} \
         ORDER BY id DESC LIMIT ${}",
        values.len() + 1
    );
    let mut query = sqlx::query(AssertSqlSafe(text));
    for value in values {
        query = query.bind(value);
    }
    let rows = query.bind(i64::from(filter.limit)).fetch_all(&mut *connection).await?;
    let mut list = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut delivery = delivery(row)?;
        delivery.tries = attempts(connection, &delivery.id).await?;
        list.push(delivery);
    }
    Ok(list)
}

fn delivery(row: &AnyRow) -> Result<DeliveryRecord, Error> {
    let state = DeliveryState::parse(row.try_get("state")?);
    let state = state.ok_or_else(|| corrupt("an unknown delivery state"))?;
    let next = seconds(row.try_get("next_at")?);
    Ok(DeliveryRecord {
        id: row.try_get("id")?,
        job: rows::job_id(row, "job_id")?,
        state,
        created_at: seconds(row.try_get("created_at")?),
        finished_at: row.try_get::<Option<i64>, _>("finished_at")?.map(seconds),
        next_at: (state == DeliveryState::Pending).then_some(next),
        host: row.try_get("host")?,
        tries: Vec::new(),
    })
}

async fn attempts(connection: &mut AnyConnection, id: &str) -> Result<Vec<RecordedAttempt>, Error> {
    let text = "SELECT number, at, duration_ms, status, reason, answer FROM tries WHERE delivery_id = $1 ORDER BY number";
    let rows = statement!(text, [id]).fetch_all(connection).await?;
    rows.iter().map(attempt).collect()
}

fn attempt(row: &AnyRow) -> Result<RecordedAttempt, Error> {
    let status = row.try_get::<Option<i64>, _>("status")?;
    Ok(RecordedAttempt {
        number: rows::count(row, "number")?,
        at: seconds(row.try_get("at")?),
        outcome: DeliveryAttempt {
            duration: Duration::from_millis(
                u64::try_from(row.try_get::<i64, _>("duration_ms")?).unwrap_or_default(),
            ),
            status: status.and_then(|status| u16::try_from(status).ok()),
            reason: row.try_get("reason")?,
            answer: row.try_get::<Option<String>, _>("answer")?.unwrap_or_default(),
        },
    })
}
