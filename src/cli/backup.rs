//! `huemill backup`: copies the embedded store and its pictures to a new folder while the service runs. It completes as
//! a whole or leaves nothing behind, and so does [`restore`].
//!
//! The order is blobs, rows, blobs. A blob is written before the row that names it, so the second pass over the blobs
//! finds the blobs of all copied rows. The first pass saves the blobs of jobs that end during the backup. Only a job
//! that is created, ends and is removed during the backup can miss its blobs. Blobs never change, so a hard link is as
//! good as a copy; on another disk they are copied.

mod command;
mod file_tree;
pub(super) mod restore;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use huemill_store::blobs::Blobs;
use huemill_store::store::Store;

use crate::settings::Settings;
use crate::storage::{self, DATABASE};
use command::{BLOBS, BackupError, require_embedded_store, with_path};

/// The arguments of `huemill backup`.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// Folder to create for the backup; it will contain the service's secrets
    #[arg(value_name = "DIR")]
    to: PathBuf,
}

/// Takes a backup.
pub(super) fn run(args: &BackupArgs, file: Option<&Path>) -> ExitCode {
    command::run(file, async |settings: &Settings| create(settings, &args.to).await)
}

async fn create(settings: &Settings, to: &Path) -> Result<String, BackupError> {
    require_embedded_store(settings)?;
    if fs::symlink_metadata(to).is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    storage::require_store(settings)?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(with_path(parent))?;
    // Only the owner may read it, because it contains secrets.
    let staged = tempfile::Builder::new()
        .prefix(".huemill-backup-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(with_path(parent))?;
    let blobs = storage::open_blobs(settings)?;
    let store = storage::open_without_lock(settings).await?;
    let count = copy(&*store, &blobs, staged.path()).await;
    store.close().await;
    let message = match count? {
        Some(count) => format!("the store and {count} pictures and cards are in {}", to.display()),
        None => format!("the store is in {}; the pictures and cards stay in their bucket", to.display()),
    };
    fs::rename(staged.path(), to).map_err(with_path(to))?;
    // The folder was renamed, so there is nothing to clean up.
    let _ = staged.keep();
    file_tree::sync(parent).map_err(with_path(parent))?;
    Ok(message)
}

/// Copies rows and blobs. Returns the number of blobs, or nothing if they are in a bucket.
async fn copy(store: &dyn Store, blobs: &Blobs, to: &Path) -> Result<Option<u64>, BackupError> {
    let target = to.join(BLOBS);
    let copy_blobs = || match blobs.local() {
        Some(root) => file_tree::mirror_matching(root, &target, Blobs::is_kept).map_err(with_path(&target)),
        None => Ok(0),
    };
    let first_pass = copy_blobs()?;
    store.backup(&to.join(DATABASE)).await?;
    let count = first_pass + copy_blobs()?;
    file_tree::sync(to).map_err(with_path(to))?;
    Ok(blobs.local().map(|_| count))
}
