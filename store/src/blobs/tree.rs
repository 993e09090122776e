//! Walks through the folder of the blobs: lists, measures and removes files. Other processes write and remove files at
//! the same time, so a missing file is not an error. Links are not followed. All of it blocks.

use std::ffi::OsString;
use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::SystemTime;

/// The result, or `default` if there is no such file.
pub(super) fn absent_is<T>(result: io::Result<T>, default: T) -> io::Result<T> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(default),
        result => result,
    }
}

fn entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    absent_is(fs::read_dir(folder).and_then(Iterator::collect), Vec::new())
}

fn is_folder(entry: &DirEntry) -> io::Result<bool> {
    absent_is(entry.file_type().map(|kind| kind.is_dir()), false)
}

/// The names in a folder, in no particular order.
pub(super) fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    Ok(entries(folder)?.iter().map(DirEntry::file_name).collect())
}

/// When the newest file in a folder and its subfolders was written. `None` if there are no files.
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

/// Total size in bytes of all files in a folder and its subfolders.
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

/// Removes all files in a folder and its subfolders that can be removed. Returns how many those were, and the first
/// error. Files that are added in the meantime stay.
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

/// Removes a folder if it is empty.
pub(super) fn remove_if_empty(folder: &Path) -> io::Result<()> {
    match absent_is(fs::remove_dir(folder), ()) {
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
        result => result,
    }
}

/// Removes a folder and its subfolders if they contain no files.
pub(super) fn remove_empty(folder: &Path) -> io::Result<()> {
    for entry in entries(folder)? {
        if is_folder(&entry)? {
            remove_empty(&entry.path())?;
        }
    }
    remove_if_empty(folder)
}

/// Removes the files in a folder that were last modified before this time.
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
