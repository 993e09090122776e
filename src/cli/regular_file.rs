//! Opens files that must be regular ones, such as those found in a folder that others may write to. A pipe without a writer
//! would be waited for, and a device may have no end; both are errors. `submit` and `watch` use it, and every search for
//! pictures.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a regular file for reading. Never waits for a writer. What was opened is checked, so it cannot be replaced between.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "this is a pipe or a device, not a regular file",
        ));
    }
    Ok(file)
}

/// Reads a regular file of at most `limit` bytes.
pub(super) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;

    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::*;

    /// Creates a pipe that nobody writes to.
    pub(in crate::cli) fn pipe(path: &Path) {
        mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
    }

    #[test]
    fn only_regular_files_of_limited_size_are_read_and_nothing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        pipe(&path("pipe"));
        fs::write(path("file"), "12345").unwrap();
        std::os::unix::fs::symlink("/dev/zero", path("endless")).unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        let kind = |name: &str| read(&path(name), 4).unwrap_err().kind();
        assert_eq!(read(&path("link"), 5).unwrap(), b"12345");
        assert_eq!(kind("file"), ErrorKind::FileTooLarge);
        assert_eq!((kind("pipe"), kind("endless")), (ErrorKind::InvalidInput, ErrorKind::InvalidInput));
        assert_eq!(kind("."), ErrorKind::IsADirectory);
    }
}
