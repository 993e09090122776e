//! The differences between the two databases: how connections are opened, how rows are locked, and whose clock counts.
//! All other statements have the same text for both.

use std::future::ready;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyConnection, AnyPool, ConnectOptions, Error, Row, Transaction};

use super::clock::{Now, StoreClock};
use super::fault::ACQUIRE_TIMEOUT;
use super::postgres::{self, PostgresSettings, Reader};
use super::{schema, sqlite};
use crate::store::StoreError;

/// The kind of database.
#[derive(Debug, Clone)]
pub(super) enum Dialect {
    /// One file, one process, this process's clock.
    Sqlite(StoreClock),
    /// A server, many processes, the server's clock.
    Postgres(PostgresSettings),
}

impl Dialect {
    /// The suffix of a `SELECT` that locks a row before a change. Waits while another transaction holds the row.
    pub(super) fn lock(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => "FOR UPDATE",
        }
    }

    /// The suffix of a `SELECT` that locks the next row, skipping rows that other transactions hold.
    pub(super) fn lock_unlocked(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// How many transactions can write at the same time.
    pub(super) async fn writers(&self, connection: &mut AnyConnection) -> Result<i64, Error> {
        match self {
            Self::Sqlite(_) => Ok(1),
            Self::Postgres(_) => {
                let text = "SELECT CAST(current_setting('max_connections') AS BIGINT) AS writers";
                sqlx::query(text).fetch_one(connection).await?.try_get("writers")
            }
        }
    }

    /// Locks a caller until the end of the transaction: together with others, or alone.
    pub(super) async fn lock_caller(
        &self,
        connection: &mut AnyConnection,
        caller: &str,
        together: bool,
    ) -> Result<(), Error> {
        if let Self::Sqlite(_) = self {
            return Ok(());
        }
        let text = if together {
            "SELECT CAST(pg_advisory_xact_lock_shared(hashtextextended($1, 1)) AS TEXT) AS locked"
        } else {
            "SELECT CAST(pg_advisory_xact_lock(hashtextextended($1, 1)) AS TEXT) AS locked"
        };
        sqlx::query(text).bind(caller.to_owned()).fetch_one(connection).await.map(|_| ())
    }

    /// Locks a name until the end of the transaction, unless another transaction holds it.
    pub(super) async fn try_lock(&self, connection: &mut AnyConnection, name: &str) -> Result<bool, Error> {
        match self {
            Self::Sqlite(_) => Ok(true),
            Self::Postgres(_) => {
                let text = "SELECT CASE WHEN pg_try_advisory_xact_lock(hashtextextended($1, 0)) \
                     THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS locked";
                let row = sqlx::query(text).bind(name.to_owned()).fetch_one(connection).await?;
                Ok(row.try_get::<i64, _>("locked")? == 1)
            }
        }
    }

    /// The current time.
    pub(super) async fn now(&self, connection: &mut AnyConnection) -> Result<Now, Error> {
        match self {
            Self::Sqlite(clock) => Ok(clock.now()),
            Self::Postgres(_) => {
                let text = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now";
                let now = sqlx::query(text).fetch_one(connection).await?.try_get("now")?;
                Ok(Now { wall: now, tick: now })
            }
        }
    }

    /// A pool of connections. It opens none of them yet.
    pub(super) fn pool(&self, url: &str, max_connections: u32) -> Result<AnyPool, Error> {
        let pool = AnyPoolOptions::new().max_connections(max_connections).acquire_timeout(ACQUIRE_TIMEOUT);
        let (url, pool) = match self {
            Self::Sqlite(_) => {
                let pool = pool.test_before_acquire(false).idle_timeout(None).max_lifetime(None);
                let pool =
                    pool.before_acquire(|connection, _| Box::pin(ready(Ok(sqlite::is_usable(connection)))));
                (url.to_owned(), pool.after_connect(|connection, _| Box::pin(sqlite::prepare(connection))))
            }
            Self::Postgres(settings) => (settings.connection_url(url)?, settings.prepare(pool)),
        };
        let options: AnyConnectOptions = url.parse()?;
        Ok(pool.connect_lazy_with(options.disable_statement_logging()))
    }

    /// Begins the transaction of a single write.
    pub(super) async fn begin(&self, pool: &AnyPool) -> Result<Transaction<'static, Any>, Error> {
        match self {
            Self::Sqlite(_) => pool.begin().await,
            Self::Postgres(settings) => settings.begin(pool).await,
        }
    }

    /// The connection that a read runs on.
    pub(super) async fn reader(&self, pool: &AnyPool) -> Result<Reader, Error> {
        match self {
            Self::Sqlite(_) => pool.acquire().await.map(Reader::Connection),
            Self::Postgres(settings) => settings.reader(pool).await,
        }
    }

    /// Migrates the schema.
    pub(super) async fn migrate(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => schema::migrate(connection, &schema::MIGRATIONS).await,
            Self::Postgres(_) => postgres::migrate(connection).await,
        }
    }
}
