//! What differs between the two databases: how connections are opened, how rows are locked, whose clock counts.
//! All other statements are the same text for both.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection, Error, Row};

use super::clock::{Now, StoreClock};

/// How long a caller waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(4);

const SQLITE: &str = "PRAGMA busy_timeout = 4000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864";

// A server may be set up to answer commits before they are on its disk; then what we promised would be lost.
const POSTGRES: &str = "SET lock_timeout = '4s'; SET statement_timeout = '15s'; \
     SET idle_in_transaction_session_timeout = '30s'; \
     SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Which database it is.
#[derive(Debug, Clone)]
pub(super) enum Dialect {
    /// One file, one process, our clock.
    Sqlite(StoreClock),
    /// A server, many processes, its clock.
    Postgres,
}

impl Dialect {
    /// Behind a `SELECT` of one row that is about to be changed: waits for whoever holds it.
    pub(super) fn lock(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres => "FOR UPDATE",
        }
    }

    /// Behind a `SELECT` of the next row that nobody holds.
    pub(super) fn lock_free(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// This moment.
    pub(super) async fn now(&self, connection: &mut AnyConnection) -> Result<Now, Error> {
        match self {
            Self::Sqlite(clock) => Ok(clock.now()),
            Self::Postgres => {
                let text = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now";
                let now = sqlx::query(text).fetch_one(connection).await?.try_get("now")?;
                Ok(Now { wall: now, tick: now })
            }
        }
    }

    /// A pool of connections, none of them open yet.
    pub(super) fn pool(&self, url: &str, most: u32) -> Result<AnyPool, Error> {
        let options: AnyConnectOptions = url.parse()?;
        let pool = AnyPoolOptions::new().max_connections(most).acquire_timeout(ACQUIRE);
        let pool = match self {
            Self::Sqlite(_) => pool
                .test_before_acquire(false)
                .idle_timeout(None)
                .max_lifetime(None)
                .after_connect(|connection, _| prepared(connection, SQLITE)),
            Self::Postgres => pool
                .after_connect(|connection, _| prepared(connection, POSTGRES))
                .after_release(|connection, _| answers(connection)),
        };
        Ok(pool.connect_lazy_with(options.disable_statement_logging()))
    }
}

fn prepared<'c>(connection: &'c mut AnyConnection, text: &'static str) -> BoxFuture<'c, Result<(), Error>> {
    Box::pin(async move { sqlx::raw_sql(text).execute(connection).await.map(|_| ()) })
}

/// Whether a connection that comes back has nothing outstanding. One whose network is dead would hold its place in
/// the pool until the system gives it up, a quarter of an hour later: it is closed instead.
fn answers(connection: &mut AnyConnection) -> BoxFuture<'_, Result<bool, Error>> {
    Box::pin(async move {
        Ok(tokio::time::timeout(ACQUIRE, connection.ping()).await.is_ok_and(|pong| pong.is_ok()))
    })
}

/// Makes an empty file that only its owner may read: the store holds secrets. SQLite gives the files beside it
/// the same mode.
pub(super) fn make(path: &Path, new: bool) -> std::io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .create_new(new)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
}

/// The address of an SQLite file.
pub(super) fn address(path: &Path) -> std::io::Result<String> {
    let path = std::path::absolute(path)?;
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    let path: String = bytes
        .map(|byte| match char::from(*byte) {
            plain if plain.is_ascii_alphanumeric() || "/-_.".contains(plain) => plain.to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    Ok(format!("sqlite://{path}?mode=rwc"))
}
