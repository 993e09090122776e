//! Folders of files that never change, taken elsewhere as links, or as copies where links cannot lead. Others remove
//! in them at the same time: what is gone is passed over. Links in them are not followed.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Makes `to` hold every file of `from`, in the same folders; tells how many it did not hold before.
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
            added += u64::from(take(&from, &to)?);
        }
    }
    sync(to)?;
    Ok(added)
}

/// The same for the folders in `from` whose names `wanted` takes, and no more than these.
pub(super) fn mirror_those(from: &Path, to: &Path, wanted: fn(&str) -> bool) -> io::Result<u64> {
    fs::create_dir_all(to)?;
    let mut added = 0;
    for name in names(from)?.into_iter().filter(|name| wanted(name)) {
        added += mirror(&from.join(&name), &to.join(&name))?;
    }
    sync(to)?;
    Ok(added)
}

/// The names in a folder; none where there is no folder.
pub(super) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let Some(entries) = present(fs::read_dir(folder))? else { return Ok(Vec::new()) };
    let name = |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name().into_string().ok());
    entries.filter_map(|entry| name(entry).transpose()).collect()
}

/// Whether anything but folders is in a folder or below it. What cannot be read may be that.
pub(super) fn holds_a_file(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return true };
    entries.into_iter().any(|entry| match entry {
        Ok(entry) if entry.file_type().is_ok_and(|kind| kind.is_dir()) => holds_a_file(&entry.path()),
        _ => true,
    })
}

/// One file. Whether it was there to be taken.
fn take(from: &Path, to: &Path) -> io::Result<bool> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        // Another disk, another owner, too many links, no links at all.
        Err(_) => copy(from, to),
    }
}

/// The bytes of one file, on the disk when it returns.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<bool> {
    let Some(mut source) = present(File::open(from))? else { return Ok(false) };
    let mut target = File::create_new(to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()?;
    Ok(true)
}

/// Puts a folder's entries on the disk.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn present<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_pass_adds_what_came_and_keeps_what_went() {
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
    fn folders_that_are_not_wanted_stay_where_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        for name in ["ab/jobs", "jobs/1", "staging"] {
            fs::create_dir_all(from.join(name)).unwrap();
            fs::write(from.join(name).join("file"), "").unwrap();
        }
        assert_eq!(mirror_those(&from, &to, |name| name != "staging").unwrap(), 2);
        let mut found = names(&to).unwrap();
        found.sort();
        assert_eq!(found, ["ab", "jobs"]);
        assert_eq!(mirror_those(&folder.path().join("nowhere"), &to, |_| true).unwrap(), 0);
    }

    #[test]
    fn a_folder_of_empty_folders_holds_no_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("ab/jobs")).unwrap();
        assert!(!holds_a_file(folder.path()));
        fs::write(folder.path().join("ab/jobs/file"), "").unwrap();
        assert!(holds_a_file(folder.path()));
        assert!(holds_a_file(&folder.path().join("nowhere")));
    }

    #[test]
    fn links_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        fs::create_dir(&from).unwrap();
        std::os::unix::fs::symlink("/etc", from.join("link")).unwrap();
        assert_eq!(mirror(&from, &folder.path().join("to")).unwrap(), 0);
    }

    #[test]
    fn a_copy_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        assert!(copy(&from, &to).is_err());
        assert!(!copy(&folder.path().join("missing"), &folder.path().join("c")).unwrap());
        assert_eq!(fs::read_to_string(to).unwrap(), "old");
    }
}
