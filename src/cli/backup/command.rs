//! Shared by `backup` and `restore`: loading the settings, running the work, reporting the result, and the errors.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use huemill_store::blobs::BlobError;
use huemill_store::store::StoreError;
use secrecy::ExposeSecret;

use crate::cli::terminal::{block_on, eprint_line, with_settings};
use crate::settings::Settings;
use crate::storage::{self, DATABASE, StorageError};

/// The folder of the blobs within a backup.
pub(super) const BLOBS: &str = "blobs";

/// Why a backup or a restore failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum BackupError {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} already exists", .0.display())]
    Exists(PathBuf),
    #[error("{} is not a backup: it contains no {DATABASE}", .0.display())]
    NotABackup(PathBuf),
    #[error("{} is not empty: restore a backup into an empty data directory", .0.display())]
    NotEmpty(PathBuf),
    #[error("the store is a PostgreSQL database (DATABASE_URL): use its own tools, such as pg_dump")]
    NotEmbedded,
    #[error(
        "the blobs are in a bucket (BLOB_URL): first copy the blobs of the backup there with the bucket's own tools"
    )]
    Bucket,
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<BlobError> for BackupError {
    fn from(error: BlobError) -> Self {
        Self::Storage(error.into())
    }
}

/// Adds the path to an I/O error.
pub(super) fn with_path(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    |source| BackupError::File { path, source }
}

/// Loads the settings, does the work, and prints the message or the error that it returns.
pub(super) fn run(
    file: Option<&Path>,
    work: impl AsyncFnOnce(&Settings) -> Result<String, BackupError>,
) -> ExitCode {
    with_settings(file, |settings| {
        storage::restrict_umask();
        block_on(async { work(settings).await.map(|message| eprint_line(&message)) })
    })
}

/// Returns an error if the store is PostgreSQL.
pub(super) fn require_embedded_store(settings: &Settings) -> Result<(), BackupError> {
    if settings.store.url.expose_secret().is_empty() { Ok(()) } else { Err(BackupError::NotEmbedded) }
}
