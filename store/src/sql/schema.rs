//! The schema: brought up to date at start, and never touched when it is newer than this program.

use sqlx::AnyConnection;
use sqlx::migrate::{MigrateError, Migrator};

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

/// Applies the steps that are missing, each in a transaction.
pub(super) async fn migrate(connection: &mut AnyConnection, steps: &Migrator) -> Result<(), StoreError> {
    let newest = steps.iter().map(|step| step.version).max().unwrap_or_default();
    steps.run_direct(None, connection, false).await.map_err(|error| match &error {
        MigrateError::VersionMissing(version) if *version > newest => {
            StoreError::Newer(format!("its schema is version {version}, this program knows {newest}"))
        }
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => match fault::told(cause) {
            StoreError::Away(text) => StoreError::Away(text),
            _ => StoreError::Broken(error.to_string()),
        },
        _ => StoreError::Broken(error.to_string()),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use sqlx::migrate::{Migration, MigrationType};
    use sqlx::{Connection, Row, SqlSafeStr};

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
        let changed = Migrator::with_migrations(vec![step(1, "CREATE TABLE u (x BIGINT)")]);
        let refused = migrate(&mut connection, &changed).await.unwrap_err();
        assert!(!matches!(refused, StoreError::Away(_)), "{refused}");
    }
}
