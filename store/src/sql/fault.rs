//! Which of the database's errors pass with time, which are worth another try at once, and which are ours.

use sqlx::Error;
use sqlx::error::DatabaseError;

use crate::store::StoreError;

/// What a caller is told.
pub(super) fn store_error(error: &Error) -> StoreError {
    let away = match error {
        Error::Io(_)
        | Error::Tls(_)
        // A connection that is cut while it is opened reads as an answer that makes no sense.
        | Error::Protocol(_)
        | Error::PoolTimedOut
        | Error::PoolClosed
        | Error::WorkerCrashed
        | Error::BeginFailed => true,
        Error::Database(error) => error.code().is_some_and(|code| passes(&code)),
        _ => false,
    };
    if away { StoreError::Away(error.to_string()) } else { StoreError::Broken(error.to_string()) }
}

/// Whether the same transaction may well succeed if it is tried again now: PostgreSQL took it for the victim of
/// a deadlock or of serialisation.
pub(super) fn is_worth_another_try(error: &Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    matches!(code.as_deref(), Some("40001" | "40P01"))
}

/// A row that says what no row of ours says.
pub(super) fn corrupt(what: &str) -> Error {
    Error::Decode(format!("the store holds {what}").into())
}

/// PostgreSQL's codes have five characters (SQLSTATE), SQLite's are numbers of at most four digits with the kind
/// in the low byte.
fn passes(code: &str) -> bool {
    if code.len() == 5 {
        // Connection lost, transaction rolled back, out of resources, shutting down or cancelled, system error.
        let classes = ["08", "40", "53", "57", "58"];
        // Lock not available; a server that became read-only.
        return classes.iter().any(|class| code.starts_with(class)) || ["55P03", "25006"].contains(&code);
    }
    // BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN, PROTOCOL.
    code.parse::<u32>().is_ok_and(|code| [5, 6, 7, 8, 10, 13, 14, 15].contains(&(code & 0xff)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_with_time_is_told_apart_from_faults() {
        for code in ["5", "13", "778", "4874", "08006", "53100", "57P01", "57014", "40P01", "55P03"] {
            assert!(passes(code), "{code}");
        }
        for code in ["1", "19", "1555", "2067", "11", "26", "23505", "42P01", "22021", ""] {
            assert!(!passes(code), "{code}");
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_a_matter_of_time() {
        sqlx::any::install_default_drivers();
        let folder = tempfile::tempdir().unwrap();
        let url = super::super::dialect::address(&folder.path().join("full.db")).unwrap();
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
