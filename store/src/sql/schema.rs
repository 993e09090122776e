//! Migrates the schema at startup. A schema that is newer than this program is never touched. It declares whether this
//! program may still run on it, so that a release can be rolled back.

use std::sync::LazyLock;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, Row, SqlSafeStr};

use super::fault;
use crate::store::StoreError;

/// Version, name and text of each migration for both databases. A released migration is never changed.
const SHARED: [(i64, &str, &str); 9] = [
    (1, "jobs", include_str!("../../migrations/0001_jobs.sql")),
    (2, "outbox", include_str!("../../migrations/0002_outbox.sql")),
    (3, "fetched", include_str!("../../migrations/0003_fetched.sql")),
    (4, "leases", include_str!("../../migrations/0004_leases.sql")),
    (6, "callers", include_str!("../../migrations/0006_callers.sql")),
    (7, "fair_queue", include_str!("../../migrations/0007_fair_queue.sql")),
    (8, "delivery_turns", include_str!("../../migrations/0008_delivery_turns.sql")),
    (10, "access_keys", include_str!("../../migrations/0010_access_keys.sql")),
    (11, "same_picture", include_str!("../../migrations/0011_same_picture.sql")),
];

/// The additional migrations for PostgreSQL.
const POSTGRES: [(i64, &str, &str); 2] = [
    (5, "storage", include_str!("../../migrations/postgres/0005_storage.sql")),
    (9, "callers_storage", include_str!("../../migrations/postgres/0009_callers_storage.sql")),
];

/// The migrations for SQLite.
pub(super) static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| migrator(&SHARED));

/// The migrations for PostgreSQL.
pub(super) fn postgres() -> Migrator {
    migrator(&[SHARED.as_slice(), &POSTGRES].concat())
}

fn migrator(migrations: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migration = |&(version, name, text): &(i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    let mut migrations: Vec<_> = migrations.iter().map(migration).collect();
    migrations.sort_by_key(|migration| migration.version);
    Migrator::with_migrations(migrations)
}

/// Applies the missing migrations, each in a transaction. Applies none if the schema is newer and supports this
/// program.
pub(super) async fn migrate(connection: &mut AnyConnection, migrations: &Migrator) -> Result<(), StoreError> {
    let newest = migrations.iter().map(|migration| migration.version).max().unwrap_or_default();
    let Err(error) = migrations.run_direct(None, connection, false).await else { return Ok(()) };
    Err(match &error {
        MigrateError::VersionMissing(version) if *version > newest => {
            if oldest_supported(connection).await.is_some_and(|oldest| oldest <= newest) {
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

/// The oldest program that may start on this schema, if the schema declares one.
async fn oldest_supported(connection: &mut AnyConnection) -> Option<i64> {
    let row = sqlx::query("SELECT MAX(oldest) AS oldest FROM compatibility").fetch_one(connection).await;
    row.ok()?.try_get("oldest").ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use sqlx::Connection;

    use super::super::sqlite;
    use super::*;

    fn migration(version: i64, text: &'static str) -> Migration {
        Migration::new(version, "step".into(), MigrationType::Simple, text.into_sql_str(), false)
    }

    #[test]
    fn every_migration_in_the_folder_is_applied() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let files = |folder: std::path::PathBuf| {
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
            let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
            let mut names: Vec<_> = files.map(|file| file.file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let names = |migrations: &[(i64, &str, &str)]| -> Vec<String> {
            migrations.iter().map(|(version, name, _)| format!("{version:04}_{name}.sql")).collect()
        };
        assert_eq!(files(folder.clone()), names(&SHARED));
        assert_eq!(files(folder.join("postgres")), names(&POSTGRES));
    }

    #[tokio::test]
    async fn an_older_schema_is_migrated_and_a_newer_one_is_rejected() {
        sqlx::any::install_default_drivers();
        let folder = tempfile::tempdir().unwrap();
        let url = sqlite::url(&folder.path().join("a b?.db")).unwrap();
        let mut connection = AnyConnection::connect(&url).await.unwrap();
        let first = || migration(1, "CREATE TABLE t (x BIGINT); INSERT INTO t VALUES (7)");
        let old = Migrator::with_migrations(vec![first()]);
        let new =
            Migrator::with_migrations(vec![first(), migration(2, "ALTER TABLE t ADD y BIGINT DEFAULT 8")]);

        migrate(&mut connection, &old).await.unwrap();
        migrate(&mut connection, &new).await.unwrap();
        migrate(&mut connection, &new).await.unwrap();
        let row = sqlx::query("SELECT x, y FROM t").fetch_one(&mut connection).await.unwrap();
        assert_eq!((row.get::<i64, _>("x"), row.get::<i64, _>("y")), (7, 8));

        let error = migrate(&mut connection, &old).await.unwrap_err();
        assert!(matches!(error, StoreError::Newer(_)), "{error}");
        // A newer schema that only adds things supports the older program, until it removes something.
        let run = |text: &'static str| sqlx::raw_sql(text.into_sql_str());
        let declared =
            "CREATE TABLE compatibility (oldest BIGINT NOT NULL); INSERT INTO compatibility VALUES (1)";
        run(declared).execute(&mut connection).await.unwrap();
        migrate(&mut connection, &old).await.unwrap();
        run("UPDATE compatibility SET oldest = 2").execute(&mut connection).await.unwrap();
        let error = migrate(&mut connection, &old).await.unwrap_err();
        assert!(matches!(error, StoreError::Newer(_)), "{error}");
        let changed = Migrator::with_migrations(vec![migration(1, "CREATE TABLE u (x BIGINT)")]);
        let error = migrate(&mut connection, &changed).await.unwrap_err();
        assert!(!matches!(error, StoreError::Away(_)), "{error}");
    }
}
