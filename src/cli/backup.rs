//! `huemill backup` and `huemill restore`: the embedded store and its pictures, as a folder that is whole or not there.
//!
//! A backup is taken while the service runs: first the pictures and cards, then the rows in one consistent copy, then
//! the pictures and cards that came meanwhile. Since a blob is written before the row that names it, each row of the
//! copy finds what it names, unless it was removed in between: that happens to jobs that had ended, of which only
//! those that came and went within the backup's own time are missed by the first pass. Blobs never change, so links
//! to them are as good as copies; where the disk is another one they are copied.

mod restore;
mod tree;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use huemill_store::blobs::{BlobError, Blobs};
use huemill_store::store::{Store, StoreError};
use secrecy::ExposeSecret;

use super::EXIT_CONFIG;
use super::process::complain;
use super::secret::complain_of;
use crate::settings::{Environment, Settings};
use crate::storage::{self, DATABASE, StorageError};

pub(super) use restore::{RestoreArgs, run as restore};

/// Where the blobs lie in a backup.
const BLOBS: &str = "blobs";

/// Where it goes.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The folder to be made. It will hold the service's secrets
    #[arg(value_name = "DIR")]
    to: PathBuf,
}

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
enum BackupError {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    #[error("{} is no backup: it holds no {DATABASE}", .0.display())]
    NoBackup(PathBuf),
    #[error("{} is not empty: a backup is restored into an empty data directory", .0.display())]
    NotEmpty(PathBuf),
    #[error("the store is a server's (DATABASE_URL): use that server's own tools")]
    Server,
    #[error(
        "the blobs are in a bucket (BLOB_URL): bring those of the backup there by the bucket's own tools first"
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

/// Puts a path to an error of the disk.
fn at(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    |source| BackupError::File { path, source }
}

/// Takes a backup.
pub(super) fn run(args: &BackupArgs, file: Option<&Path>) -> ExitCode {
    conclude(file, async |settings: &Settings| back_up(settings, &args.to).await)
}

/// Loads the settings, does the work, tells what came of it.
fn conclude(
    file: Option<&Path>,
    work: impl AsyncFnOnce(&Settings) -> Result<String, BackupError>,
) -> ExitCode {
    let settings = match Settings::load(file, &Environment::of_process()) {
        Ok(settings) => settings,
        Err(problems) => {
            complain_of(&problems);
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    storage::for_owner_alone();
    match actix_web::rt::System::new().block_on(work(&settings)) {
        Ok(told) => {
            complain(&told);
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn back_up(settings: &Settings, to: &Path) -> Result<String, BackupError> {
    refuse_server(settings)?;
    if fs::symlink_metadata(to).is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    storage::must_be_there(settings)?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(at(parent))?;
    // Of a name of its own, and for nobody else: there are secrets in it.
    let staged = tempfile::Builder::new()
        .prefix(".huemill-backup-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(at(parent))?;
    let blobs = storage::blobs_of(settings)?;
    let store = storage::beside(settings).await?;
    let count = copy(&*store, &blobs, staged.path()).await;
    store.close().await;
    let told = match count? {
        Some(count) => format!("the store and {count} pictures and cards are in {}", to.display()),
        None => format!("the store is in {}; the pictures and cards stay in their bucket", to.display()),
    };
    fs::rename(staged.path(), to).map_err(at(to))?;
    // It has another name now: nothing is left to be removed.
    let _ = staged.keep();
    tree::sync(parent).map_err(at(parent))?;
    Ok(told)
}

/// Copies rows and blobs in the order that the head of this file gives. How many blobs, unless they lie elsewhere.
async fn copy(store: &dyn Store, blobs: &Blobs, to: &Path) -> Result<Option<u64>, BackupError> {
    let kept = to.join(BLOBS);
    let pass = || match blobs.local() {
        Some(root) => tree::mirror_those(root, &kept, Blobs::is_kept).map_err(at(&kept)),
        None => Ok(0),
    };
    let before = pass()?;
    store.backup(&to.join(DATABASE)).await?;
    let count = before + pass()?;
    tree::sync(to).map_err(at(to))?;
    Ok(blobs.local().map(|_| count))
}

fn refuse_server(settings: &Settings) -> Result<(), BackupError> {
    if settings.store.url.expose_secret().is_empty() { Ok(()) } else { Err(BackupError::Server) }
}
