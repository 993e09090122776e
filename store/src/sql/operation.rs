//! Writes as values, the transaction they run in, and the statements it runs. As values, several writes can share one
//! transaction, and a write can be repeated when the database asks for it.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Error};

use super::clock::Now;
use super::counters::CounterDeltas;
use super::dialect::Dialect;
use super::rows::{self, JOB, Record};
pub(super) use super::statement::{Statement, statement};
use super::usage::UsageDeltas;
use crate::job::{Job, JobId};
use crate::store::JobVersion;

/// One write of the store. If it fails, it is rolled back.
pub(super) trait Operation: Send + Sync + 'static {
    /// The result for the caller.
    type Output: Send + 'static;

    /// Runs the write. May be called again after a failure.
    fn run(&self, tx: &mut Tx<'_>) -> impl Future<Output = Result<Self::Output, Error>> + Send;
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
    /// Changes to what callers use.
    pub(super) usage: &'c mut UsageDeltas,
}

/// Runs a write, and what it leaves for the end of the transaction.
pub(super) async fn run<O: Operation>(operation: &O, tx: &mut Tx<'_>) -> Result<O::Output, Error> {
    let output = operation.run(tx).await?;
    tx.usage.write(tx.connection, tx.dialect).await?;
    Ok(output)
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

    /// Runs a statement. Returns the number of rows that it wrote.
    pub(super) async fn execute(&mut self, statement: Statement) -> Result<u64, Error> {
        Ok(statement.execute(&mut *self.connection).await?.rows_affected())
    }

    /// Runs a statement, whatever number of rows it writes.
    pub(super) async fn run(&mut self, statement: Statement) -> Result<(), Error> {
        self.execute(statement).await.map(|_| ())
    }

    /// The rows that a statement returns.
    pub(super) async fn fetch_all(&mut self, statement: Statement) -> Result<Vec<AnyRow>, Error> {
        statement.fetch_all(&mut *self.connection).await
    }

    /// The only row that a statement returns.
    pub(super) async fn fetch_one(&mut self, statement: Statement) -> Result<AnyRow, Error> {
        statement.fetch_one(&mut *self.connection).await
    }

    /// The row that a statement returns, if there is one.
    pub(super) async fn fetch_optional(&mut self, statement: Statement) -> Result<Option<AnyRow>, Error> {
        statement.fetch_optional(&mut *self.connection).await
    }

    /// The job's version changed.
    pub(super) fn changed(&mut self, job: &Job) {
        self.job_versions.push(JobVersion::from(job));
    }
}
