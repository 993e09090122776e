//! How writes reach the database. SQLite has one writer: a task that takes all waiting writes into one
//! transaction, so that they share one sync of the disk. Each lies in a savepoint, so that a failing one does
//! not take the others with it; all are answered after the commit. On PostgreSQL each is a transaction of its
//! own, repeated where the server asks for it.
//!
//! What failed is told to its caller; after a failed commit, to all callers. Nobody waits without end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::{AnyPool, Connection, Error};
use tokio::sync::{mpsc, oneshot};

use super::counters::CounterDeltas;
use super::dialect::Dialect;
use super::fault::{is_worth_another_try, store_error};
use super::operation::{Operation, Tx};
use crate::store::{JobVersion, Listener, StoreError};

/// How long a caller waits for the database.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Most writes in one transaction, and most that wait.
const GROUP: usize = 256;
const QUEUE: usize = 1_024;

/// How often a victim of a deadlock is tried.
const TRIES: u32 = 8;

/// Where writes go.
pub(super) enum Writer {
    /// To the task that groups them.
    Grouped(mpsc::Sender<Box<dyn Work>>),
    /// Each for itself.
    Single(Target),
}

/// The database, and who is told of changes.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) pool: AnyPool,
    pub(super) dialect: Dialect,
    pub(super) listener: Arc<dyn Listener>,
}

impl Writer {
    /// Starts the task that groups writes. It ends with the writer.
    pub(super) fn grouped(target: Target) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE);
        tokio::spawn(target.serve(queue));
        Self::Grouped(sender)
    }

    /// Runs a write and commits it.
    pub(super) async fn run<O: Operation>(&self, operation: O) -> Result<O::Output, StoreError> {
        let run = async {
            match self {
                Self::Grouped(queue) => enqueue(queue, operation).await,
                Self::Single(target) => target.single(&operation).await,
            }
        };
        tokio::time::timeout(PATIENCE, run).await.unwrap_or_else(|_| Err(out_of_patience()))
    }
}

/// The database did not answer in time. What was asked for may still happen.
pub(super) fn out_of_patience() -> StoreError {
    StoreError::Away("no answer in time".into())
}

async fn enqueue<O: Operation>(
    queue: &mpsc::Sender<Box<dyn Work>>,
    operation: O,
) -> Result<O::Output, StoreError> {
    let (reply, answer) = oneshot::channel();
    let waiting = Waiting { operation, outcome: None, reply };
    queue.send(Box::new(waiting)).await.map_err(|_| StoreError::Away("the writer has ended".into()))?;
    answer.await.unwrap_or_else(|_| Err(StoreError::Broken("the write broke off".into())))
}

/// A write in the queue.
#[async_trait]
pub(super) trait Work: Send {
    /// Runs it and keeps what came of it. Whether it succeeded.
    async fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Tells the caller, with what became of the transaction.
    fn answer(self: Box<Self>, verdict: Result<(), StoreError>);
}

struct Waiting<O: Operation> {
    operation: O,
    outcome: Option<Result<O::Output, StoreError>>,
    reply: oneshot::Sender<Result<O::Output, StoreError>>,
}

#[async_trait]
impl<O: Operation> Work for Waiting<O> {
    async fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let outcome = self.operation.run(tx).await.map_err(|error| store_error(&error));
        let succeeded = outcome.is_ok();
        self.outcome = Some(outcome);
        succeeded
    }

    fn answer(self: Box<Self>, verdict: Result<(), StoreError>) {
        let answer = match (verdict, self.outcome) {
            (_, Some(Err(error))) | (Err(error), _) => Err(error),
            (Ok(()), Some(Ok(output))) => Ok(output),
            // It panicked: the caller learns that from the dropped reply.
            (Ok(()), None) => return,
        };
        // A caller that went away misses the answer, not the write.
        let _ = self.reply.send(answer);
    }
}

impl Target {
    async fn serve(self, mut queue: mpsc::Receiver<Box<dyn Work>>) {
        let mut group = Vec::with_capacity(GROUP);
        while queue.recv_many(&mut group, GROUP).await > 0 {
            let verdict = self.group(&mut group).await.map_err(|error| store_error(&error));
            let verdict = verdict.map(|job_versions| self.tell(job_versions));
            for work in group.drain(..) {
                work.answer(verdict.clone());
            }
        }
    }

    async fn group(&self, group: &mut [Box<dyn Work>]) -> Result<Vec<JobVersion>, Error> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let now = self.dialect.now(&mut transaction).await?;
        let (mut job_versions, mut deltas) = (Vec::new(), CounterDeltas::default());
        for work in group {
            let mut savepoint = transaction.begin().await?;
            let (mut own, mut differences) = (Vec::new(), CounterDeltas::default());
            let mut tx = Tx {
                connection: &mut savepoint,
                dialect: &self.dialect,
                now,
                job_versions: &mut own,
                deltas: &mut differences,
            };
            if AssertUnwindSafe(work.run(&mut tx)).catch_unwind().await.unwrap_or(false) {
                savepoint.commit().await?;
                job_versions.append(&mut own);
                deltas.add(&differences);
            } else {
                savepoint.rollback().await?;
            }
        }
        deltas.write(&mut transaction, &self.dialect).await?;
        transaction.commit().await?;
        Ok(job_versions)
    }

    async fn single<O: Operation>(&self, operation: &O) -> Result<O::Output, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.attempt(operation).await {
                Ok((output, job_versions)) => {
                    self.tell(job_versions);
                    return Ok(output);
                }
                Err(error) if is_worth_another_try(&error) && tries < TRIES => {}
                Err(error) => return Err(store_error(&error)),
            }
        }
    }

    async fn attempt<O: Operation>(&self, operation: &O) -> Result<(O::Output, Vec<JobVersion>), Error> {
        let mut transaction = self.dialect.begin(&self.pool).await?;
        let now = self.dialect.now(&mut transaction).await?;
        let (mut job_versions, mut deltas) = (Vec::new(), CounterDeltas::default());
        let mut tx = Tx {
            connection: &mut transaction,
            dialect: &self.dialect,
            now,
            job_versions: &mut job_versions,
            deltas: &mut deltas,
        };
        let output = operation.run(&mut tx).await?;
        deltas.write(&mut transaction, &self.dialect).await?;
        transaction.commit().await?;
        Ok((output, job_versions))
    }

    fn tell(&self, job_versions: Vec<JobVersion>) {
        for job_version in job_versions {
            // What is committed must be answered, whatever the listener does.
            let _ = catch_unwind(AssertUnwindSafe(|| self.listener.changed(job_version)));
        }
    }
}
