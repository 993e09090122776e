//! Files that the service may not read or remove, though it owns them. Root may read and remove any file, so a service
//! that runs as root is started without the capabilities to override permissions.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The program, with its arguments, that must start a service so that permissions apply to it.
pub fn bound_by_permissions() -> Vec<&'static str> {
    // A process that can read a file of mode 0 must give up the capability; another process needs no such help.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::set_permissions(file.path(), Permissions::from_mode(0o000)).unwrap();
    match std::fs::read(file.path()) {
        Ok(_) => vec!["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"],
        Err(_) => vec!["env"],
    }
}

/// A file or folder whose mode is changed until this value is dropped.
pub struct ChangedMode {
    path: PathBuf,
    before: Permissions,
}

impl ChangedMode {
    /// Makes a file unreadable for everyone. Returns `None` where the file is gone.
    pub fn unreadable(file: &Path) -> Option<Self> {
        Self::set(file, 0o000)
    }

    /// Makes a folder refuse to add and to remove files. Returns `None` where the folder is gone.
    pub fn read_only(folder: &Path) -> Option<Self> {
        Self::set(folder, 0o555)
    }

    fn set(path: &Path, mode: u32) -> Option<Self> {
        let before = std::fs::metadata(path).ok()?.permissions();
        std::fs::set_permissions(path, Permissions::from_mode(mode)).ok()?;
        Some(Self { path: path.to_owned(), before })
    }
}

impl Drop for ChangedMode {
    fn drop(&mut self) {
        let _ = std::fs::set_permissions(&self.path, self.before.clone());
    }
}
