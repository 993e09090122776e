//! A wall clock that a test sets, by libfaketime in the service's process. The monotonic clock and the times of files
//! stay true, as they do when an operator or NTP sets the machine's clock.

use std::path::PathBuf;

const MISSING: &str = "these tests need libfaketime: install `faketime` (tests/setup.sh does)";

/// The clock of the services that are started with its environment.
pub struct WallClock {
    folder: tempfile::TempDir,
}

impl WallClock {
    /// A clock that is right.
    pub fn start() -> Self {
        let clock = Self { folder: tempfile::tempdir().unwrap() };
        clock.set_off_by(0);
        clock
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }

    /// From now on it is so many seconds ahead, or behind.
    pub fn set_off_by(&self, seconds: i64) {
        // Renamed into its place: the service reads it at each look at the clock.
        let next = self.folder.path().join("next");
        std::fs::write(&next, format!("{seconds:+}\n")).unwrap();
        std::fs::rename(next, self.file()).unwrap();
    }

    /// What a service has to be started with.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("LD_PRELOAD", library()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec()
    }
}

/// Debian keeps it out of the linker's path.
fn library() -> String {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let mut found = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    found.find(|path| path.exists()).expect(MISSING).display().to_string()
}
