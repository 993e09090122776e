//! Records attempts at deliveries, and releases claims.

use std::time::Duration;

use sqlx::{Error, Row};

use crate::outbox::{AfterAttempt, DeliveryAttempt, DeliveryLease};
use crate::sql::clock::millis;
use crate::sql::operation::{Operation, Tx, statement};
use crate::sql::rows;

/// Maximum number of bytes of a response that are stored.
const MAX_ANSWER: usize = 16 * 1024;

/// Implements `Outbox::record_attempt`.
pub(in crate::sql) struct RecordAttempt {
    pub(in crate::sql) lease: DeliveryLease,
    pub(in crate::sql) attempt: DeliveryAttempt,
    pub(in crate::sql) after: AfterAttempt,
}

impl Operation for RecordAttempt {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let now = tx.now.wall;
        let (state, next, finished) = match self.after {
            AfterAttempt::Delivered => ("delivered", now, Some(now)),
            AfterAttempt::Again(wait) => ("pending", now.saturating_add(millis(wait)), None),
            AfterAttempt::Dead => ("dead", now, Some(now)),
        };
        let row = tx
            .fetch_optional(statement!(
                "UPDATE deliveries SET state = $3, next_at = $4, finished_at = $5, tries = tries + 1, retry = 1 \
             WHERE id = $1 AND claims = $2 AND state = 'pending' RETURNING tries",
                [&self.lease.id, i64::from(self.lease.claim), state, next, finished]
            ))
            .await?;
        let Some(row) = row else { return Ok(false) };
        match self.after {
            AfterAttempt::Again(_) => {}
            AfterAttempt::Delivered => tx.deltas.pending(-1),
            AfterAttempt::Dead => {
                tx.deltas.pending(-1);
                tx.deltas.dead(1);
            }
        }
        self.insert(tx, row.try_get("tries")?).await?;
        Ok(true)
    }
}

impl RecordAttempt {
    /// Inserts the attempt's row.
    async fn insert(&self, tx: &mut Tx<'_>, number: i64) -> Result<(), Error> {
        let DeliveryAttempt { duration, status, reason, answer } = &self.attempt;
        let longest = MAX_ANSWER.min(answer.len());
        let end = (0..=longest).rev().find(|end| answer.is_char_boundary(*end)).unwrap_or(0);
        tx.run(statement!(
            "INSERT INTO tries (delivery_id, number, at, duration_ms, status, reason, answer) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            [
                &self.lease.id,
                number,
                tx.now.wall,
                millis(*duration),
                status.map(i64::from),
                reason,
                rows::text(&answer[..end]).into_owned()
            ]
        ))
        .await
    }
}

/// Implements `Outbox::snooze`.
pub(in crate::sql) struct Snooze {
    pub(in crate::sql) leases: Vec<DeliveryLease>,
    pub(in crate::sql) wait: Duration,
}

impl Operation for Snooze {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let next = tx.now.wall.saturating_add(millis(self.wait));
        for lease in &self.leases {
            tx.execute(statement!(
                "UPDATE deliveries SET next_at = $3 WHERE id = $1 AND claims = $2 AND state = 'pending'",
                [&lease.id, i64::from(lease.claim), next]
            ))
            .await?;
        }
        Ok(())
    }
}
