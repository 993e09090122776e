//! Where a service keeps what must survive a crash, its rows and its blobs, and how a test looks at them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fast_settings;
use crate::support::files_below;
use crate::support::servers::postgres::Cluster;
use crate::support::servers::s3::S3;

/// A data directory, and the database and the bucket where the rows or the blobs are not in it.
pub struct Storage {
    data: tempfile::TempDir,
    database: Option<String>,
    bucket: Option<(Arc<S3>, String)>,
}

impl Storage {
    /// Rows in SQLite, blobs in a folder.
    pub fn embedded() -> Self {
        Self { data: tempfile::tempdir().unwrap(), database: None, bucket: None }
    }

    /// Rows in PostgreSQL, blobs in a folder.
    pub fn postgres(cluster: &Cluster) -> Self {
        Self { database: Some(cluster.database()), ..Self::embedded() }
    }

    /// Rows in SQLite, blobs in an S3 bucket.
    pub fn bucket() -> Self {
        let server = S3::shared();
        let bucket = server.bucket();
        Self { bucket: Some((server, bucket)), ..Self::embedded() }
    }

    pub fn data(&self) -> &Path {
        self.data.path()
    }

    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// The environment of a service that uses this storage.
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut list = fast_settings();
        if let Some(url) = &self.database {
            list.push(("DATABASE_URL".to_owned(), url.clone()));
            list.push(("BLOB_URL".to_owned(), format!("file://{}", self.folder().display())));
        }
        if let Some((server, bucket)) = &self.bucket {
            list.push(("BLOB_URL".to_owned(), format!("s3://{bucket}")));
            list.extend(server.variables().into_iter().map(|(key, value)| (key.to_owned(), value)));
        }
        list
    }

    /// The keys of all blobs: `{xx}/jobs/{id}/in/…` and `{xx}/jobs/{id}/out/…`.
    pub fn blobs(&self) -> Vec<String> {
        match &self.bucket {
            Some((server, bucket)) => server.keys(bucket),
            None => files_below(&self.folder()),
        }
    }

    fn folder(&self) -> PathBuf {
        self.data().join("blobs")
    }
}
