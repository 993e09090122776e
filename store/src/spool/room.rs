//! The memory and disk that all spools of a process share, and the folder for their files.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::allowance::{Allowance, AllowanceShare};

/// How much memory and disk the spools of a process may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolSettings {
    /// The folder for the unnamed files. Created if missing.
    pub dir: PathBuf,
    /// Maximum number of bytes that one spool holds in memory.
    pub memory_each: usize,
    /// Maximum number of bytes that all spools together hold in memory.
    pub memory_total: u64,
    /// Maximum number of bytes that all spools together hold on disk.
    pub disk_total: u64,
}

impl Default for SpoolSettings {
    /// The system's temporary folder, 1 MiB of memory per spool and 32 MiB in total, 4 GiB of disk.
    fn default() -> Self {
        Self { dir: std::env::temp_dir(), memory_each: 1 << 20, memory_total: 32 << 20, disk_total: 4 << 30 }
    }
}

/// The allowance that spools share. Cheap to clone; all clones share the same allowance.
#[derive(Debug, Clone)]
pub struct SpoolRoom {
    inner: Arc<RoomInner>,
}

#[derive(Debug)]
struct RoomInner {
    dir: PathBuf,
    memory_each: usize,
    memory: Arc<Allowance>,
    disk: Arc<Allowance>,
}

impl SpoolRoom {
    /// Creates the folder and proves that it can hold a file, so that a wrong setting shows at startup.
    pub fn open(settings: SpoolSettings) -> io::Result<Self> {
        std::fs::create_dir_all(&settings.dir)?;
        tempfile::tempfile_in(&settings.dir)?;
        Ok(Self {
            inner: Arc::new(RoomInner {
                dir: settings.dir,
                memory_each: settings.memory_each,
                memory: Allowance::new(settings.memory_total),
                disk: Allowance::new(settings.disk_total),
            }),
        })
    }

    /// Bytes of memory that spools use now.
    #[must_use]
    pub fn memory_used(&self) -> u64 {
        self.inner.memory.used()
    }

    /// Bytes of disk that spools use now.
    #[must_use]
    pub fn disk_used(&self) -> u64 {
        self.inner.disk.used()
    }

    pub(super) fn memory_each(&self) -> usize {
        self.inner.memory_each
    }

    pub(super) fn memory_share(&self) -> AllowanceShare {
        Allowance::share(&self.inner.memory)
    }

    pub(super) fn disk_share(&self) -> AllowanceShare {
        Allowance::share(&self.inner.disk)
    }

    /// A new file without a name.
    pub(super) fn create_file(&self) -> io::Result<File> {
        tempfile::tempfile_in(&self.inner.dir)
    }
}
