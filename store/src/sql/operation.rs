//! A write as a value, and the transaction that it runs in. As values, writes can be grouped into one
//! transaction, and repeated where the database asks for it.

use async_trait::async_trait;
use sqlx::{AnyConnection, AssertSqlSafe, Error};

use super::clock::Now;
use super::counters::CounterDeltas;
use super::dialect::Dialect;
use super::rows::{self, JOB, Record};
use crate::job::{Job, JobId};
use crate::store::JobVersion;

/// One write of the contract. Whatever it did is undone if it fails.
#[async_trait]
pub(super) trait Operation: Send + Sync + 'static {
    /// What the caller gets.
    type Output: Send + 'static;

    /// Does it. May be called again after a failure.
    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, Error>;
}

/// The transaction of an operation.
pub(super) struct Tx<'c> {
    pub(super) connection: &'c mut AnyConnection,
    pub(super) dialect: &'c Dialect,
    /// One moment for the whole transaction.
    pub(super) now: Now,
    /// The jobs whose version grew: told once it is committed.
    pub(super) job_versions: &'c mut Vec<JobVersion>,
    /// What it changes of the figures.
    pub(super) deltas: &'c mut CounterDeltas,
}

impl Tx<'_> {
    /// A job's row, locked until the end. All that changes a job or its items locks its row first, so that two
    /// writes about one job never wait for each other crosswise.
    pub(super) async fn lock(&mut self, id: &JobId) -> Result<Option<Record>, Error> {
        let text = format!("SELECT {JOB} FROM jobs WHERE id = $1 {}", self.dialect.lock());
        let row =
            sqlx::query(AssertSqlSafe(text)).bind(id.as_str()).fetch_optional(&mut *self.connection).await?;
        row.as_ref().map(rows::record).transpose()
    }

    /// The job's version grew.
    pub(super) fn changed(&mut self, job: &Job) {
        self.job_versions.push(JobVersion::from(job));
    }
}
