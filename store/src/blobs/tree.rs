//! Walks of the folder that blobs lie in. Others write and remove in it at the same time: what is not there any more
//! is no error. Links are not followed. All of it blocks.

use std::ffi::OsString;
use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::SystemTime;

/// The result, or `otherwise` where there is no such file.
pub(super) fn absent_is<T>(result: io::Result<T>, otherwise: T) -> io::Result<T> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(otherwise),
        result => result,
    }
}

fn entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    absent_is(fs::read_dir(folder).and_then(Iterator::collect), Vec::new())
}

fn is_folder(entry: &DirEntry) -> io::Result<bool> {
    absent_is(entry.file_type().map(|kind| kind.is_dir()), false)
}

/// The names in a folder, in no order.
pub(super) fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    Ok(entries(folder)?.iter().map(DirEntry::file_name).collect())
}

/// When the newest file below a folder was written; none without files.
pub(super) fn newest(folder: &Path) -> io::Result<Option<SystemTime>> {
    let mut newest = None;
    for entry in entries(folder)? {
        newest = newest.max(if is_folder(&entry)? {
            self::newest(&entry.path())?
        } else {
            absent_is(entry.metadata().and_then(|meta| meta.modified()).map(Some), None)?
        });
    }
    Ok(newest)
}

/// Bytes of all files below a folder.
pub(super) fn size(folder: &Path) -> io::Result<u64> {
    let mut size = 0;
    for entry in entries(folder)? {
        size += if is_folder(&entry)? {
            self::size(&entry.path())?
        } else {
            absent_is(entry.metadata().map(|meta| meta.len()), 0)?
        };
    }
    Ok(size)
}

/// Removes all files below a folder that can be removed. How many that were, and the first failure. What comes into the
/// folder meanwhile stays.
pub(super) fn remove_files(folder: &Path) -> (u64, io::Result<()>) {
    let entries = match entries(folder) {
        Ok(entries) => entries,
        Err(error) => return (0, Err(error)),
    };
    let (mut removed, mut outcome) = (0, Ok(()));
    for entry in entries {
        let (count, result) = match is_folder(&entry) {
            Ok(true) => remove_files(&entry.path()),
            Ok(false) => match absent_is(fs::remove_file(entry.path()).map(|()| 1), 0) {
                Ok(count) => (count, Ok(())),
                Err(error) => (0, Err(error)),
            },
            Err(error) => (0, Err(error)),
        };
        removed += count;
        outcome = outcome.and(result);
    }
    (removed, outcome)
}

/// Removes a folder unless something is in it.
pub(super) fn remove_if_empty(folder: &Path) -> io::Result<()> {
    match absent_is(fs::remove_dir(folder), ()) {
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
        result => result,
    }
}

/// Removes a folder and those below it, as far as they are empty.
pub(super) fn remove_empty(folder: &Path) -> io::Result<()> {
    for entry in entries(folder)? {
        if is_folder(&entry)? {
            remove_empty(&entry.path())?;
        }
    }
    remove_if_empty(folder)
}

/// Removes the files of a folder that were last written before a moment.
pub(super) fn remove_older(folder: &Path, before: SystemTime) -> io::Result<u64> {
    let mut removed = 0;
    for entry in entries(folder)? {
        let old = |meta: fs::Metadata| Ok(meta.is_file() && meta.modified()? < before);
        if absent_is(entry.metadata().and_then(old), false)? {
            removed += absent_is(fs::remove_file(entry.path()).map(|()| 1), 0)?;
        }
    }
    Ok(removed)
}
