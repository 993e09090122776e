//! The schema: brought up to date at start, and never touched when it is newer than this program. A newer schema says
//! itself whether this program may still run on it, so that a release can be taken back.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyConnection, Row};

use super::fault;
use crate::store::StoreError;

/// The steps up to this program's schema. A step that was released is never changed.
pub(super) static STEPS: Migrator = sqlx::migrate!("./migrations");

/// Those that PostgreSQL has beside them.
static POSTGRES: Migrator = sqlx::migrate!("./migrations/postgres");

/// The steps for PostgreSQL.
pub(super) fn postgres() -> Migrator {
    Migrator::with_migrations(STEPS.iter().chain(POSTGRES.iter()).cloned().collect())
}

/// Applies the steps that are missing, each in a transaction. None where the schema is newer and admits this program.
pub(super) async fn migrate(connection: &mut AnyConnection, steps: &Migrator) -> Result<(), StoreError> {
    let newest = steps.iter().map(|step| step.version).max().unwrap_or_default();
    let Err(error) = steps.run_direct(None, connection, false).await else { return Ok(()) };
    Err(match &error {
        MigrateError::VersionMissing(version) if *version > newest => {
            if oldest(connection).await.is_some_and(|oldest| oldest <= newest) {
                return Ok(());
            }
            StoreError::Newer(format!("its schema is version {version}, this program knows {newest}"))
        }
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => {
            match fault::store_error(cause) {
                StoreError::Away(text) => StoreError::Away(text),
                _ => StoreError::Broken(error.to_string()),
            }
        }
        _ => StoreError::Broken(error.to_string()),
    })
}

/// The oldest program that may start on this schema, if it says so.
async fn oldest(connection: &mut AnyConnection) -> Option<i64> {
    let row = sqlx::query("SELECT MAX(oldest) AS oldest FROM compatibility").fetch_one(connection).await;
    row.ok()?.try_get("oldest").ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use sqlx::migrate::{Migration, MigrationType};
    use sqlx::{Connection, SqlSafeStr};

    use super::*;

    fn step(version: i64, text: &'static str) -> Migration {
        Migration::new(version, "step".into(), MigrationType::Simple, text.into_sql_str(), false)
    }

    #[tokio::test]
    async fn an_older_schema_is_brought_up_to_date_and_a_newer_one_refused() {
        sqlx::any::install_default_drivers();
        let folder = tempfile::tempdir().unwrap();
        let url = super::super::dialect::address(&folder.path().join("a b?.db")).unwrap();
        let mut connection = AnyConnection::connect(&url).await.unwrap();
        let first = || step(1, "CREATE TABLE t (x BIGINT); INSERT INTO t VALUES (7)");
        let old = Migrator::with_migrations(vec![first()]);
        let new = Migrator::with_migrations(vec![first(), step(2, "ALTER TABLE t ADD y BIGINT DEFAULT 8")]);

        migrate(&mut connection, &old).await.unwrap();
        migrate(&mut connection, &new).await.unwrap();
        migrate(&mut connection, &new).await.unwrap();
        let row = sqlx::query("SELECT x, y FROM t").fetch_one(&mut connection).await.unwrap();
        assert_eq!((row.get::<i64, _>("x"), row.get::<i64, _>("y")), (7, 8));

        let refused = migrate(&mut connection, &old).await.unwrap_err();
        assert!(matches!(refused, StoreError::Newer(_)), "{refused}");
        // A newer schema that only added something admits the older program, until it takes something away.
        let run = |text: &'static str| sqlx::raw_sql(text.into_sql_str());
        let declared =
            "CREATE TABLE compatibility (oldest BIGINT NOT NULL); INSERT INTO compatibility VALUES (1)";
        run(declared).execute(&mut connection).await.unwrap();
        migrate(&mut connection, &old).await.unwrap();
        run("UPDATE compatibility SET oldest = 2").execute(&mut connection).await.unwrap();
        let refused = migrate(&mut connection, &old).await.unwrap_err();
        assert!(matches!(refused, StoreError::Newer(_)), "{refused}");
        let changed = Migrator::with_migrations(vec![step(1, "CREATE TABLE u (x BIGINT)")]);
        let refused = migrate(&mut connection, &changed).await.unwrap_err();
        assert!(!matches!(refused, StoreError::Away(_)), "{refused}");
    }
}
