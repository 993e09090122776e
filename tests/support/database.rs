//! A test's own connection to the service's database, which bypasses all proxies: it queries the rows, and holds locks
//! that block the service.

use std::path::Path;
use std::sync::Mutex;

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};
use tokio::runtime::{Builder, Runtime};

/// A connection to the service's database.
pub struct Database {
    url: String,
    runtime: Runtime,
    connection: Mutex<AnyConnection>,
}

impl Database {
    /// Connects to the SQLite file that a service has created in this data directory.
    pub fn in_directory(data: &Path) -> Self {
        Self::at(&format!("sqlite://{}?mode=rw", data.join("huemill.db").display()))
    }

    /// Connects to the database at this URL.
    pub fn at(url: &str) -> Self {
        sqlx::any::install_default_drivers();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let connection = runtime.block_on(AnyConnection::connect(url)).unwrap();
        Self { url: url.to_owned(), runtime, connection: Mutex::new(connection) }
    }

    /// The number that a query returns.
    pub fn count(&self, query: &str) -> i64 {
        let mut connection = self.connection.lock().unwrap();
        let row = sqlx::query(AssertSqlSafe(query.to_owned())).fetch_one(&mut *connection);
        self.runtime.block_on(row).unwrap_or_else(|error| panic!("{query}: {error}")).get(0)
    }

    /// The first column of the rows that a query returns.
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

    /// Begins a transaction with these statements and keeps it open until the value is dropped. Waits while another
    /// transaction holds the locks.
    pub fn hold(&self, statements: &str) -> OpenTransaction {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let mut connection = runtime.block_on(AnyConnection::connect(&self.url)).unwrap();
        while let Err(error) =
            runtime.block_on(sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection))
        {
            let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
            // SQLITE_BUSY: other writers were quicker.
            assert_eq!(code.as_deref(), Some("5"), "{statements}: {error}");
        }
        OpenTransaction { runtime, connection: Some(connection) }
    }
}

/// An open transaction and its locks.
pub struct OpenTransaction {
    runtime: Runtime,
    connection: Option<AnyConnection>,
}

impl Drop for OpenTransaction {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Closing the connection rolls the transaction back.
            let _ = self.runtime.block_on(connection.close());
        }
    }
}
