//! Counters of jobs, items, deliveries and blob bytes that cost the same however many there are.
//!
//! Each transaction adds its changes to one of a few rows; the sum of the rows is the count. SQLite has one row, since
//! it has one writer. PostgreSQL has several, so that transactions seldom wait for each other. The row is written last
//! in its transaction, so its lock is held only during the commit.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Error, Row};

use super::dialect::Dialect;
use crate::job::JobState;

/// Number of counter rows on PostgreSQL.
const SHARDS: u8 = 16;

/// The columns, in the order of [`CounterDeltas::values`].
const COLUMNS: [&str; 11] = [
    "queued",
    "processing",
    "completed",
    "failed",
    "canceled",
    "expired",
    "waiting",
    "pending",
    "dead",
    "blob_bytes",
    "reserved_bytes",
];

pub(super) const SUMS: &str = "SELECT CAST(COALESCE(SUM(queued), 0) AS BIGINT) AS queued, \
     CAST(COALESCE(SUM(processing), 0) AS BIGINT) AS processing, \
     CAST(COALESCE(SUM(completed), 0) AS BIGINT) AS completed, CAST(COALESCE(SUM(failed), 0) AS BIGINT) AS failed, \
     CAST(COALESCE(SUM(canceled), 0) AS BIGINT) AS canceled, CAST(COALESCE(SUM(expired), 0) AS BIGINT) AS expired, \
     CAST(COALESCE(SUM(waiting), 0) AS BIGINT) AS waiting, CAST(COALESCE(SUM(pending), 0) AS BIGINT) AS pending, \
     CAST(COALESCE(SUM(dead), 0) AS BIGINT) AS dead, CAST(COALESCE(SUM(blob_bytes), 0) AS BIGINT) AS blob_bytes, \
     CAST(COALESCE(SUM(reserved_bytes), 0) AS BIGINT) AS reserved_bytes FROM counters";

/// The true counts, row by row. One statement, so that all counts are of the same moment.
const COUNTS: &str = "SELECT \
     CAST((SELECT COUNT(*) FROM jobs WHERE state = 'queued') AS BIGINT) AS queued, \
     CAST((SELECT COUNT(*) FROM jobs WHERE state = 'processing') AS BIGINT) AS processing, \
     CAST((SELECT COUNT(*) FROM jobs WHERE state = 'completed') AS BIGINT) AS completed, \
     CAST((SELECT COUNT(*) FROM jobs WHERE state = 'failed') AS BIGINT) AS failed, \
     CAST((SELECT COUNT(*) FROM jobs WHERE state = 'canceled') AS BIGINT) AS canceled, \
     CAST((SELECT COUNT(*) FROM jobs WHERE state = 'expired') AS BIGINT) AS expired, \
     CAST((SELECT COUNT(*) FROM items WHERE state = 'queued') AS BIGINT) AS waiting, \
     CAST((SELECT COUNT(*) FROM deliveries WHERE state = 'pending') AS BIGINT) AS pending, \
     CAST((SELECT COUNT(*) FROM deliveries WHERE state = 'dead') AS BIGINT) AS dead, \
     CAST((SELECT COALESCE(SUM(input_bytes + card_bytes), 0) FROM jobs) AS BIGINT) AS blob_bytes, \
     CAST((SELECT COALESCE(SUM(expected_bytes - card_bytes), 0) FROM jobs WHERE state IN ('queued', 'processing') \
     AND expected_bytes > card_bytes) AS BIGINT) AS reserved_bytes";

/// The changes that one transaction makes to the counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CounterDeltas([i64; 11]);

impl CounterDeltas {
    /// A job entered a state.
    pub(super) fn enter(&mut self, state: JobState) {
        self.0[index(state)] += 1;
    }

    /// A job left a state.
    pub(super) fn leave(&mut self, state: JobState) {
        self.0[index(state)] -= 1;
    }

    /// This many more items are queued.
    pub(super) fn waiting(&mut self, items: i64) {
        self.0[6] += items;
    }

    /// This many more deliveries are pending.
    pub(super) fn pending(&mut self, deliveries: i64) {
        self.0[7] += deliveries;
    }

    /// This many more deliveries are dead letters.
    pub(super) fn dead(&mut self, deliveries: i64) {
        self.0[8] += deliveries;
    }

    /// This many more bytes of blobs are stored.
    pub(super) fn blob_bytes(&mut self, bytes: i64) {
        self.0[9] += bytes;
    }

    /// This many more bytes of cards are expected.
    pub(super) fn reserved_bytes(&mut self, bytes: i64) {
        self.0[10] += bytes;
    }

    /// Adds the changes of another part of the transaction.
    pub(super) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, difference)| *sum += difference);
    }

    /// The counters in the order of the columns.
    pub(super) fn values(&self) -> [i64; 11] {
        self.0
    }

    /// Writes the changes. Must be the last statement of the transaction.
    pub(super) async fn write(&self, connection: &mut AnyConnection, dialect: &Dialect) -> Result<(), Error> {
        if *self == Self::default() {
            return Ok(());
        }
        let shard = match dialect {
            Dialect::Sqlite(_) => 0,
            Dialect::Postgres(_) => i64::from(rand::random_range(0..SHARDS)),
        };
        let mut query = sqlx::query(
            "INSERT INTO counters (shard, queued, processing, completed, failed, canceled, expired, waiting, pending, \
             dead, blob_bytes, reserved_bytes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (shard) DO UPDATE SET \
             queued = counters.queued + excluded.queued, processing = counters.processing + excluded.processing, \
             completed = counters.completed + excluded.completed, failed = counters.failed + excluded.failed, \
             canceled = counters.canceled + excluded.canceled, expired = counters.expired + excluded.expired, \
             waiting = counters.waiting + excluded.waiting, pending = counters.pending + excluded.pending, \
             dead = counters.dead + excluded.dead, blob_bytes = counters.blob_bytes + excluded.blob_bytes, \
             reserved_bytes = counters.reserved_bytes + excluded.reserved_bytes",
        )
        .bind(shard);
        for difference in self.0 {
            query = query.bind(difference);
        }
        query.execute(connection).await.map(|_| ())
    }

    /// The difference between the true counts and the counters.
    pub(super) async fn error(connection: &mut AnyConnection) -> Result<Self, Error> {
        let names = COLUMNS.map(|name| format!("counted.{name} - kept.{name} AS {name}")).join(", ");
        let text = format!("SELECT {names} FROM ({COUNTS}) AS counted CROSS JOIN ({SUMS}) AS kept");
        Self::of(&sqlx::query(sqlx::AssertSqlSafe(text)).fetch_one(connection).await?)
    }

    /// The counters in the columns of a row.
    pub(super) fn of(row: &AnyRow) -> Result<Self, Error> {
        let mut deltas = Self::default();
        for (value, name) in deltas.0.iter_mut().zip(COLUMNS) {
            *value = row.try_get(name)?;
        }
        Ok(deltas)
    }
}

fn index(state: JobState) -> usize {
    JobState::ALL.iter().position(|known| *known == state).unwrap_or_default()
}
