//! Writes spools: bytes go to a buffer in memory, which turns into a file when it grows too long.
//!
//! All file access runs on the runtime's blocking threads. Each piece of work owns everything it needs, including its
//! shares of the allowance, so if the caller goes away, everything is freed as soon as the work ends.

use std::fs::File;
use std::io::{self, Write};
use std::mem;

use bytes::Bytes;

use super::allowance::AllowanceShare;
use super::contents::{Spool, blocking};
use super::room::SpoolRoom;

/// Size of the buffer in front of the file.
const FILE_BUFFER: usize = 256 << 10;

impl SpoolRoom {
    /// An empty spool to write to.
    #[must_use]
    pub fn writer(&self) -> SpoolWriter {
        let state = State::Memory(Buffer { bytes: Vec::new(), share: self.memory_share() });
        SpoolWriter { room: self.clone(), len: 0, state }
    }
}

impl Spool {
    /// Spools bytes that are complete. They stay in memory if they are short and the allowance has room. Otherwise they
    /// are written to a file, which blocks the thread.
    pub fn from_bytes(room: &SpoolRoom, mut bytes: Vec<u8>) -> io::Result<Self> {
        bytes.shrink_to_fit();
        let mut share = room.memory_share();
        if bytes.len() <= room.memory_each() && share.resize(bytes.capacity() as u64) {
            return Ok(Self::in_memory(bytes, share));
        }
        write_file(room, &bytes)
    }

    /// Spools complete bytes that are needed only briefly, such as a response that is being sent. They stay in memory,
    /// whatever their length, if the shared allowance has room. Otherwise they are written to a file. Does not block
    /// the calling thread.
    pub async fn keep(room: &SpoolRoom, bytes: Vec<u8>) -> io::Result<Self> {
        let mut share = room.memory_share();
        if share.resize(bytes.capacity() as u64) {
            return Ok(Self::in_memory(bytes, share));
        }
        let room = room.clone();
        blocking(move || write_file(&room, &bytes)).await
    }
}

/// Writes complete bytes to a file, on this thread.
fn write_file(room: &SpoolRoom, bytes: &[u8]) -> io::Result<Spool> {
    let nothing = Buffer { bytes: Vec::new(), share: room.memory_share() };
    FileWriter::create(room, nothing)?.write(bytes)?.finish()
}

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
    File(FileWriter),
    /// A write failed, or its future was dropped before it ended. The contents of the file are unknown.
    Broken,
}

impl SpoolWriter {
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

    /// Appends a chunk. After an error, or if the future is dropped before it ends, every further call fails.
    pub async fn write(&mut self, chunk: Bytes) -> io::Result<()> {
        let added = chunk.len() as u64;
        self.state = match mem::replace(&mut self.state, State::Broken) {
            State::Memory(mut buffer) => {
                if buffer.append(&chunk, self.room.memory_each()) {
                    State::Memory(buffer)
                } else {
                    let room = self.room.clone();
                    blocking(move || FileWriter::create(&room, buffer)?.write(&chunk))
                        .await
                        .map(State::File)?
                }
            }
            State::File(mut file) => {
                if file.append_to_buffer(&chunk) {
                    State::File(file)
                } else {
                    blocking(move || file.write(&chunk)).await.map(State::File)?
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
            State::Memory(Buffer { mut bytes, mut share }) => {
                bytes.shrink_to_fit();
                share.resize(bytes.capacity() as u64);
                Ok(Spool::in_memory(bytes, share))
            }
            State::File(file) => blocking(move || file.finish()).await,
            State::Broken => Err(broken()),
        }
    }
}

fn broken() -> io::Error {
    io::Error::other("an earlier write to this spool failed or was abandoned")
}

/// Bytes in memory, and the share of the allowance that covers their capacity.
#[derive(Debug)]
struct Buffer {
    bytes: Vec<u8>,
    share: AllowanceShare,
}

impl Buffer {
    /// Appends the chunk if the total stays within `limit` bytes and the allowance has room for it.
    fn append(&mut self, chunk: &[u8], limit: usize) -> bool {
        let needed = self.bytes.len() + chunk.len();
        let fits = needed <= limit
            && (self.grow(needed.max(2 * self.bytes.capacity()).min(limit)) || self.grow(needed));
        if fits {
            self.bytes.extend_from_slice(chunk);
        }
        fits
    }

    /// Grows the buffer to at least `capacity`, if the allowance has room.
    fn grow(&mut self, capacity: usize) -> bool {
        if capacity <= self.bytes.capacity() {
            return true;
        }
        let granted = self.share.resize(capacity as u64);
        if granted {
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        granted
    }
}

/// A file that is being written, with the buffer in front of it and its share of the disk allowance.
#[derive(Debug)]
struct FileWriter {
    file: File,
    disk: AllowanceShare,
    buffer: Buffer,
}

impl FileWriter {
    /// Moves the bytes of a buffer to a new file. The buffer then serves in front of the file, as large as the
    /// allowance permits. Without any room for a buffer, every chunk goes straight to the file.
    fn create(room: &SpoolRoom, buffer: Buffer) -> io::Result<Self> {
        let mut writer = Self { file: room.create_file()?, disk: room.disk_share(), buffer };
        writer.flush()?;
        writer.buffer.bytes.shrink_to(FILE_BUFFER);
        writer.buffer.share.resize(writer.buffer.bytes.capacity() as u64);
        writer.buffer.grow(FILE_BUFFER.min(room.memory_each()));
        Ok(writer)
    }

    /// Appends the chunk to the buffer if it fits without writing to the file.
    fn append_to_buffer(&mut self, chunk: &[u8]) -> bool {
        let fits = chunk.len() <= self.buffer.bytes.capacity() - self.buffer.bytes.len();
        if fits {
            self.buffer.bytes.extend_from_slice(chunk);
        }
        fits
    }

    /// Fills the buffer, writes it to the file, and buffers or writes the rest of the chunk.
    fn write(mut self, chunk: &[u8]) -> io::Result<Self> {
        let space = self.buffer.bytes.capacity() - self.buffer.bytes.len();
        let (head, tail) = chunk.split_at(space.min(chunk.len()));
        self.buffer.bytes.extend_from_slice(head);
        if !tail.is_empty() {
            self.flush()?;
            if !self.append_to_buffer(tail) {
                self.write_to_file(tail)?;
            }
        }
        Ok(self)
    }

    fn flush(&mut self) -> io::Result<()> {
        let bytes = mem::take(&mut self.buffer.bytes);
        self.write_to_file(&bytes)?;
        self.buffer.bytes = bytes;
        self.buffer.bytes.clear();
        Ok(())
    }

    fn write_to_file(&mut self, bytes: &[u8]) -> io::Result<()> {
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
