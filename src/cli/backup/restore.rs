//! Brings a backup into an empty data directory, which it holds meanwhile as a service would. The store's file comes
//! last, and what was begun is taken away again where it fails.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use huemill_store::blobs::Blobs;

use super::{BLOBS, BackupError, at, conclude, refuse_server, tree};
use crate::settings::Settings;
use crate::storage::{self, DATABASE, LOCK};

/// How an SQLite file begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What an empty directory may hold: the lock of services that were, and what a file system puts at its root.
const NOTHING: [&str; 2] = [LOCK, "lost+found"];

/// Where it comes from.
#[derive(Debug, Args)]
pub(in crate::cli) struct RestoreArgs {
    /// The folder that `huemill backup` made
    #[arg(value_name = "DIR")]
    from: PathBuf,
}

/// Restores a backup.
pub(in crate::cli) fn run(args: &RestoreArgs, file: Option<&Path>) -> ExitCode {
    conclude(file, async |settings: &Settings| bring_back(settings, &args.from).await)
}

async fn bring_back(settings: &Settings, from: &Path) -> Result<String, BackupError> {
    refuse_server(settings)?;
    if !is_store(&from.join(DATABASE)) {
        return Err(BackupError::NoBackup(from.to_owned()));
    }
    let dir = &settings.data.dir;
    fs::create_dir_all(dir).map_err(at(dir))?;
    let _lock = hold(dir)?;
    let placed = place(settings, from).await;
    if placed.is_err() {
        clear(dir);
    }
    placed
}

/// Takes the directory as a service does, if nothing is in it.
fn hold(dir: &Path) -> Result<File, BackupError> {
    let names = fs::read_dir(dir).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(at(dir))?;
    let is = |name: &str| names.iter().any(|entry| entry.file_name() == name);
    let empty = names.iter().all(|entry| NOTHING.iter().any(|nothing| entry.file_name() == *nothing));
    // Who is in there is told of first; in a directory of others no lock is left.
    let lock = if empty || is(LOCK) { Some(storage::lock(dir)?) } else { None };
    lock.filter(|_| empty).ok_or_else(|| BackupError::NotEmpty(dir.to_owned()))
}

async fn place(settings: &Settings, from: &Path) -> Result<String, BackupError> {
    let kept = from.join(BLOBS);
    let blobs = storage::blobs_of(settings)?;
    let count = match blobs.local() {
        Some(root) => {
            if holds_blobs(root) {
                return Err(BackupError::NotEmpty(root.to_owned()));
            }
            tree::mirror_those(&kept, root, Blobs::is_kept).map_err(at(&kept))?
        }
        None if holds_blobs(&kept) => return Err(BackupError::Bucket),
        None => 0,
    };
    let (dir, staged) = (&settings.data.dir, settings.data.dir.join("huemill.db.partial"));
    tree::copy(&from.join(DATABASE), &staged).map_err(at(&staged))?;
    fs::rename(&staged, dir.join(DATABASE)).map_err(at(dir))?;
    tree::sync(dir).map_err(at(dir))?;
    // Opened once, so that a store of a newer version, or a damaged one, shows here.
    let store = storage::beside(settings).await?;
    let figures = store.figures().await;
    store.close().await;
    let jobs: u64 = figures?.jobs.iter().sum();
    Ok(format!("{jobs} jobs with {count} pictures and cards are in {}", dir.display()))
}

fn is_store(path: &Path) -> bool {
    let mut head = [0; MAGIC.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *MAGIC
}

fn holds_blobs(folder: &Path) -> bool {
    tree::names(folder).map_or(true, |names| {
        names.iter().any(|name| Blobs::is_kept(name) && tree::holds_a_file(&folder.join(name)))
    })
}

/// Takes away what was brought into the directory, which was empty before.
fn clear(dir: &Path) {
    // What cannot be removed is in the way of the next try, which says so.
    let _ = fs::remove_dir_all(dir.join("blobs"));
    for suffix in ["", ".partial", "-wal", "-shm"] {
        let _ = fs::remove_file(dir.join(format!("{DATABASE}{suffix}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_held_if_nothing_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        fs::create_dir(dir.join("lost+found")).unwrap();
        let held = hold(dir).unwrap();
        let error = hold(dir).unwrap_err().to_string();
        assert!(error.contains("in use"), "{error}");
        drop(held);
        hold(dir).unwrap();
        fs::write(dir.join("notes.txt"), "").unwrap();
        assert!(matches!(hold(dir), Err(BackupError::NotEmpty(_))));
    }

    #[test]
    fn no_lock_is_left_in_the_directory_of_others() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("notes.txt"), "").unwrap();
        assert!(matches!(hold(folder.path()), Err(BackupError::NotEmpty(_))));
        assert!(!folder.path().join(LOCK).exists());
    }

    #[test]
    fn a_store_is_told_by_how_it_begins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(DATABASE);
        assert!(!is_store(&path));
        fs::write(&path, "SQLite format 4").unwrap();
        assert!(!is_store(&path));
        fs::write(&path, b"SQLite format 3\0and so on").unwrap();
        assert!(is_store(&path));
    }
}
