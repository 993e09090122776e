//! Where a service keeps what must survive: store and blobs, and how a test looks at them from outside.

use std::path::Path;
use std::sync::Arc;

use super::postgres::Cluster;
use super::s3::S3;
use super::soon;

/// A data directory, a database where there is one beside it, a bucket where the blobs are in one.
pub struct Place {
    data: tempfile::TempDir,
    database: Option<String>,
    bucket: Option<(Arc<S3>, String)>,
}

impl Place {
    /// All in the data directory.
    pub fn embedded() -> Self {
        Self { data: tempfile::tempdir().unwrap(), database: None, bucket: None }
    }

    /// The rows in PostgreSQL, the blobs in a folder.
    pub fn scaled_out(cluster: &Cluster) -> Self {
        Self { database: Some(cluster.database()), ..Self::embedded() }
    }

    /// The rows in SQLite, the blobs on an S3 server.
    pub fn in_a_bucket() -> Self {
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

    /// What a service here is told.
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut list = soon();
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

    /// The keys of all blobs: `{xx}/jobs/{id}/in/…`, `{xx}/jobs/{id}/out/…`.
    pub fn blobs(&self) -> Vec<String> {
        match &self.bucket {
            Some((server, bucket)) => server.keys(bucket),
            None => files(&self.folder(), ""),
        }
    }

    fn folder(&self) -> std::path::PathBuf {
        self.data().join("blobs")
    }
}

/// The files below a folder, by their path in it. What goes away meanwhile is not there.
fn files(folder: &Path, prefix: &str) -> Vec<String> {
    let mut list = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        if entry.path().is_dir() {
            list.extend(files(&entry.path(), &format!("{name}/")));
        } else {
            list.push(name);
        }
    }
    list
}
