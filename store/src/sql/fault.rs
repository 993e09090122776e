//! What happens when the database fails: classifies its errors (which are temporary, which are worth an immediate
//! retry, and which are bugs), and limits the time of every call, so that no caller waits forever.

use std::time::Duration;

use sqlx::Error;
use sqlx::error::DatabaseError;

use crate::store::StoreError;

/// The error for the caller of the store.
pub(super) fn store_error(error: &Error) -> StoreError {
    let away = match error {
        Error::Io(_)
        | Error::Tls(_)
        // A connection that is cut while it opens looks like a protocol error.
        | Error::Protocol(_)
        | Error::PoolTimedOut
        | Error::PoolClosed
        | Error::WorkerCrashed
        | Error::BeginFailed => true,
        Error::Database(error) => error.code().is_some_and(|code| is_temporary(&code)),
        _ => false,
    };
    if away { StoreError::Away(error.to_string()) } else { StoreError::Broken(error.to_string()) }
}

/// Whether the same transaction may succeed if it is retried now: PostgreSQL aborted it to resolve a deadlock or a
/// serialization conflict.
pub(super) fn is_retryable(error: &Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    matches!(code.as_deref(), Some("40001" | "40P01"))
}

/// The error for a row with contents that this program never writes.
pub(super) fn corrupt(what: &str) -> Error {
    Error::Decode(format!("the store holds {what}").into())
}

/// Whether an error code stands for a condition that passes. PostgreSQL's codes have five characters (SQLSTATE).
/// SQLite's are numbers of at most four digits with the kind in the low byte.
fn is_temporary(code: &str) -> bool {
    if code.len() == 5 {
        // Connection lost, transaction rolled back, out of resources, shutting down or canceled, system error.
        let classes = ["08", "40", "53", "57", "58"];
        // Lock not available; the server became read-only.
        return classes.iter().any(|class| code.starts_with(class)) || ["55P03", "25006"].contains(&code);
    }
    // BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN, PROTOCOL.
    code.parse::<u32>().is_ok_and(|code| [5, 6, 7, 8, 10, 13, 14, 15].contains(&(code & 0xff)))
}

/// How long a call waits for a connection from the pool.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(4);

/// How long a caller waits for the whole call.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// The result of a database call, or an error once the call takes too long.
pub(super) async fn within_limit<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, StoreError> {
    limited(async { call.await.map_err(|error| store_error(&error)) }).await
}

/// The same for a call whose errors are translated already. A write that times out may still be committed.
pub(super) async fn limited<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let result = tokio::time::timeout(CALL_TIMEOUT, call).await;
    result.unwrap_or_else(|_| Err(StoreError::Away("the database did not answer in time".into())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn temporary_errors_are_distinguished_from_bugs() {
        for code in ["5", "13", "778", "4874", "08006", "53100", "57P01", "57014", "40P01", "55P03"] {
            assert!(is_temporary(code), "{code}");
        }
        for code in ["1", "19", "1555", "2067", "11", "26", "23505", "42P01", "22021", ""] {
            assert!(!is_temporary(code), "{code}");
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_a_temporary_error() {
        sqlx::any::install_default_drivers();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("full.db").display());
        let pool = sqlx::any::AnyPoolOptions::new().max_connections(1).connect(&url).await.unwrap();
        sqlx::raw_sql("PRAGMA max_page_count = 2; CREATE TABLE t (x TEXT)").execute(&pool).await.unwrap();
        let error = sqlx::query("INSERT INTO t VALUES ($1)")
            .bind("x".repeat(100_000))
            .execute(&pool)
            .await
            .unwrap_err();
        assert!(matches!(store_error(&error), StoreError::Away(_)), "{error}");
    }
}
