//! `huemill restore`: copies a backup into an empty data directory.
//!
//! The command locks the directory as the service does. It copies the store's file last, and removes what it has copied
//! if it fails.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use huemill_store::blobs::Blobs;

use super::command::{self, BLOBS, BackupError, require_embedded_store, with_path};
use super::file_tree;
use crate::settings::Settings;
use crate::storage::{self, DATABASE, LOCK};

/// The first bytes of an SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Names that may be in an empty directory: the lock of an earlier service, and what a file system creates at its root.
const IGNORED: [&str; 2] = [LOCK, "lost+found"];

/// The arguments of `huemill restore`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RestoreArgs {
    /// Folder that `huemill backup` created
    #[arg(value_name = "DIR")]
    from: PathBuf,
}

/// Restores a backup.
pub(in crate::cli) fn run(args: &RestoreArgs, file: Option<&Path>) -> ExitCode {
    command::run(file, async |settings: &Settings| restore(settings, &args.from).await)
}

async fn restore(settings: &Settings, from: &Path) -> Result<String, BackupError> {
    require_embedded_store(settings)?;
    if !is_store(&from.join(DATABASE)) {
        return Err(BackupError::NotABackup(from.to_owned()));
    }
    let dir = &settings.data.dir;
    fs::create_dir_all(dir).map_err(with_path(dir))?;
    let _lock = lock_if_empty(dir)?;
    let restored = copy(settings, from).await;
    if restored.is_err() {
        remove_copied(dir);
    }
    restored
}

/// Locks the directory as the service does, if it is empty.
fn lock_if_empty(dir: &Path) -> Result<File, BackupError> {
    let names = fs::read_dir(dir).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(with_path(dir))?;
    let is = |name: &str| names.iter().any(|entry| entry.file_name() == name);
    let empty = names.iter().all(|entry| IGNORED.iter().any(|ignored| entry.file_name() == *ignored));
    // Report a running service first. Do not leave a lock file in a directory that is not a data directory.
    let lock = if empty || is(LOCK) { Some(storage::lock(dir)?) } else { None };
    lock.filter(|_| empty).ok_or_else(|| BackupError::NotEmpty(dir.to_owned()))
}

async fn copy(settings: &Settings, from: &Path) -> Result<String, BackupError> {
    let source = from.join(BLOBS);
    let blobs = storage::open_blobs(settings)?;
    let count = match blobs.local() {
        Some(root) => {
            if contains_blobs(root) {
                return Err(BackupError::NotEmpty(root.to_owned()));
            }
            file_tree::mirror_matching(&source, root, Blobs::is_kept).map_err(with_path(&source))?
        }
        None if contains_blobs(&source) => return Err(BackupError::Bucket),
        None => 0,
    };
    let (dir, staged) = (&settings.data.dir, settings.data.dir.join("huemill.db.partial"));
    file_tree::copy(&from.join(DATABASE), &staged).map_err(with_path(&staged))?;
    fs::rename(&staged, dir.join(DATABASE)).map_err(with_path(dir))?;
    file_tree::sync(dir).map_err(with_path(dir))?;
    // Opening the store reports a damaged one, or one of a newer version.
    let store = storage::open_without_lock(settings).await?;
    let figures = store.figures().await;
    store.close().await;
    let jobs: u64 = figures?.jobs.iter().sum();
    Ok(format!("{jobs} jobs with {count} pictures and cards are in {}", dir.display()))
}

fn is_store(path: &Path) -> bool {
    let mut head = [0; MAGIC.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *MAGIC
}

fn contains_blobs(folder: &Path) -> bool {
    file_tree::names(folder).map_or(true, |names| {
        names.iter().any(|name| Blobs::is_kept(name) && file_tree::contains_a_file(&folder.join(name)))
    })
}

/// Removes everything that was copied into the directory, which was empty before.
fn remove_copied(dir: &Path) {
    // The next attempt reports what cannot be removed now.
    let _ = fs::remove_dir_all(dir.join("blobs"));
    for suffix in ["", ".partial", "-wal", "-shm"] {
        let _ = fs::remove_file(dir.join(format!("{DATABASE}{suffix}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_locked_only_if_it_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        fs::create_dir(dir.join("lost+found")).unwrap();
        let lock = lock_if_empty(dir).unwrap();
        let error = lock_if_empty(dir).unwrap_err().to_string();
        assert!(error.contains("in use"), "{error}");
        drop(lock);
        lock_if_empty(dir).unwrap();
        fs::write(dir.join("notes.txt"), "").unwrap();
        assert!(matches!(lock_if_empty(dir), Err(BackupError::NotEmpty(_))));
    }

    #[test]
    fn no_lock_file_is_left_in_a_directory_that_is_not_empty() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("notes.txt"), "").unwrap();
        assert!(matches!(lock_if_empty(folder.path()), Err(BackupError::NotEmpty(_))));
        assert!(!folder.path().join(LOCK).exists());
    }

    #[test]
    fn a_store_is_recognized_by_its_first_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(DATABASE);
        assert!(!is_store(&path));
        fs::write(&path, "SQLite format 4").unwrap();
        assert!(!is_store(&path));
        fs::write(&path, b"SQLite format 3\0and so on").unwrap();
        assert!(is_store(&path));
    }
}
