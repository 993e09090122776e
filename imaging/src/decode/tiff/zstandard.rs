//! Reads Zstandard (RFC 8878). The decoder holds a window of the size that the frame asks for before it delivers the
//! first byte, so the window is limited to what a chunk can need.

use std::io::{self, Cursor, Read};

use ruzstd::decoding::StreamingDecoder;

use crate::{Error, work::Meter};

/// The work of a read of the decoder, in blocks. It reads the head and the content of a block one after the other, and a
/// block of 26 bytes can make it build four tables, which takes 4 µs.
const READ_WORK: u64 = 32;

/// Maximum size of a window in bytes. RFC 8878 recommends that decoders support it.
const MAX_WINDOW: u64 = 8 << 20;
/// Minimum size of a window in bytes.
const MIN_WINDOW: u64 = 1 << 10;

/// Bytes at the start of a frame: a magic number, a descriptor, and the size of the window where there is one.
const HEAD: usize = 6;
/// Bit of the descriptor: the window is as large as the content, whose size follows.
const SINGLE_SEGMENT: u8 = 1 << 5;

/// Opens the first frame of the data. `length` is the number of bytes that a chunk takes.
pub(super) fn open<'a>(
    mut data: impl Read + 'a,
    length: u64,
    meter: &'a Meter<'a>,
) -> Result<Box<dyn Read + 'a>, Error> {
    let mut head = [0; HEAD];
    data.read_exact(&mut head).map_err(Error::of_decoder)?;
    let window = window(length);
    if head[4] & SINGLE_SEGMENT == 0 {
        head[5] = reduced(head[5], window);
    }
    let frame = Cursor::new(head).chain(CountedReads { data, meter });
    Ok(Box::new(StreamingDecoder::new_with_max_window_size(frame, window).map_err(Error::of_decoder)?))
}

/// Counts the reads of the decoder as work, and ends the data where that is too much.
struct CountedReads<'a, R> {
    data: R,
    meter: &'a Meter<'a>,
}

impl<R: Read> Read for CountedReads<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.meter.count(READ_WORK) { self.data.read(buffer) } else { Ok(0) }
    }
}

/// The largest window that is needed for a chunk of this size, a power of two.
fn window(length: u64) -> u64 {
    length.next_power_of_two().clamp(MIN_WINDOW, MAX_WINDOW)
}

/// Reduces the window of a descriptor (RFC 8878, 3.1.1.1.2) that is larger than content of `window` bytes. Nothing in such
/// content lies further back.
fn reduced(descriptor: u8, window: u64) -> u8 {
    let largest = ((window.ilog2() - 10) << 3) as u8;
    if window < MAX_WINDOW { descriptor.min(largest) } else { descriptor }
}

/// Maximum memory to decode a chunk of this size.
pub(super) fn memory(length: u64) -> u64 {
    // The decoder's buffer holds the window and a block, and grows by doubling. Beside it, tables and literals.
    4 * window(length) + (3 << 19)
}
