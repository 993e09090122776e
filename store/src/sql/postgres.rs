//! How connections to PostgreSQL are prepared, and the transactions on them: time limits, durability, and what
//! PgBouncer's transaction pooling asks for.
//!
//! With a connection of its own, a process sets its limits once, in the session. Behind PgBouncer a session belongs to
//! nobody: the next transaction may run on another server connection, where another process has been. So everything,
//! reads included, is a transaction that sets its limits itself, and no prepared statement outlives its transaction.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, Connection, Error, Transaction};
use url::Url;

use super::dialect::ACQUIRE;
use super::fault::told;
use super::schema;
use crate::store::StoreError;

/// How long a transaction may wait for its process.
const IDLE: Duration = Duration::from_secs(30);

/// The advisory lock of processes that bring the schema up to date.
const MIGRATION: i64 = 0x6875_656d_696c_6c01;

/// What can be set about connections to PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostgresSettings {
    /// Connections of this process, at most.
    pub connections: u32,
    /// How long the server works on a statement before it cancels it.
    pub statement_timeout: Duration,
    /// How long a statement waits for a lock.
    pub lock_timeout: Duration,
    /// Whether connections lead to a PgBouncer that pools transactions.
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
    /// The address to connect to.
    pub(super) fn address(&self, url: &str) -> Result<String, Error> {
        if !self.pgbouncer {
            return Ok(url.to_owned());
        }
        let mut url: Url = url.parse().map_err(|error| Error::Configuration(Box::new(error)))?;
        // A statement that is cached would be looked for on a server connection that does not know it.
        url.query_pairs_mut().append_pair("statement-cache-capacity", "0");
        Ok(url.into())
    }

    /// Has the pool prepare each new connection, and test each that comes back.
    pub(super) fn prepare(self, pool: AnyPoolOptions) -> AnyPoolOptions {
        let pool = pool.after_release(|connection, _| answers(connection));
        if self.pgbouncer {
            return pool;
        }
        let text = self.limits("SESSION");
        pool.after_connect(move |connection, _| {
            let text = text.clone();
            Box::pin(async move { sqlx::raw_sql(AssertSqlSafe(text)).execute(connection).await.map(|_| ()) })
        })
    }

    /// A transaction that is ready for use.
    pub(super) async fn begin(&self, pool: &AnyPool) -> Result<Transaction<'static, Any>, Error> {
        if !self.pgbouncer {
            return pool.begin().await;
        }
        // Statements that another process prepared here bear the names that ours will bear. All in one message: it
        // costs no round trip more.
        pool.begin_with(AssertSqlSafe(format!("BEGIN; DEALLOCATE ALL; {}", self.limits("LOCAL")))).await
    }

    /// What a read runs on.
    pub(super) async fn reader(&self, pool: &AnyPool) -> Result<Reader, Error> {
        Ok(if self.pgbouncer {
            Reader::Transaction(self.begin(pool).await?)
        } else {
            Reader::Connection(pool.acquire().await?)
        })
    }

    fn limits(&self, scope: &str) -> String {
        let [lock, statement, idle] =
            [self.lock_timeout, self.statement_timeout, IDLE].map(|limit| limit.as_millis());
        let local = scope == "LOCAL";
        // A server may be set up to answer commits before they are on its disk; then what we promised would be lost.
        format!(
            "SET {scope} lock_timeout = {lock}; SET {scope} statement_timeout = {statement}; \
             SET {scope} idle_in_transaction_session_timeout = {idle}; \
             SELECT set_config('synchronous_commit', 'on', {local}) \
             WHERE current_setting('synchronous_commit') = 'off'"
        )
    }
}

/// Brings the schema up to date, in one transaction: whether the connection is a session or PgBouncer's, processes
/// that start together wait for each other until it is committed.
pub(super) async fn migrate(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let begin = format!("BEGIN; DEALLOCATE ALL; SELECT pg_advisory_xact_lock({MIGRATION})");
    let begun = connection.begin_with(AssertSqlSafe(begin)).await;
    let mut transaction = begun.map_err(|error| told(&error))?;
    schema::migrate(&mut transaction, &schema::postgres()).await?;
    transaction.commit().await.map_err(|error| told(&error))
}

/// Whether a connection that comes back has nothing outstanding. One whose network is dead would hold its place in
/// the pool until the system gives it up, a quarter of an hour later. It is an error and not `false`, so that the pool
/// drops it without a farewell that nobody would hear.
fn answers(connection: &mut AnyConnection) -> BoxFuture<'_, Result<bool, Error>> {
    Box::pin(async move {
        let ping = tokio::time::timeout(ACQUIRE, connection.ping()).await;
        ping.map_err(|_| Error::Io(std::io::ErrorKind::TimedOut.into()))?.map(|()| true)
    })
}

/// What a read runs on.
pub(super) enum Reader {
    /// Each statement for itself.
    Connection(PoolConnection<Any>),
    /// All in a transaction, which is rolled back at the end.
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
    fn the_address_for_pgbouncer_caches_no_statement_whatever_it_says_itself() {
        let direct = PostgresSettings::default();
        let pooled = PostgresSettings { pgbouncer: true, ..direct };
        let url = "postgres://user:p%40ss@db:6432/jobs?sslmode=require&statement-cache-capacity=9";
        assert_eq!(direct.address(url).unwrap(), url);
        assert_eq!(pooled.address(url).unwrap(), format!("{url}&statement-cache-capacity=0"));
        assert!(pooled.address("jobs").is_err());
    }

    #[test]
    fn limits_are_milliseconds_of_the_session_or_of_the_transaction() {
        let settings = PostgresSettings { lock_timeout: Duration::from_millis(7), ..Default::default() };
        let session = settings.limits("SESSION");
        assert!(session.contains("SET SESSION lock_timeout = 7;"), "{session}");
        assert!(session.contains("SET SESSION statement_timeout = 15000;"), "{session}");
        assert!(session.contains("'on', false)"), "{session}");
        assert!(settings.limits("LOCAL").contains("'on', true)"));
    }
}
