//! The store as its callers see it: it opens a database, and runs and times every operation on it.
//!
//! Operations run as tasks on the runtime that opened the store, because that runtime owns the connections. A caller
//! that goes away therefore never cancels an operation halfway. An [`Observer`] sees when each one starts and ends.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use sqlx::{AnyConnection, Error};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::clock::{Now, StoreClock};
use super::database::Database;
use super::operation::Operation;
use super::postgres::PostgresSettings;
use crate::store::{Listener, OPERATIONS, Observer, StoreError};

/// The store on SQLite or PostgreSQL. Cheap to clone.
#[derive(Clone)]
pub struct SqlStore {
    pub(super) database: Arc<Database>,
    runtime: Handle,
    observer: Option<Arc<dyn Observer>>,
}

impl SqlStore {
    /// Opens the database file, or creates it. The caller must hold the lock that keeps other writers out. A process
    /// that claims nothing may open it at the same time.
    pub async fn sqlite(
        path: &Path,
        clock: StoreClock,
        listener: Arc<dyn Listener>,
    ) -> Result<Self, StoreError> {
        Ok(Self::new(Database::sqlite(path, clock, listener).await?))
    }

    /// Connects to a server (`postgres://user:password@host:port/database`) and creates the tables if there are none.
    pub async fn postgres(
        url: &SecretString,
        settings: PostgresSettings,
        listener: Arc<dyn Listener>,
    ) -> Result<Self, StoreError> {
        Ok(Self::new(Database::postgres(url, settings, listener).await?))
    }

    fn new(database: Database) -> Self {
        Self { database: Arc::new(database), runtime: Handle::current(), observer: None }
    }

    /// A handle to the same database that reports its operations to `observer`.
    pub(super) fn with_observer(&self, observer: Arc<dyn Observer>) -> Self {
        Self { observer: Some(observer), ..self.clone() }
    }

    /// Runs an operation to its end, even if the caller goes away, and reports it to the observer. All operations of
    /// the store go through here.
    pub(super) async fn run<T, F>(
        &self,
        operation: &'static str,
        work: impl FnOnce(Arc<Database>) -> F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        debug_assert!(OPERATIONS.contains(&operation), "{operation} is not in the list of operations");
        let observation = self.observer.as_ref().map(|observer| observer.start(operation));
        let (reply, result) = oneshot::channel();
        let work = work(Arc::clone(&self.database));
        let mut task: BoxFuture<'static, ()> = Box::pin(async move {
            // A caller that went away misses the result; the operation is done all the same.
            let _ = reply.send(work.await);
        });
        if let Some(observation) = &observation {
            task = observation.instrument(task);
        }
        let ended = self.runtime.spawn(task).await.map_err(|error| StoreError::Broken(error.to_string()));
        let result = match ended {
            Ok(()) => result.await.unwrap_or_else(|error| Err(StoreError::Broken(error.to_string()))),
            Err(error) => Err(error),
        };
        if let Some(observation) = observation {
            observation.end(result.as_ref().err());
        }
        result
    }

    /// Runs an operation that is one write.
    pub(super) async fn write<O: Operation>(
        &self,
        operation: &'static str,
        write: O,
    ) -> Result<O::Output, StoreError> {
        self.run(operation, move |database| async move { database.write(write).await }).await
    }

    /// Runs an operation that is one write about leases.
    pub(super) async fn write_leases<O: Operation>(
        &self,
        operation: &'static str,
        write: O,
    ) -> Result<O::Output, StoreError> {
        self.run(operation, move |database| async move { database.write_leases(write).await }).await
    }

    /// Runs an operation that only reads.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        read: impl for<'c> FnOnce(&'c mut AnyConnection) -> BoxFuture<'c, Result<T, Error>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(operation, move |database| async move { database.read(read).await }).await
    }

    /// The same for a read that depends on the time.
    pub(super) async fn read_now<T: Send + 'static>(
        &self,
        operation: &'static str,
        read: impl for<'c> FnOnce(&'c mut AnyConnection, Now) -> BoxFuture<'c, Result<T, Error>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(operation, move |database| async move { database.read_now(read).await }).await
    }
}
