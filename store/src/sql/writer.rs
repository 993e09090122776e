//! Runs writes in transactions.
//!
//! SQLite has one writer: a task that runs all waiting writes in one transaction, so that they share one disk sync.
//! Each write has its own savepoint, so a failing write does not fail the others. All are answered after the commit.
//! On PostgreSQL, each write has its own transaction, repeated after a deadlock or a serialization failure.
//!
//! A failed write is reported to its caller, a failed commit to all callers of the group. Every write has a time limit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::{AnyPool, Connection, Error};
use tokio::sync::{mpsc, oneshot};

use super::counters::CounterDeltas;
use super::dialect::Dialect;
use super::fault::{is_retryable, limited, store_error};
use super::operation::{self, Operation, Tx};
use super::usage::UsageDeltas;
use crate::store::{JobVersion, Listener, StoreError};

/// Maximum number of writes in one transaction.
const MAX_GROUP: usize = 256;
/// Maximum number of waiting writes.
const MAX_QUEUE: usize = 1_024;

/// How often a write is attempted that fails by deadlocks.
const MAX_ATTEMPTS: u32 = 8;

/// How writes are run.
pub(super) enum Writer {
    /// By the task that groups them.
    Grouped(mpsc::Sender<Box<dyn QueuedWrite>>),
    /// Each in its own transaction.
    Single(Target),
}

/// The database to write to, and the listener to notify of changes.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) pool: AnyPool,
    pub(super) dialect: Dialect,
    pub(super) listener: Arc<dyn Listener>,
}

impl Writer {
    /// Starts the task that groups writes. It ends when the writer is dropped.
    pub(super) fn grouped(target: Target) -> Self {
        let (sender, queue) = mpsc::channel(MAX_QUEUE);
        tokio::spawn(target.serve(queue));
        Self::Grouped(sender)
    }

    /// Runs a write and commits it.
    pub(super) async fn run<O: Operation>(&self, operation: O) -> Result<O::Output, StoreError> {
        limited(async {
            match self {
                Self::Grouped(queue) => enqueue(queue, operation).await,
                Self::Single(target) => target.run_single(&operation).await,
            }
        })
        .await
    }
}

async fn enqueue<O: Operation>(
    queue: &mpsc::Sender<Box<dyn QueuedWrite>>,
    operation: O,
) -> Result<O::Output, StoreError> {
    let (reply, result) = oneshot::channel();
    let write = Pending { operation, result: None, reply };
    queue.send(Box::new(write)).await.map_err(|_| StoreError::Away("the writer has stopped".into()))?;
    result.await.unwrap_or_else(|_| Err(StoreError::Broken("the write was aborted by a panic".into())))
}

/// A write in the queue, of any type of operation.
#[async_trait]
pub(super) trait QueuedWrite: Send {
    /// Runs the write and keeps its result. Returns whether it succeeded.
    async fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Why the write failed, if it would succeed later.
    fn temporary_failure(&self) -> Option<StoreError>;
    /// Sends the result to the caller, given the result of the commit.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Pending<O: Operation> {
    operation: O,
    result: Option<Result<O::Output, StoreError>>,
    reply: oneshot::Sender<Result<O::Output, StoreError>>,
}

#[async_trait]
impl<O: Operation> QueuedWrite for Pending<O> {
    async fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let result = operation::run(&self.operation, tx).await.map_err(|error| store_error(&error));
        let succeeded = result.is_ok();
        self.result = Some(result);
        succeeded
    }

    fn temporary_failure(&self) -> Option<StoreError> {
        match &self.result {
            Some(Err(error @ StoreError::Away(_))) => Some(error.clone()),
            _ => None,
        }
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let answer = match (committed, self.result) {
            (_, Some(Err(error))) | (Err(error), _) => Err(error),
            (Ok(()), Some(Ok(output))) => Ok(output),
            // The write panicked. The caller notices that the reply was dropped.
            (Ok(()), None) => return,
        };
        // A caller that went away misses the answer; the write is done all the same.
        let _ = self.reply.send(answer);
    }
}

impl Target {
    async fn serve(self, mut queue: mpsc::Receiver<Box<dyn QueuedWrite>>) {
        let mut group = Vec::with_capacity(MAX_GROUP);
        while queue.recv_many(&mut group, MAX_GROUP).await > 0 {
            // A full disk fails one write and ends the transaction: what the others hear is why, and that they may try again.
            let committed = self.run_group(&mut group).await.map_err(|error| {
                let cause = group.iter().find_map(|write| write.temporary_failure());
                cause.unwrap_or_else(|| store_error(&error))
            });
            let committed = committed.map(|job_versions| self.notify(job_versions));
            for write in group.drain(..) {
                write.answer(committed.clone());
            }
        }
    }

    async fn run_group(&self, group: &mut [Box<dyn QueuedWrite>]) -> Result<Vec<JobVersion>, Error> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let now = self.dialect.now(&mut transaction).await?;
        let (mut job_versions, mut deltas) = (Vec::new(), CounterDeltas::default());
        for write in group {
            let mut savepoint = transaction.begin().await?;
            let (mut own_versions, mut own_deltas) = (Vec::new(), CounterDeltas::default());
            let mut tx = Tx {
                connection: &mut savepoint,
                dialect: &self.dialect,
                now,
                job_versions: &mut own_versions,
                deltas: &mut own_deltas,
                usage: &mut UsageDeltas::default(),
            };
            if AssertUnwindSafe(write.run(&mut tx)).catch_unwind().await.unwrap_or(false) {
                savepoint.commit().await?;
                job_versions.append(&mut own_versions);
                deltas.add(&own_deltas);
            } else {
                savepoint.rollback().await?;
            }
        }
        deltas.write(&mut transaction, &self.dialect).await?;
        transaction.commit().await?;
        Ok(job_versions)
    }

    async fn run_single<O: Operation>(&self, operation: &O) -> Result<O::Output, StoreError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.attempt(operation).await {
                Ok((output, job_versions)) => {
                    self.notify(job_versions);
                    return Ok(output);
                }
                Err(error) if is_retryable(&error) && attempts < MAX_ATTEMPTS => {}
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
            usage: &mut UsageDeltas::default(),
        };
        let output = operation::run(operation, &mut tx).await?;
        deltas.write(&mut transaction, &self.dialect).await?;
        transaction.commit().await?;
        Ok((output, job_versions))
    }

    fn notify(&self, job_versions: Vec<JobVersion>) {
        for job_version in job_versions {
            // A committed write must be answered, even if the listener panics.
            let _ = catch_unwind(AssertUnwindSafe(|| self.listener.changed(job_version)));
        }
    }
}
