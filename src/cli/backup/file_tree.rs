//! Mirrors folders of files that never change: with hard links, or with copies if hard links are not possible.
//!
//! The service may remove files at the same time, so a missing file is not an error. Symbolic links are not followed.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Mirrors every file of `from` into `to`, in the same folders. Returns the number of files that were added.
pub(super) fn mirror(from: &Path, to: &Path) -> io::Result<u64> {
    let Some(entries) = present(fs::read_dir(from))? else { return Ok(0) };
    fs::create_dir_all(to)?;
    let mut added = 0;
    for entry in entries {
        let Some(entry) = present(entry)? else { continue };
        let Some(kind) = present(entry.file_type())? else { continue };
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if kind.is_dir() {
            added += mirror(&from, &to)?;
        } else if kind.is_file() && !to.exists() {
            added += u64::from(link_or_copy(&from, &to)?);
        }
    }
    sync(to)?;
    Ok(added)
}

/// Mirrors only the folders in `from` whose names match `wanted`.
pub(super) fn mirror_matching(from: &Path, to: &Path, wanted: fn(&str) -> bool) -> io::Result<u64> {
    fs::create_dir_all(to)?;
    let mut added = 0;
    for name in names(from)?.into_iter().filter(|name| wanted(name)) {
        added += mirror(&from.join(&name), &to.join(&name))?;
    }
    sync(to)?;
    Ok(added)
}

/// The names in a folder. A missing folder has none.
pub(super) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let Some(entries) = present(fs::read_dir(folder))? else { return Ok(Vec::new()) };
    let name = |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name().into_string().ok());
    entries.filter_map(|entry| name(entry).transpose()).collect()
}

/// Whether a folder contains anything but folders, at any depth. Folders that cannot be read count as containing a
/// file.
pub(super) fn contains_a_file(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return true };
    entries.into_iter().any(|entry| match entry {
        Ok(entry) if entry.file_type().is_ok_and(|kind| kind.is_dir()) => contains_a_file(&entry.path()),
        _ => true,
    })
}

/// Links or copies one file. Returns whether it was still there.
fn link_or_copy(from: &Path, to: &Path) -> io::Result<bool> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        // The target may be on another disk, the file may belong to another user, or links may be exhausted or
        // unsupported.
        Err(_) => copy(from, to),
    }
}

/// Copies one file and syncs it to disk. Returns whether it was still there.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<bool> {
    let Some(mut source) = present(File::open(from))? else { return Ok(false) };
    let mut target = File::create_new(to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()?;
    Ok(true)
}

/// Syncs the entries of a folder to disk.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Turns "not found" into `None`.
fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_pass_adds_new_files_and_keeps_removed_ones() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("a/in")).unwrap();
        fs::write(from.join("a/in/0"), "first").unwrap();
        assert_eq!(mirror(&from, &to).unwrap(), 1);
        fs::remove_dir_all(from.join("a")).unwrap();
        fs::create_dir_all(from.join("b/out")).unwrap();
        fs::write(from.join("b/out/0.png"), "second").unwrap();
        assert_eq!(mirror(&from, &to).unwrap(), 1);
        assert_eq!(fs::read_to_string(to.join("a/in/0")).unwrap(), "first");
        assert_eq!(fs::read_to_string(to.join("b/out/0.png")).unwrap(), "second");
        assert_eq!(mirror(&folder.path().join("nowhere"), &to).unwrap(), 0);
    }

    #[test]
    fn only_matching_folders_are_mirrored() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        for name in ["ab/jobs", "jobs/1", "staging"] {
            fs::create_dir_all(from.join(name)).unwrap();
            fs::write(from.join(name).join("file"), "").unwrap();
        }
        assert_eq!(mirror_matching(&from, &to, |name| name != "staging").unwrap(), 2);
        let mut found = names(&to).unwrap();
        found.sort();
        assert_eq!(found, ["ab", "jobs"]);
        assert_eq!(mirror_matching(&folder.path().join("nowhere"), &to, |_| true).unwrap(), 0);
    }

    #[test]
    fn a_folder_of_empty_folders_contains_no_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("ab/jobs")).unwrap();
        assert!(!contains_a_file(folder.path()));
        fs::write(folder.path().join("ab/jobs/file"), "").unwrap();
        assert!(contains_a_file(folder.path()));
        assert!(contains_a_file(&folder.path().join("nowhere")));
    }

    #[test]
    fn symbolic_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        fs::create_dir(&from).unwrap();
        std::os::unix::fs::symlink("/etc", from.join("link")).unwrap();
        assert_eq!(mirror(&from, &folder.path().join("to")).unwrap(), 0);
    }

    #[test]
    fn a_copy_does_not_overwrite_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        assert!(copy(&from, &to).is_err());
        assert!(!copy(&folder.path().join("missing"), &folder.path().join("c")).unwrap());
        assert_eq!(fs::read_to_string(to).unwrap(), "old");
    }
}
