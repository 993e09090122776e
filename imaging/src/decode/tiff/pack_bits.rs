//! Unpacks `PackBits` (TIFF 6.0, section 9): runs of a byte, and bytes as they are. Data that ends early ends the reader.

use std::io::{self, BufRead, Read};

/// Unpacks the data of another reader.
pub(super) struct PackBits<R> {
    data: R,
    state: State,
}

/// What comes next, and how many bytes of it.
enum State {
    Literals(usize),
    Run(u8, usize),
}

impl<R: BufRead> PackBits<R> {
    pub(super) fn new(data: R) -> Self {
        Self { data, state: State::Literals(0) }
    }

    /// Reads a byte, or `None` at the end.
    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.data.fill_buf()?.first().copied();
        self.data.consume(usize::from(byte.is_some()));
        Ok(byte)
    }

    /// Reads headers until one is followed by something. Returns false at the end of the data.
    fn begin(&mut self) -> io::Result<bool> {
        while matches!(self.state, State::Literals(0) | State::Run(_, 0)) {
            let Some(header) = self.byte()? else { return Ok(false) };
            self.state = match header {
                0..=127 => State::Literals(usize::from(header) + 1),
                128 => State::Literals(0),
                129.. => match self.byte()? {
                    Some(byte) => State::Run(byte, 257 - usize::from(header)),
                    None => return Ok(false),
                },
            };
        }
        Ok(true)
    }
}

impl<R: BufRead> Read for PackBits<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.begin()? {
            return Ok(0);
        }
        match &mut self.state {
            State::Literals(left) => {
                let most = buffer.len().min(*left);
                let length = self.data.read(&mut buffer[..most])?;
                *left -= length;
                Ok(length)
            }
            State::Run(byte, left) => {
                let length = buffer.len().min(*left);
                buffer[..length].fill(*byte);
                *left -= length;
                Ok(length)
            }
        }
    }
}
