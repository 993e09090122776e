//! What differs between the two databases: how connections are opened, how rows are locked, whose clock counts.
//! All other statements are the same text for both.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyConnection, AnyPool, ConnectOptions, Error, Row, Transaction};

use super::clock::{Now, StoreClock};
use super::postgres::{self, PostgresSettings, Reader};
use super::schema;
use crate::store::StoreError;

/// How long a caller waits for a connection.
pub(super) const ACQUIRE: Duration = Duration::from_secs(4);

const SQLITE: &str = "PRAGMA busy_timeout = 4000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864";

/// Which database it is.
#[derive(Debug, Clone)]
pub(super) enum Dialect {
    /// One file, one process, our clock.
    Sqlite(StoreClock),
    /// A server, many processes, its clock.
    Postgres(PostgresSettings),
}

impl Dialect {
    /// Behind a `SELECT` of one row that is about to be changed: waits for whoever holds it.
    pub(super) fn lock(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => "FOR UPDATE",
        }
    }

    /// Behind a `SELECT` of the next row that nobody holds.
    pub(super) fn lock_free(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// This moment.
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

    /// A pool of connections, none of them open yet.
    pub(super) fn pool(&self, url: &str, most: u32) -> Result<AnyPool, Error> {
        let pool = AnyPoolOptions::new().max_connections(most).acquire_timeout(ACQUIRE);
        let (url, pool) = match self {
            Self::Sqlite(_) => {
                let pool = pool.test_before_acquire(false).idle_timeout(None).max_lifetime(None);
                (url.to_owned(), pool.after_connect(|connection, _| prepared(connection, SQLITE)))
            }
            Self::Postgres(settings) => (settings.address(url)?, settings.prepare(pool)),
        };
        let options: AnyConnectOptions = url.parse()?;
        Ok(pool.connect_lazy_with(options.disable_statement_logging()))
    }

    /// The transaction of a write that shares it with no other.
    pub(super) async fn begin(&self, pool: &AnyPool) -> Result<Transaction<'static, Any>, Error> {
        match self {
            Self::Sqlite(_) => pool.begin().await,
            Self::Postgres(settings) => settings.begin(pool).await,
        }
    }

    /// What a read runs on.
    pub(super) async fn reader(&self, pool: &AnyPool) -> Result<Reader, Error> {
        match self {
            Self::Sqlite(_) => pool.acquire().await.map(Reader::Connection),
            Self::Postgres(settings) => settings.reader(pool).await,
        }
    }

    /// Brings the schema up to date.
    pub(super) async fn migrate(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => schema::migrate(connection, &schema::STEPS).await,
            Self::Postgres(_) => postgres::migrate(connection).await,
        }
    }
}

fn prepared<'c>(connection: &'c mut AnyConnection, text: &'static str) -> BoxFuture<'c, Result<(), Error>> {
    Box::pin(async move { sqlx::raw_sql(text).execute(connection).await.map(|_| ()) })
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
