//! How an SQLite database file is created, addressed, configured and copied. A file that cannot be created is an error.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sqlx::{AnyConnection, Connection, Error};

const PRAGMAS: &str = "PRAGMA busy_timeout = 4000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864";

/// Configures a new connection.
pub(super) async fn prepare(connection: &mut AnyConnection) -> Result<(), Error> {
    sqlx::raw_sql(PRAGMAS).execute(connection).await.map(|_| ())
}

/// Whether a connection that was used before can begin a transaction. On errors such as a full disk, SQLite itself rolls back;
/// sqlx then fails to do so and counts the transaction as open for ever.
pub(super) fn is_usable(connection: &AnyConnection) -> bool {
    !connection.is_in_transaction()
}

/// Creates an empty file that only its owner can read, since the store holds secrets. SQLite gives the files next to
/// it the same mode. With `new`, an existing file is an error.
pub(super) fn create_file(path: &Path, new: bool) -> std::io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .create_new(new)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
}

/// The URL of a database file.
pub(super) fn url(path: &Path) -> std::io::Result<String> {
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

/// Copies the whole SQLite database as of now to a new file, and syncs the file to disk.
pub(super) async fn copy(connection: &mut AnyConnection, to: &Path) -> Result<(), Error> {
    let name = to.to_str().ok_or_else(|| Error::InvalidArgument("the path is not UTF-8".into()))?;
    create_file(to, true).map_err(|error| Error::InvalidArgument(format!("{name}: {error}")))?;
    sqlx::query("VACUUM INTO $1").bind(name).execute(connection).await?;
    tokio::task::spawn_blocking({
        let to = to.to_owned();
        move || File::open(to)?.sync_all()
    })
    .await
    .map_err(|_| Error::WorkerCrashed)??;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::clock::StoreClock;
    use super::super::dialect::Dialect;
    use super::*;

    #[tokio::test]
    async fn a_transaction_that_a_full_disk_ends_is_followed_by_others() {
        sqlx::any::install_default_drivers();
        let folder = tempfile::tempdir().unwrap();
        let dialect = Dialect::Sqlite(StoreClock::system());
        let pool = dialect.pool(&url(&folder.path().join("full.db")).unwrap(), 1).unwrap();
        sqlx::raw_sql("CREATE TABLE t (x TEXT)").execute(&pool).await.unwrap();
        for _ in 0..3 {
            let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
            sqlx::raw_sql("PRAGMA max_page_count = 2").execute(&mut *transaction).await.unwrap();
            let insert = sqlx::query("INSERT INTO t VALUES ($1)").bind("x".repeat(100_000));
            insert.execute(&mut *transaction).await.unwrap_err();
        }
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
        sqlx::query("INSERT INTO t VALUES ('x')").execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
    }
}
