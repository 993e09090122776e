//! The service's database seen from beside it: what the rows say, and locks that get in the service's way. On
//! connections of its own, which no proxy touches.

use std::path::Path;
use std::sync::Mutex;

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};
use tokio::runtime::{Builder, Runtime};

/// A connection that looks.
pub struct Database {
    url: String,
    runtime: Runtime,
    connection: Mutex<AnyConnection>,
}

impl Database {
    /// The SQLite file in this data directory, which the service has made.
    pub fn in_directory(data: &Path) -> Self {
        Self::at(&format!("sqlite://{}?mode=rw", data.join("huemill.db").display()))
    }

    /// The database at this URL.
    pub fn at(url: &str) -> Self {
        sqlx::any::install_default_drivers();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let connection = runtime.block_on(AnyConnection::connect(url)).unwrap();
        Self { url: url.to_owned(), runtime, connection: Mutex::new(connection) }
    }

    /// The one number that a query gives.
    pub fn count(&self, query: &str) -> i64 {
        let mut connection = self.connection.lock().unwrap();
        let row = sqlx::query(AssertSqlSafe(query.to_owned())).fetch_one(&mut *connection);
        self.runtime.block_on(row).unwrap_or_else(|error| panic!("{query}: {error}")).get(0)
    }

    /// The texts in the first column of a query's rows.
    pub fn texts(&self, query: &str) -> Vec<String> {
        let mut connection = self.connection.lock().unwrap();
        let rows = sqlx::query(AssertSqlSafe(query.to_owned())).fetch_all(&mut *connection);
        let rows = self.runtime.block_on(rows).unwrap_or_else(|error| panic!("{query}: {error}"));
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Runs a statement.
    pub fn execute(&self, statement: &str) {
        let mut connection = self.connection.lock().unwrap();
        let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *connection);
        self.runtime.block_on(done).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// Begins a transaction with these statements and leaves it open until the value is dropped. Whoever is in the
    /// way is waited for.
    pub fn hold(&self, statements: &str) -> Hold {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let mut connection = runtime.block_on(AnyConnection::connect(&self.url)).unwrap();
        while let Err(error) =
            runtime.block_on(sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection))
        {
            let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
            // SQLITE_BUSY: a writer was quicker, again and again.
            assert_eq!(code.as_deref(), Some("5"), "{statements}: {error}");
        }
        Hold { runtime, connection: Some(connection) }
    }
}

/// An open transaction and its locks.
pub struct Hold {
    runtime: Runtime,
    connection: Option<AnyConnection>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // A connection that ends rolls back.
            let _ = self.runtime.block_on(connection.close());
        }
    }
}
