//! How connections to PostgreSQL and their transactions are prepared: time limits, durability, and support for
//! PgBouncer's transaction pooling.
//!
//! On a direct connection, a process sets its limits once per session. Behind PgBouncer, sessions are shared: the next
//! transaction may run on another server connection, which another process used before. Everything, reads included,
//! therefore runs in a transaction that sets its own limits, and no prepared statement outlives its transaction.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, Connection, Error, Transaction};
use url::Url;

use super::fault::{ACQUIRE_TIMEOUT, store_error};
use super::schema;
use crate::store::StoreError;

/// How long a transaction may stay idle before the server ends it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The advisory lock that processes take to migrate the schema.
const MIGRATION_LOCK: i64 = 0x6875_656d_696c_6c01;

/// Settings for connections to PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostgresSettings {
    /// Maximum number of connections of this process.
    pub connections: u32,
    /// How long a statement may run before the server cancels it.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock.
    pub lock_timeout: Duration,
    /// Whether the connections go through a PgBouncer that pools transactions.
    pub pgbouncer: bool,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self {
            connections: 4,
            statement_timeout: Duration::from_secs(15),
            lock_timeout: Duration::from_secs(4),
            pgbouncer: false,
        }
    }
}

impl PostgresSettings {
    /// The URL to connect to.
    pub(super) fn connection_url(&self, url: &str) -> Result<String, Error> {
        if !self.pgbouncer {
            return Ok(url.to_owned());
        }
        let mut url: Url = url.parse().map_err(|error| Error::Configuration(Box::new(error)))?;
        // A cached statement may be unknown to the next server connection.
        url.query_pairs_mut().append_pair("statement-cache-capacity", "0");
        Ok(url.into())
    }

    /// Makes the pool prepare each new connection, and test each connection that is returned to it.
    pub(super) fn prepare(self, pool: AnyPoolOptions) -> AnyPoolOptions {
        let pool = pool.after_release(|connection, _| check_alive(connection));
        if self.pgbouncer {
            return pool;
        }
        let text = self.limits("SESSION");
        pool.after_connect(move |connection, _| {
            let text = text.clone();
            Box::pin(async move { sqlx::raw_sql(AssertSqlSafe(text)).execute(connection).await.map(|_| ()) })
        })
    }

    /// Begins a transaction that is ready for use.
    pub(super) async fn begin(&self, pool: &AnyPool) -> Result<Transaction<'static, Any>, Error> {
        if !self.pgbouncer {
            return pool.begin().await;
        }
        // Another process may have prepared statements here under the names that this one will use. All of this is one
        // message, so it costs no extra round trip.
        pool.begin_with(AssertSqlSafe(format!("BEGIN; DEALLOCATE ALL; {}", self.limits("LOCAL")))).await
    }

    /// The connection that a read runs on.
    pub(super) async fn reader(&self, pool: &AnyPool) -> Result<Reader, Error> {
        Ok(if self.pgbouncer {
            Reader::Transaction(self.begin(pool).await?)
        } else {
            Reader::Connection(pool.acquire().await?)
        })
    }

    fn limits(&self, scope: &str) -> String {
        let [lock, statement, idle] =
            [self.lock_timeout, self.statement_timeout, IDLE_TIMEOUT].map(|limit| limit.as_millis());
        let local = scope == "LOCAL";
        // A server may be configured to confirm commits before they are on disk. A crash would then lose data that
        // clients were told is stored.
        format!(
            "SET {scope} lock_timeout = {lock}; SET {scope} statement_timeout = {statement}; \
             SET {scope} idle_in_transaction_session_timeout = {idle}; \
             SELECT set_config('synchronous_commit', 'on', {local}) \
             WHERE current_setting('synchronous_commit') = 'off'"
        )
    }
}

/// Migrates the schema in one transaction. Processes that start together wait for each other until it is committed,
/// with and without PgBouncer.
pub(super) async fn migrate(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let begin = format!("BEGIN; DEALLOCATE ALL; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})");
    let begun = connection.begin_with(AssertSqlSafe(begin)).await;
    let mut transaction = begun.map_err(|error| store_error(&error))?;
    schema::migrate(&mut transaction, &schema::postgres()).await?;
    transaction.commit().await.map_err(|error| store_error(&error))
}

/// Checks that a connection that is returned to the pool still works. A connection over a dead network would stay in the
/// pool until the system gives up on it, a quarter of an hour later. The result is an error and not `false`, so that the
/// pool closes the connection without waiting for the server.
fn check_alive(connection: &mut AnyConnection) -> BoxFuture<'_, Result<bool, Error>> {
    Box::pin(async move {
        let ping = tokio::time::timeout(ACQUIRE_TIMEOUT, connection.ping()).await;
        ping.map_err(|_| Error::Io(std::io::ErrorKind::TimedOut.into()))?.map(|()| true)
    })
}

/// The connection that a read runs on.
pub(super) enum Reader {
    /// A plain connection: each statement is its own transaction.
    Connection(PoolConnection<Any>),
    /// One transaction for all statements. It is rolled back at the end.
    Transaction(Transaction<'static, Any>),
}

impl Deref for Reader {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match self {
            Self::Connection(connection) => connection,
            Self::Transaction(transaction) => transaction,
        }
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match self {
            Self::Connection(connection) => connection,
            Self::Transaction(transaction) => transaction,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_url_for_pgbouncer_always_disables_the_statement_cache() {
        let direct = PostgresSettings::default();
        let pooled = PostgresSettings { pgbouncer: true, ..direct };
        let url = "postgres://user:p%40ss@db:6432/jobs?sslmode=require&statement-cache-capacity=9";
        assert_eq!(direct.connection_url(url).unwrap(), url);
        assert_eq!(pooled.connection_url(url).unwrap(), format!("{url}&statement-cache-capacity=0"));
        assert!(pooled.connection_url("jobs").is_err());
    }

    #[test]
    fn limits_are_set_in_milliseconds_for_the_session_or_the_transaction() {
        let settings = PostgresSettings { lock_timeout: Duration::from_millis(7), ..Default::default() };
        let session = settings.limits("SESSION");
        assert!(session.contains("SET SESSION lock_timeout = 7;"), "{session}");
        assert!(session.contains("SET SESSION statement_timeout = 15000;"), "{session}");
        assert!(session.contains("'on', false)"), "{session}");
        assert!(settings.limits("LOCAL").contains("'on', true)"));
    }
}
