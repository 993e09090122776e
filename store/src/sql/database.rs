//! An open database: its pools of connections, how reads run on them, and the writer.
//!
//! Every call has a time limit. A database that does not answer gives `StoreError::Away`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{AnyConnection, AnyPool, Connection, Error};
use tokio::sync::OnceCell;

use super::claim::{self, ClaimItems};
use super::clock::{Now, StoreClock};
use super::dialect::Dialect;
use super::fault::{store_error, within_limit};
use super::operation::Operation;
use super::postgres::PostgresSettings;
use super::queue::Cursor;
use super::reap::VoidLeases;
use super::sqlite;
use super::writer::{Target, Writer};
use crate::store::{ClaimRequest, ClaimResult, Listener, Selection, StoreError};

/// Connections that read from the SQLite file.
const SQLITE_READERS: u32 = 4;

/// One database that is open.
pub(super) struct Database {
    dialect: Dialect,
    readers: AnyPool,
    writer_pool: AnyPool,
    writer: Writer,
    /// Set once the leases of earlier processes are void. Nothing is claimed or reaped before that.
    leases_voided: OnceCell<()>,
    /// Whether the last claim found nothing, in a database that other processes write to as well. The next claim then
    /// reads first, and takes no lock if there is still nothing.
    idle: AtomicBool,
    /// The caller whose picture this process claimed last.
    cursor: Cursor,
}

impl Database {
    /// Opens an SQLite file, or creates it.
    pub(super) async fn sqlite(
        path: &Path,
        clock: StoreClock,
        listener: Arc<dyn Listener>,
    ) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let url = sqlite::create_file(path, false)
            .and_then(|()| sqlite::url(path))
            .map_err(|error| StoreError::Broken(format!("{}: {error}", path.display())))?;
        let dialect = Dialect::Sqlite(clock);
        let writer_pool = dialect.pool(&url, 1).map_err(|error| store_error(&error))?;
        let readers = dialect.pool(&url, SQLITE_READERS).map_err(|error| store_error(&error))?;
        migrate(&dialect, &url).await?;
        let target = Target { pool: writer_pool.clone(), dialect: dialect.clone(), listener };
        let (writer, leases_voided) = (Writer::grouped(target), OnceCell::new());
        Ok(Self::opened(dialect, readers, writer_pool, writer, leases_voided))
    }

    /// Connects to a PostgreSQL server.
    pub(super) async fn postgres(
        url: &SecretString,
        settings: PostgresSettings,
        listener: Arc<dyn Listener>,
    ) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let dialect = Dialect::Postgres(settings);
        let pool =
            dialect.pool(url.expose_secret(), settings.connections).map_err(|error| store_error(&error))?;
        migrate(&dialect, url.expose_secret()).await?;
        let target = Target { pool: pool.clone(), dialect: dialect.clone(), listener };
        let writer = Writer::Single(target);
        // The leases may belong to other live processes. They expire on their own.
        let leases_voided = OnceCell::new_with(Some(()));
        let (readers, writer_pool) = (pool.clone(), pool);
        Ok(Self::opened(dialect, readers, writer_pool, writer, leases_voided))
    }

    fn opened(
        dialect: Dialect,
        readers: AnyPool,
        writer_pool: AnyPool,
        writer: Writer,
        leases_voided: OnceCell<()>,
    ) -> Self {
        let (idle, cursor) = (AtomicBool::new(false), Cursor::default());
        Self { dialect, readers, writer_pool, writer, leases_voided, idle, cursor }
    }

    /// Whether this process is the only one that writes.
    pub(super) fn is_sole_writer(&self) -> bool {
        matches!(self.dialect, Dialect::Sqlite(_))
    }

    /// Runs a write and commits it.
    pub(super) async fn write<O: Operation>(&self, operation: O) -> Result<O::Output, StoreError> {
        self.writer.run(operation).await
    }

    /// Runs a write about leases. The first one voids the leases of earlier processes.
    pub(super) async fn write_leases<O: Operation>(&self, operation: O) -> Result<O::Output, StoreError> {
        self.leases_voided.get_or_try_init(|| self.write(VoidLeases)).await?;
        self.write(operation).await
    }

    /// Runs a read on a separate connection.
    pub(super) async fn read<T>(
        &self,
        read: impl for<'c> FnOnce(&'c mut AnyConnection) -> BoxFuture<'c, Result<T, Error>>,
    ) -> Result<T, StoreError> {
        let mut reader = within_limit(self.dialect.reader(&self.readers)).await?;
        within_limit(read(&mut reader)).await
    }

    /// The same for a read that depends on the time.
    pub(super) async fn read_now<T>(
        &self,
        read: impl for<'c> FnOnce(&'c mut AnyConnection, Now) -> BoxFuture<'c, Result<T, Error>>,
    ) -> Result<T, StoreError> {
        let mut reader = within_limit(self.dialect.reader(&self.readers)).await?;
        within_limit(async {
            let now = self.dialect.now(&mut reader).await?;
            read(&mut reader, now).await
        })
        .await
    }

    /// Claims items. An idle process first reads whether there is anything to claim.
    pub(super) async fn claim(&self, request: ClaimRequest) -> Result<ClaimResult, StoreError> {
        if self.idle.load(Ordering::Relaxed)
            && request.selection == Selection::InTurn
            && let Some(nothing) =
                self.read_now(|connection, now| Box::pin(claim::nothing_to_claim(connection, now))).await?
        {
            return Ok(nothing);
        }
        let result = self.write_leases(ClaimItems { request, cursor: self.cursor.clone() }).await?;
        self.idle.store(!self.is_sole_writer() && result.items.is_empty(), Ordering::Relaxed);
        Ok(result)
    }

    /// Copies the whole database to a new file. Has no time limit, since the copy may be large.
    pub(super) async fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let mut reader = within_limit(self.dialect.reader(&self.readers)).await?;
        sqlite::copy(&mut reader, path).await.map_err(|error| store_error(&error))
    }

    /// Closes all connections.
    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer_pool.close().await;
    }
}

/// Migrates the schema on a separate connection, because the time limits of the pools are too short for it.
async fn migrate(dialect: &Dialect, url: &str) -> Result<(), StoreError> {
    let mut connection = within_limit(AnyConnection::connect(url)).await?;
    dialect.migrate(&mut connection).await?;
    connection.close().await.map_err(|error| store_error(&error))
}
