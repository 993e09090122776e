//! A wall clock that a test sets, through libfaketime in the service's process. The monotonic clock and the times of
//! files stay right, as they do when an operator or NTP sets the machine's clock.

use std::path::PathBuf;

use super::servers::Tool;
use super::variables;

/// The wall clock of the services that are started with its environment.
pub struct WallClock {
    folder: tempfile::TempDir,
}

impl WallClock {
    /// A clock that shows the right time.
    pub fn start() -> Self {
        let clock = Self { folder: tempfile::tempdir().unwrap() };
        clock.set_offset(0);
        clock
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }

    /// Sets the clock this many seconds ahead, or behind where negative.
    pub fn set_offset(&self, seconds: i64) {
        // The service reads the file at each look at the clock: a rename replaces it at once.
        let next = self.folder.path().join("next");
        std::fs::write(&next, format!("{seconds:+}\n")).unwrap();
        std::fs::rename(next, self.file()).unwrap();
    }

    /// The environment of a service that runs on this clock.
    pub fn environment(&self) -> Vec<(String, String)> {
        variables(&[
            ("LD_PRELOAD", &*Tool::Libfaketime.path().display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", &self.file().display().to_string()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("NO_FAKE_STAT", "1"),
        ])
    }
}
