//! Items whose holder is gone. The first time such an item becomes a suspect and is tried again alone; from then
//! on each time counts against it, and after enough of them it is given up.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sqlx::{Error, Row};

use super::ending;
use super::operation::{Operation, Tx};
use super::rows::{self, Record, text};
use crate::job::{ItemError, JobId};
use crate::store::{GivenUp, Reaped};

pub(super) const RUN_OUT: &str = "SELECT job_id, number FROM items WHERE state = 'claimed' \
     AND lease_until <= $1 ORDER BY lease_until LIMIT $2";

/// See `Store::reap`.
pub(super) struct Reap {
    pub(super) most: u32,
    pub(super) crashes: u32,
    pub(super) error: ItemError,
}

#[async_trait]
impl Operation for Reap {
    type Output = Reaped;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Reaped, Error> {
        let rows = sqlx::query(RUN_OUT)
            .bind(tx.now.tick)
            .bind(i64::from(self.most))
            .fetch_all(&mut *tx.connection)
            .await?;
        let mut by_job: BTreeMap<JobId, Vec<u32>> = BTreeMap::new();
        for row in &rows {
            by_job.entry(rows::job_id(row, "job_id")?).or_default().push(rows::count(row, "number")?);
        }
        let mut reaped = Reaped::default();
        for (id, numbers) in by_job {
            let Some(mut record) = tx.lock(&id).await? else { continue };
            for number in numbers {
                self.take_back(tx, &mut record, number, &mut reaped).await?;
            }
        }
        Ok(reaped)
    }
}

impl Reap {
    async fn take_back(
        &self,
        tx: &mut Tx<'_>,
        record: &mut Record,
        number: u32,
        reaped: &mut Reaped,
    ) -> Result<(), Error> {
        // Checked again: its holder may have been quicker.
        let row = sqlx::query(
            "UPDATE items SET state = 'queued', suspect = 1, crashes = crashes + suspect, owner = NULL, \
             lease_until = NULL WHERE job_id = $1 AND number = $2 AND state = 'claimed' AND lease_until <= $3 \
             RETURNING crashes, attempt",
        )
        .bind(record.job.id.as_str())
        .bind(i64::from(number))
        .bind(tx.now.tick)
        .fetch_optional(&mut *tx.connection)
        .await?;
        let Some(row) = row else { return Ok(()) };
        if row.try_get::<i64, _>("crashes")? < i64::from(self.crashes.max(1)) {
            reaped.returned += 1;
            return Ok(());
        }
        sqlx::query(
            "UPDATE items SET state = 'failed', error_code = $3, error_message = $4 \
             WHERE job_id = $1 AND number = $2",
        )
        .bind(record.job.id.as_str())
        .bind(i64::from(number))
        .bind(&self.error.code)
        .bind(text(&self.error.message).into_owned())
        .execute(&mut *tx.connection)
        .await?;
        reaped.given_up.push(GivenUp {
            job: record.job.id.clone(),
            number,
            attempts: rows::count(&row, "attempt")?,
            request_id: record.job.request_id.clone(),
        });
        reaped.ended.extend(ending::count(tx, record, false, None).await?);
        Ok(())
    }
}

/// Lets all leases run out: at start, where this process is the only one, they are another boot's.
pub(super) struct VoidLeases;

#[async_trait]
impl Operation for VoidLeases {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        sqlx::query("UPDATE items SET lease_until = -1 WHERE state = 'claimed'")
            .execute(&mut *tx.connection)
            .await
            .map(|_| ())
    }
}
