//! How an SQLite database file is created, addressed and configured.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sqlx::{AnyConnection, Error};

const PRAGMAS: &str = "PRAGMA busy_timeout = 4000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864";

/// Configures a new connection.
pub(super) async fn prepare(connection: &mut AnyConnection) -> Result<(), Error> {
    sqlx::raw_sql(PRAGMAS).execute(connection).await.map(|_| ())
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
