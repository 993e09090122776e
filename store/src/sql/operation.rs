//! Writes as values, and the transaction they run in. As values, several writes can share one transaction, and a write
//! can be repeated when the database asks for it.

use async_trait::async_trait;
use sqlx::{AnyConnection, AssertSqlSafe, Error};

use super::clock::Now;
use super::counters::CounterDeltas;
use super::dialect::Dialect;
use super::rows::{self, JOB, Record};
use crate::job::{Job, JobId};
use crate::store::JobVersion;

/// One write of the store. If it fails, it is rolled back.
#[async_trait]
pub(super) trait Operation: Send + Sync + 'static {
    /// The result for the caller.
    type Output: Send + 'static;

    /// Runs the write. May be called again after a failure.
    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, Error>;
}

/// The transaction of an operation.
pub(super) struct Tx<'c> {
    pub(super) connection: &'c mut AnyConnection,
    pub(super) dialect: &'c Dialect,
    /// One moment for the whole transaction.
    pub(super) now: Now,
    /// The jobs whose version changed. The listener is notified after the commit.
    pub(super) job_versions: &'c mut Vec<JobVersion>,
    /// Changes to the counters.
    pub(super) deltas: &'c mut CounterDeltas,
}

impl Tx<'_> {
    /// A job's row, locked until the transaction ends. Every write that changes a job or its items locks the job's row
    /// first, so that two writes about one job never deadlock.
    pub(super) async fn lock(&mut self, id: &JobId) -> Result<Option<Record>, Error> {
        let text = format!("SELECT {JOB} FROM jobs WHERE id = $1 {}", self.dialect.lock());
        let row =
            sqlx::query(AssertSqlSafe(text)).bind(id.as_str()).fetch_optional(&mut *self.connection).await?;
        row.as_ref().map(rows::record).transpose()
    }

    /// The job's version changed.
    pub(super) fn changed(&mut self, job: &Job) {
        self.job_versions.push(JobVersion::from(job));
    }
}
