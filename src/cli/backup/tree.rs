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
