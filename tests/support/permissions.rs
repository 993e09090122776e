//! Files that the service may not read or remove, though they are its own. As root it could all the same: then it is
//! started without the capability to pass over permissions.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The program that must be put before a service so that permissions count for it.
pub fn bound_by_permissions() -> Vec<&'static str> {
    // A process that was started as root may read a file of mode 0: one that may not needs no such help.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::set_permissions(file.path(), Permissions::from_mode(0o000)).unwrap();
    match std::fs::read(file.path()) {
        Ok(_) => vec!["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"],
        Err(_) => vec!["env"],
    }
}

/// A file or folder whose mode is another until this is dropped.
pub struct Mode {
    path: PathBuf,
    before: Permissions,
}

impl Mode {
    /// Nobody may read it.
    pub fn unreadable(file: &Path) -> Option<Self> {
        Self::set(file, 0o000)
    }

    /// Nothing in it may be removed, nor added.
    pub fn read_only(folder: &Path) -> Option<Self> {
        Self::set(folder, 0o555)
    }

    /// None where it is gone by now.
    fn set(path: &Path, mode: u32) -> Option<Self> {
        let before = std::fs::metadata(path).ok()?.permissions();
        std::fs::set_permissions(path, Permissions::from_mode(mode)).ok()?;
        Some(Self { path: path.to_owned(), before })
    }
}

impl Drop for Mode {
    fn drop(&mut self) {
        let _ = std::fs::set_permissions(&self.path, self.before.clone());
    }
}
