//! One entry's bytes: its extent read, inflated under a cap, counted as they come, and checked.
//!
//! The declared size is never more than a promise to check. Memory grows with what really comes, up to the
//! smaller of promise and cap, and not beyond.

use std::ops::Range;

use super::EntryError;
use super::entry::{Entry, Method};
use super::unpack::{CUT_OFF, ENDS_EARLY, Inflate, SizeCheck};
use crate::spool::Spool;

/// Compressed bytes read at a time.
const WINDOW: usize = 64 << 10;

/// All bytes of an entry, at most `cap`, with size and CRC-32 checked. Blocks.
pub fn extract(source: &Spool, entry: &Entry, cap: u64) -> Result<Vec<u8>, EntryError> {
    let mut tally = SizeCheck::new(entry, cap)?;
    let size = usize::try_from(entry.size).map_err(|_| EntryError::TooLarge { limit: cap })?;
    let mut data = Data::new(source, entry)?;
    let bytes = data.read(size)?;
    tally.add(&bytes)?;
    if bytes.len() == size {
        // A byte more is one too many.
        tally.add(&data.read(1)?)?;
    }
    tally.finish()?;
    Ok(bytes)
}

/// The first `most` bytes of an entry, or fewer if it ends before; nothing is checked. Blocks.
pub fn peek(source: &Spool, entry: &Entry, most: usize) -> Result<Vec<u8>, EntryError> {
    entry.check()?;
    let mut bytes = Data::new(source, entry)?.read(most)?;
    bytes.truncate(most);
    Ok(bytes)
}

/// The data of one entry, being read.
enum Data<'a> {
    Stored(Extent<'a>),
    Deflated(Box<Inflater<'a>>),
}

impl<'a> Data<'a> {
    fn new(source: &'a Spool, entry: &Entry) -> Result<Self, EntryError> {
        let extent = Extent { source, offset: entry.offset, left: entry.compressed_size };
        match entry.method {
            Method::Stored => Ok(Self::Stored(extent)),
            Method::Deflate => Ok(Self::Deflated(Box::new(Inflater::new(extent)))),
            Method::Other(number) => Err(EntryError::UnsupportedMethod(number)),
        }
    }

    /// Up to `most` bytes (and what the allocator gave beyond); fewer mean the end.
    fn read(&mut self, most: usize) -> Result<Vec<u8>, EntryError> {
        match self {
            Self::Stored(extent) => {
                let mut bytes = vec![0; (most as u64).min(extent.left) as usize];
                extent.read(&mut bytes)?;
                Ok(bytes)
            }
            Self::Deflated(inflater) => inflater.read(most),
        }
    }
}

/// Where the data lie in the archive, and how much of them is left.
struct Extent<'a> {
    source: &'a Spool,
    offset: u64,
    left: u64,
}

impl Extent<'_> {
    /// Reads as much as the buffer and the extent hold.
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

/// A deflate stream on an extent.
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

    fn read(&mut self, most: usize) -> Result<Vec<u8>, EntryError> {
        let mut bytes = Vec::new();
        while bytes.len() < most && !self.stream.has_ended() {
            if bytes.len() == bytes.capacity() {
                let step = bytes.len().max(WINDOW).min(most - bytes.len());
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
        self.unread.start += step.used;
        if step.stuck { Err(ENDS_EARLY) } else { Ok(()) }
    }
}
