//! Writes a file completely or not at all, and not through links. `man`, `process`, `submit` and `watch` use it. If writing
//! fails, the file that was there before is unchanged and nothing else is left behind.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Writes a temporary file beside the path and renames it, so that an existing file or link is replaced and never written
/// through. Creates the folder if it does not exist.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().permissions(default_permissions()).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// As [`write`], for a file in or below the folder `root`, whose path has no links. Whoever put a link into that folder or in
/// its place must not choose where files are written: a link that leads out of it is an error.
pub(super) fn write_below(root: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    check_folder(root)?;
    // The folders that are missing will be created, so they are no links.
    let existing = path.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(Path::new("."));
    if !fs::canonicalize(existing)?.starts_with(root) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "a link there leads out of the folder for the results",
        ));
    }
    write(path, bytes)
}

/// Refuses a folder that is missing, or whose path has got a link since it was found to have none.
pub(super) fn check_folder(folder: &Path) -> io::Result<()> {
    if fs::canonicalize(folder)? == folder {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("{} has been replaced by a link", folder.display()),
    ))
}

/// The permissions of a new file before the process's umask is applied.
fn default_permissions() -> fs::Permissions {
    fs::Permissions::from_mode(0o666)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_remains() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/a.txt");
        write(&path, b"old").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn links_are_followed_only_within_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let path = |name: &str| root.join(name);
        fs::create_dir_all(path("out/real")).unwrap();
        fs::create_dir(path("outside")).unwrap();
        for (target, link) in [("outside", "out/away"), ("out/real", "out/near"), ("missing", "out/dangling")]
        {
            std::os::unix::fs::symlink(path(target), path(link)).unwrap();
        }
        let write = |name: &str| write_below(&path("out"), &path(name), b"x");
        write("out/near/new/a.txt").unwrap();
        assert_eq!(fs::read(path("out/real/new/a.txt")).unwrap(), b"x");
        for name in ["out/away/a.txt", "out/away/new/a.txt", "out/dangling/a.txt", "outside/a.txt"] {
            assert!(write(name).is_err(), "{name}");
        }
        fs::rename(path("out"), path("moved")).unwrap();
        std::os::unix::fs::symlink(path("outside"), path("out")).unwrap();
        for name in ["out/a.txt", "out/new/a.txt"] {
            assert!(write(name).is_err(), "{name}: the folder itself is a link now");
        }
        assert_eq!(fs::read_dir(path("outside")).unwrap().count(), 0);
        assert!(!path("missing").exists());
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("taken")).unwrap();
        assert!(write(&folder.path().join("taken"), b"x").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
