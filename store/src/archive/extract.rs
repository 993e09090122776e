//! Extracts one entry: reads its data, inflates them up to a limit, and checks size and CRC.
//!
//! The declared size is not trusted. Memory grows with the bytes that are really unpacked, up to the declared size or
//! the limit, whichever is smaller.

use std::ops::Range;

use super::entry::{Entry, EntryError, Method};
use super::unpack::{CUT_OFF, ENDS_EARLY, Inflate, SizeCheck};
use crate::spool::Spool;

/// Compressed bytes read at a time.
const WINDOW: usize = 64 << 10;

/// Extracts all bytes of an entry, up to `limit`, and checks its size and CRC-32. Blocks.
pub fn extract(source: &Spool, entry: &Entry, limit: u64) -> Result<Vec<u8>, EntryError> {
    let mut check = SizeCheck::new(entry, limit)?;
    let size = usize::try_from(entry.size).map_err(|_| EntryError::TooLarge { limit })?;
    let mut data = EntryData::new(source, entry)?;
    let bytes = data.read(size)?;
    check.add(&bytes)?;
    if bytes.len() == size {
        // There must not be another byte.
        check.add(&data.read(1)?)?;
    }
    check.finish()?;
    Ok(bytes)
}

/// Extracts the first `length` bytes of an entry, or fewer if it is shorter. Checks neither size nor CRC. Blocks.
pub fn peek(source: &Spool, entry: &Entry, length: usize) -> Result<Vec<u8>, EntryError> {
    entry.check()?;
    let mut bytes = EntryData::new(source, entry)?.read(length)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Reads the data of one entry.
enum EntryData<'a> {
    Stored(Extent<'a>),
    Deflated(Box<Inflater<'a>>),
}

impl<'a> EntryData<'a> {
    fn new(source: &'a Spool, entry: &Entry) -> Result<Self, EntryError> {
        let extent = Extent { source, offset: entry.offset, left: entry.compressed_size };
        match entry.method {
            Method::Stored => Ok(Self::Stored(extent)),
            Method::Deflate => Ok(Self::Deflated(Box::new(Inflater::new(extent)))),
            Method::Other(number) => Err(EntryError::UnsupportedMethod(number)),
        }
    }

    /// Reads up to `limit` bytes. May return a few more if the allocator gave a larger buffer. Fewer bytes mean the
    /// end.
    fn read(&mut self, limit: usize) -> Result<Vec<u8>, EntryError> {
        match self {
            Self::Stored(extent) => {
                let mut bytes = vec![0; (limit as u64).min(extent.left) as usize];
                extent.read(&mut bytes)?;
                Ok(bytes)
            }
            Self::Deflated(inflater) => inflater.read(limit),
        }
    }
}

/// The part of the archive that contains the data, as far as it is not read yet.
struct Extent<'a> {
    source: &'a Spool,
    offset: u64,
    left: u64,
}

impl Extent<'_> {
    /// Fills the buffer, or reads what is left of the extent if that is less.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, EntryError> {
        let wanted = self.left.min(buffer.len() as u64) as usize;
        let read = self.source.read_at(self.offset, &mut buffer[..wanted]).map_err(EntryError::Io)?;
        if read < wanted {
            return Err(CUT_OFF);
        }
        self.offset += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

/// Inflates the data of an extent.
struct Inflater<'a> {
    extent: Extent<'a>,
    stream: Inflate,
    window: Vec<u8>,
    /// The part of the window that is not inflated yet.
    unread: Range<usize>,
}

impl<'a> Inflater<'a> {
    fn new(extent: Extent<'a>) -> Self {
        let window = vec![0; extent.left.min(WINDOW as u64) as usize];
        Self { extent, stream: Inflate::new(), window, unread: 0..0 }
    }

    fn read(&mut self, limit: usize) -> Result<Vec<u8>, EntryError> {
        let mut bytes = Vec::new();
        while bytes.len() < limit && !self.stream.has_ended() {
            if bytes.len() == bytes.capacity() {
                let step = bytes.len().max(WINDOW).min(limit - bytes.len());
                bytes.reserve_exact(step);
            }
            self.step(&mut bytes)?;
        }
        Ok(bytes)
    }

    /// Inflates into the spare capacity of `bytes`.
    fn step(&mut self, bytes: &mut Vec<u8>) -> Result<(), EntryError> {
        if self.unread.is_empty() {
            self.unread = 0..self.extent.read(&mut self.window)?;
        }
        let step = self.stream.step(&self.window[self.unread.clone()], bytes)?;
        self.unread.start += step.consumed;
        if step.stuck { Err(ENDS_EARLY) } else { Ok(()) }
    }
}
