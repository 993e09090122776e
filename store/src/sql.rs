//! The contract of [`crate::store`] kept by a database: SQLite in a file of this process, or PostgreSQL that
//! many processes share. One set of statements serves both; `dialect` holds what differs.
//!
//! Reads take a connection each. Writes are values (`operation`) that `writer` runs in transactions. The
//! listener is told after the commit. What cannot be reached within seconds is `Away`; connections mend
//! themselves, so a store that was away comes back without a restart.

mod calls;
mod claim;
mod clock;
mod counters;
mod create;
mod deferred;
mod dialect;
mod ending;
mod ends;
mod fault;
mod heartbeat;
mod operation;
mod outbox;
mod pauses;
#[cfg(test)]
mod plans;
mod postgres;
mod queue;
mod read;
mod reap;
mod rows;
mod schema;
mod secrets;
mod settle;
mod sweep;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use secrecy::{ExposeSecret, SecretString};
use sqlx::{AnyConnection, AnyPool, Connection, Error};
use tokio::sync::OnceCell;

pub use clock::StoreClock;
pub use postgres::PostgresSettings;

use self::dialect::Dialect;
use self::fault::store_error;
use self::operation::Operation;
use self::postgres::Reader;
use self::writer::{PATIENCE, Target, Writer};
use crate::store::{Claims, Listener, StoreError};

/// Connections that read SQLite's file.
const READERS: u32 = 4;

/// The store, over SQLite or PostgreSQL.
pub struct SqlStore {
    dialect: Dialect,
    readers: AnyPool,
    writer_pool: AnyPool,
    writer: Writer,
    /// Set once leases of another boot are void. Nothing is claimed or reaped before.
    boot: OnceCell<()>,
    /// Whether the last claim found nothing, on a store that others write too: then the next one looks first.
    idle: AtomicBool,
}

impl SqlStore {
    /// Opens the file, or makes it. The caller holds the lock that keeps other writers out; a process that
    /// claims nothing may open it beside.
    pub async fn sqlite(
        path: &Path,
        clock: StoreClock,
        listener: Arc<dyn Listener>,
    ) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let made = dialect::make(path, false).and_then(|()| dialect::address(path));
        let url = made.map_err(|error| StoreError::Broken(format!("{}: {error}", path.display())))?;
        let dialect = Dialect::Sqlite(clock);
        let pool = dialect.pool(&url, 1).map_err(|error| store_error(&error))?;
        let readers = dialect.pool(&url, READERS).map_err(|error| store_error(&error))?;
        migrate(&dialect, &url).await?;
        let target = Target { pool: pool.clone(), dialect: dialect.clone(), listener };
        let writer = Writer::grouped(target);
        Ok(Self {
            dialect,
            readers,
            writer_pool: pool,
            writer,
            boot: OnceCell::new(),
            idle: AtomicBool::new(false),
        })
    }

    /// Connects to a server (`postgres://user:password@host:port/database`) and makes the tables where there
    /// are none.
    pub async fn postgres(
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
        // Leases there may be those of other processes: they run out by themselves.
        let boot = OnceCell::new_with(Some(()));
        Ok(Self {
            dialect,
            readers: pool.clone(),
            writer_pool: pool,
            writer,
            boot,
            idle: AtomicBool::new(false),
        })
    }

    async fn write<O: Operation>(&self, operation: O) -> Result<O::Output, StoreError> {
        self.writer.run(operation).await
    }

    /// Runs a write that has to do with leases.
    async fn write_leases<O: Operation>(&self, operation: O) -> Result<O::Output, StoreError> {
        self.boot.get_or_try_init(|| self.write(reap::VoidLeases)).await?;
        self.write(operation).await
    }

    /// What a claim would answer, where there is nothing to claim.
    async fn look(&self) -> Result<Option<Claims>, StoreError> {
        let mut reader = self.reader().await?;
        read(async {
            let now = self.dialect.now(&mut reader).await?;
            claim::look(&mut reader, now).await
        })
        .await
    }

    async fn reader(&self) -> Result<Reader, StoreError> {
        read(self.dialect.reader(&self.readers)).await
    }
}

/// What a read gave, within the time that callers are made to wait.
async fn read<T>(reading: impl Future<Output = Result<T, Error>>) -> Result<T, StoreError> {
    let outcome = tokio::time::timeout(PATIENCE, reading).await;
    outcome.map_err(|_| writer::out_of_patience())?.map_err(|error| store_error(&error))
}

/// On a connection of its own: the pools' time limits are not meant for it.
async fn migrate(dialect: &Dialect, url: &str) -> Result<(), StoreError> {
    let connect = tokio::time::timeout(PATIENCE, AnyConnection::connect(url)).await;
    let mut connection =
        connect.map_err(|_| writer::out_of_patience())?.map_err(|error| store_error(&error))?;
    dialect.migrate(&mut connection).await?;
    connection.close().await.map_err(|error| store_error(&error))
}
