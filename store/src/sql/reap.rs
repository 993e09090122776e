//! Takes back items of dead processes, and finds the item that crashes its process.
//!
//! An item whose process died becomes a suspect, and is retried with no other suspect next to it. If its process dies
//! again while other items ran next to it, one of those may be the cause, so it is retried in isolation. Only a death
//! while the item ran alone counts as its crash. After enough crashes, the item fails.

use std::collections::{BTreeMap, HashMap};

use sqlx::{AssertSqlSafe, Error, Row};

use super::blocked;
use super::completion::{self, Settlement};
use super::operation::{Operation, Tx, statement};
use super::rows::{self, Record, text};
use crate::job::{ItemError, JobId};
use crate::store::{ExhaustedItem, Reaped};

/// The condition that an item's lease is no longer valid. The previous version of this program sets `lease_until`.
const ABANDONED: &str = "state = 'claimed' AND (lease_until <= $1 OR (lease_until IS NULL AND NOT EXISTS \
     (SELECT 1 FROM processes WHERE processes.id = items.owner AND processes.beat_until > $1)))";

/// Selects the items of dead processes.
pub(super) fn abandoned_items() -> String {
    format!("SELECT job_id, number, owner FROM items WHERE {ABANDONED} ORDER BY owner LIMIT $2")
}

/// Implements `Store::reap`.
pub(super) struct Reap {
    pub(super) limit: u32,
    pub(super) max_crashes: u32,
    pub(super) error: ItemError,
}

impl Operation for Reap {
    type Output = Reaped;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Reaped, Error> {
        let rows = tx
            .fetch_all(statement!(AssertSqlSafe(abandoned_items()), [tx.now.tick, i64::from(self.limit)]))
            .await?;
        let mut by_job: BTreeMap<JobId, Vec<(u32, bool)>> = BTreeMap::new();
        let mut claimed_counts: HashMap<String, i64> = HashMap::new();
        for row in &rows {
            let owner: String = row.try_get("owner")?;
            let claimed = match claimed_counts.get(&owner) {
                Some(claimed) => *claimed,
                None => *claimed_counts.entry(owner.clone()).or_insert(claimed_by(tx, &owner).await?),
            };
            let item = (rows::count(row, "number")?, claimed > 1);
            by_job.entry(rows::job_id(row, "job_id")?).or_default().push(item);
        }
        let mut reaped = Reaped::default();
        for (id, items) in by_job {
            let Some(mut record) = tx.lock(&id).await? else { continue };
            for (number, had_company) in items {
                self.take_back(tx, &mut record, number, had_company, &mut reaped).await?;
            }
        }
        Ok(reaped)
    }
}

/// The number of items that an owner had claimed when it died.
async fn claimed_by(tx: &mut Tx<'_>, owner: &str) -> Result<i64, Error> {
    let text = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM items WHERE state = 'claimed' AND owner = $1";
    tx.fetch_one(statement!(text, [owner])).await?.try_get("n")
}

impl Reap {
    /// Returns one item to the queue as a suspect, or fails it if it has crashed too often.
    async fn take_back(
        &self,
        tx: &mut Tx<'_>,
        record: &mut Record,
        number: u32,
        had_company: bool,
        reaped: &mut Reaped,
    ) -> Result<(), Error> {
        // Check again, because the holder of the lease may have been faster.
        let text = format!(
            "UPDATE items SET state = 'queued', owner = NULL, lease_until = NULL, not_before = 0, \
             crashes = crashes + CASE WHEN suspect = 2 OR (suspect = 1 AND $4 = 0) THEN 1 ELSE 0 END, \
             suspect = CASE WHEN suspect = 0 THEN 1 WHEN $4 = 1 THEN 2 ELSE suspect END \
             WHERE job_id = $2 AND number = $3 AND {ABANDONED} RETURNING crashes, attempt, host"
        );
        let row = tx
            .fetch_optional(statement!(
                AssertSqlSafe(text),
                [tx.now.tick, record.job.id.as_str(), i64::from(number), i64::from(had_company)]
            ))
            .await?;
        let Some(row) = row else { return Ok(()) };
        blocked::host_freed(tx, row.try_get("host")?, record.job.caller).await?;
        if row.try_get::<i64, _>("crashes")? < i64::from(self.max_crashes.max(1)) {
            tx.deltas.waiting(1);
            reaped.returned += 1;
            return Ok(());
        }
        self.fail(tx, record, number).await?;
        reaped.exhausted.push(ExhaustedItem {
            job: record.job.id.clone(),
            number,
            attempts: rows::count(&row, "attempt")?,
            request_id: record.job.request_id.clone(),
        });
        let failed = Settlement { number, succeeded: false, card_bytes: 0 };
        reaped.ended.extend(completion::count_item(tx, record, failed, None).await?);
        Ok(())
    }

    async fn fail(&self, tx: &mut Tx<'_>, record: &Record, number: u32) -> Result<(), Error> {
        tx.run(statement!(
            "UPDATE items SET state = 'failed', retryable = 1, error_code = $3, error_message = $4 \
             WHERE job_id = $1 AND number = $2",
            [
                record.job.id.as_str(),
                i64::from(number),
                &self.error.code,
                text(&self.error.message).into_owned()
            ]
        ))
        .await
    }
}

/// Voids all leases of earlier processes, when the only process starts. Times that they stored on their monotonic
/// clocks mean nothing to this process.
pub(super) struct VoidLeases;

impl Operation for VoidLeases {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        for text in [
            "DELETE FROM processes",
            "DELETE FROM duties",
            "UPDATE items SET lease_until = NULL WHERE state = 'claimed' AND lease_until IS NOT NULL",
            "UPDATE items SET not_before = 1 WHERE state = 'queued' AND not_before > 0 AND same_as IS NULL",
            "UPDATE jobs SET blocked_until = 1 WHERE blocked_until > 0",
        ] {
            tx.execute(sqlx::query(text)).await?;
        }
        Ok(())
    }
}
