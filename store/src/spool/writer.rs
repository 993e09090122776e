//! Writing a spool: a buffer in memory that turns into a file when it grows too long.
//!
//! All work on the file is done on the runtime's blocking threads. What such a piece of work needs, its leases
//! included, moves into it: if the caller goes away meanwhile, everything is freed as soon as it ends.

use std::fs::File;
use std::io::{self, Write};
use std::mem;

use bytes::Bytes;

use super::allowance::AllowanceShare;
use super::{Spool, SpoolRoom};

/// Bytes gathered in memory before the file is written to.
const GATHER: usize = 256 << 10;

/// A spool that is being written. Dropping it frees what it holds.
#[derive(Debug)]
pub struct SpoolWriter {
    room: SpoolRoom,
    len: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Memory(Buffer),
    File(Sink),
    /// A write failed or its future was dropped halfway: what the file holds is unknown.
    Broken,
}

impl SpoolWriter {
    pub(super) fn new(room: SpoolRoom) -> Self {
        let state = State::Memory(Buffer { bytes: Vec::new(), lease: room.memory_lease() });
        Self { room, len: 0, state }
    }

    /// Bytes written so far.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing has been written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a chunk. After an error, or if the future is dropped before it ends, the writer is of no more use
    /// and every further call fails.
    pub async fn write(&mut self, chunk: Bytes) -> io::Result<()> {
        let added = chunk.len() as u64;
        self.state = match mem::replace(&mut self.state, State::Broken) {
            State::Memory(mut buffer) => {
                if buffer.append(&chunk, self.room.memory_each()) {
                    State::Memory(buffer)
                } else {
                    let room = self.room.clone();
                    blocking(move || Sink::create(&room, buffer)?.write(&chunk)).await.map(State::File)?
                }
            }
            State::File(mut sink) => {
                if sink.gather(&chunk) {
                    State::File(sink)
                } else {
                    blocking(move || sink.write(&chunk)).await.map(State::File)?
                }
            }
            State::Broken => return Err(broken()),
        };
        self.len += added;
        Ok(())
    }

    /// The finished bytes.
    pub async fn finish(self) -> io::Result<Spool> {
        match self.state {
            State::Memory(Buffer { mut bytes, mut lease }) => {
                bytes.shrink_to_fit();
                lease.resize(bytes.capacity() as u64);
                Ok(Spool::in_memory(bytes, lease))
            }
            State::File(sink) => blocking(move || sink.finish()).await,
            State::Broken => Err(broken()),
        }
    }
}

fn broken() -> io::Error {
    io::Error::other("an earlier write to this spool failed or was abandoned")
}

/// Writes whole bytes to a file, on this thread.
pub(super) fn write_out(room: &SpoolRoom, bytes: &[u8]) -> io::Result<Spool> {
    let nothing = Buffer { bytes: Vec::new(), lease: room.memory_lease() };
    Sink::create(room, nothing)?.write(bytes)?.finish()
}

/// Runs `work` where it may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Bytes in memory, with the lease that pays for their capacity.
#[derive(Debug)]
struct Buffer {
    bytes: Vec<u8>,
    lease: AllowanceShare,
}

impl Buffer {
    /// Appends if the whole stays within `most` bytes and the allowance has room for it.
    fn append(&mut self, chunk: &[u8], most: usize) -> bool {
        let needed = self.bytes.len() + chunk.len();
        let fits = needed <= most
            && (self.grow(needed.max(2 * self.bytes.capacity()).min(most)) || self.grow(needed));
        if fits {
            self.bytes.extend_from_slice(chunk);
        }
        fits
    }

    /// Makes the capacity at least `capacity`, if the allowance has room.
    fn grow(&mut self, capacity: usize) -> bool {
        if capacity <= self.bytes.capacity() {
            return true;
        }
        let granted = self.lease.resize(capacity as u64);
        if granted {
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        granted
    }
}

/// A file being written, with a buffer in front of it and the lease on the disk behind it.
#[derive(Debug)]
struct Sink {
    file: File,
    disk: AllowanceShare,
    buffer: Buffer,
}

impl Sink {
    /// Moves a buffer's bytes into a new file; the buffer goes on as the one that gathers, as far as the
    /// allowance goes. Without any, every chunk is written as it comes.
    fn create(room: &SpoolRoom, buffer: Buffer) -> io::Result<Self> {
        let mut sink = Self { file: room.file()?, disk: room.disk_lease(), buffer };
        sink.flush()?;
        sink.buffer.bytes.shrink_to(GATHER);
        sink.buffer.lease.resize(sink.buffer.bytes.capacity() as u64);
        sink.buffer.grow(GATHER.min(room.memory_each()));
        Ok(sink)
    }

    /// Takes the chunk into the buffer if it fits without touching the file.
    fn gather(&mut self, chunk: &[u8]) -> bool {
        let fits = chunk.len() <= self.buffer.bytes.capacity() - self.buffer.bytes.len();
        if fits {
            self.buffer.bytes.extend_from_slice(chunk);
        }
        fits
    }

    /// Fills the buffer, writes it, and keeps or writes what is left of the chunk.
    fn write(mut self, chunk: &[u8]) -> io::Result<Self> {
        let space = self.buffer.bytes.capacity() - self.buffer.bytes.len();
        let (head, tail) = chunk.split_at(space.min(chunk.len()));
        self.buffer.bytes.extend_from_slice(head);
        if !tail.is_empty() {
            self.flush()?;
            if !self.gather(tail) {
                self.put(tail)?;
            }
        }
        Ok(self)
    }

    fn flush(&mut self) -> io::Result<()> {
        let bytes = mem::take(&mut self.buffer.bytes);
        self.put(&bytes)?;
        self.buffer.bytes = bytes;
        self.buffer.bytes.clear();
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.disk.resize(self.disk.amount() + bytes.len() as u64) {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "the disk allowance of the spools is used up",
            ));
        }
        self.file.write_all(bytes)
    }

    fn finish(mut self) -> io::Result<Spool> {
        self.flush()?;
        Ok(Spool::in_file(self.file, self.disk))
    }
}
