//! Temporary bytes. Owns the allowance of memory and disk that all spools of the process share.
//!
//! Whoever receives or makes bytes of unknown length writes them through a [`SpoolWriter`]; the finished
//! [`Spool`] is read at any offset, by any number of holders. A spool stays in memory while it is short and the
//! shared allowance has room, else it lies in a temporary file that never has a name, so a killed process leaves
//! nothing behind (where the file system knows no `O_TMPFILE`, the name lives for the moment between two system
//! calls). When the last holder lets go, memory and disk are free again.
//!
//! Failures are `std::io::Error`; a full disk allowance is `ErrorKind::StorageFull`, as a full disk is.

mod allowance;
mod writer;

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use allowance::{Allowance, AllowanceShare};
use bytes::Bytes;

pub use writer::SpoolWriter;

/// How much room the spools of a process have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolSettings {
    /// Where the unnamed files lie. Created if missing.
    pub dir: PathBuf,
    /// Bytes that one spool may hold in memory.
    pub memory_each: usize,
    /// Bytes that all spools together may hold in memory.
    pub memory_total: u64,
    /// Bytes that all spools together may hold on disk.
    pub disk_total: u64,
}

impl Default for SpoolSettings {
    /// The system's temporary folder, 1 MiB each of 32 MiB of memory, 4 GiB of disk.
    fn default() -> Self {
        Self { dir: std::env::temp_dir(), memory_each: 1 << 20, memory_total: 32 << 20, disk_total: 4 << 30 }
    }
}

/// The shared allowance, and where the files go. Cheap to clone; all clones share.
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
    /// Makes the folder and proves that a file can be made in it, so that a wrong setting shows at start.
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

    /// An empty spool to write to.
    #[must_use]
    pub fn writer(&self) -> SpoolWriter {
        SpoolWriter::new(self.clone())
    }

    /// Bytes of memory that spools hold now.
    #[must_use]
    pub fn memory_used(&self) -> u64 {
        self.inner.memory.used()
    }

    /// Bytes of disk that spools hold now.
    #[must_use]
    pub fn disk_used(&self) -> u64 {
        self.inner.disk.used()
    }

    fn memory_each(&self) -> usize {
        self.inner.memory_each
    }

    fn memory_lease(&self) -> AllowanceShare {
        Allowance::lease(&self.inner.memory)
    }

    fn disk_lease(&self) -> AllowanceShare {
        Allowance::lease(&self.inner.disk)
    }

    fn file(&self) -> io::Result<File> {
        tempfile::tempfile_in(&self.inner.dir)
    }
}

/// Finished temporary bytes. Cheap to clone; freed when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Spool {
    place: Arc<Place>,
}

/// Where the bytes are. The leases are held for their drop alone.
#[derive(Debug)]
enum Place {
    Memory { bytes: Bytes, _lease: AllowanceShare },
    File { file: File, len: u64, _lease: AllowanceShare },
}

impl Spool {
    /// Bytes that are already whole. Taken as they are if the allowance has room, else written to a file, which
    /// blocks the thread.
    pub fn from_bytes(room: &SpoolRoom, mut bytes: Vec<u8>) -> io::Result<Self> {
        bytes.shrink_to_fit();
        let mut lease = room.memory_lease();
        if bytes.len() <= room.memory_each() && lease.resize(bytes.capacity() as u64) {
            return Ok(Self::in_memory(bytes, lease));
        }
        writer::write_out(room, &bytes)
    }

    /// Bytes that are already whole and soon gone, such as an answer on its way: kept as they are while the shared
    /// allowance has room, whatever their length, else moved to a file. Does not block the calling thread.
    pub async fn keep(room: &SpoolRoom, bytes: Vec<u8>) -> io::Result<Self> {
        let mut lease = room.memory_lease();
        if lease.resize(bytes.capacity() as u64) {
            return Ok(Self::in_memory(bytes, lease));
        }
        let room = room.clone();
        writer::blocking(move || writer::write_out(&room, &bytes)).await
    }

    fn in_memory(bytes: Vec<u8>, lease: AllowanceShare) -> Self {
        Self { place: Arc::new(Place::Memory { bytes: bytes.into(), _lease: lease }) }
    }

    fn in_file(file: File, lease: AllowanceShare) -> Self {
        Self { place: Arc::new(Place::File { file, len: lease.amount(), _lease: lease }) }
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match &*self.place {
            Place::Memory { bytes, .. } => bytes.len() as u64,
            Place::File { len, .. } => *len,
        }
    }

    /// Whether there are no bytes at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills the buffer from `offset` on, as far as the bytes go; returns how many were read. Less than asked
    /// for means the end. Blocks while the disk is read.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &*self.place {
            Place::Memory { bytes, .. } => {
                let rest =
                    usize::try_from(offset).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                Ok(count)
            }
            Place::File { file, len, .. } => {
                let wanted = len.saturating_sub(offset).min(buffer.len() as u64) as usize;
                file.read_exact_at(&mut buffer[..wanted], offset)?;
                Ok(wanted)
            }
        }
    }

    /// All bytes, if they are in memory.
    #[must_use]
    pub fn as_slice(&self) -> Option<&[u8]> {
        match &*self.place {
            Place::Memory { bytes, .. } => Some(bytes),
            Place::File { .. } => None,
        }
    }

    /// All bytes: borrowed if they are in memory, else read from disk. The caller answers for the length.
    pub fn bytes(&self) -> io::Result<Cow<'_, [u8]>> {
        match &*self.place {
            Place::Memory { bytes, .. } => Ok(Cow::Borrowed(bytes)),
            Place::File { .. } => self.to_vec().map(Cow::Owned),
        }
    }

    /// A copy of all bytes. The caller answers for the length.
    pub fn to_vec(&self) -> io::Result<Vec<u8>> {
        let mut copy = vec![0; self.len() as usize];
        self.read_at(0, &mut copy)?;
        Ok(copy)
    }

    /// Up to `most` bytes from `offset` on without blocking the calling thread: what a response streams. Empty
    /// at the end.
    pub async fn chunk(&self, offset: u64, most: usize) -> io::Result<Bytes> {
        let length = self.len().saturating_sub(offset).min(most as u64) as usize;
        if let Place::Memory { bytes, .. } = &*self.place {
            let start = bytes.len().min(offset as usize);
            return Ok(bytes.slice(start..start + length));
        }
        let spool = self.clone();
        writer::blocking(move || {
            let mut chunk = vec![0; length];
            spool.read_at(offset, &mut chunk)?;
            Ok(Bytes::from(chunk))
        })
        .await
    }
}
