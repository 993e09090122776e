//! Decodes the codings of fax machines: Group 3 (ITU-T T.4), Group 4 (T.6) and the form of Group 3 without end-of-line
//! codes. The crate fax has the codes; the rows are decoded here, because the crate knows neither rows of two dimensions
//! in Group 3 nor rows without an end. A row becomes packed bits, of which 1 is black. Invalid codes are an error.

use std::io::{self, Read};

use fax::{
    BitReader, ByteReader, Color,
    maps::{Mode, black, mode, white},
};

use crate::{Error, probe::tiff::FaxCoding};

/// Zeros behind the data, so that its last bits can be looked up. No code begins with as many.
const PADDING: usize = 4;

/// Length of an end-of-line code in bits.
const END_OF_LINE: u8 = 12;

/// Reads the rows of one chunk.
pub(super) struct FaxRows<R> {
    bits: ByteReader<Bytes<R>>,
    coding: FaxCoding,
    width: u32,
    /// The columns at which the colour changes, in the row above and in this one. A row begins white.
    reference: Vec<u32>,
    changes: Vec<u32>,
    /// The packed row, and how much of it was read.
    row: Vec<u8>,
    consumed: usize,
    /// Whether the data has ended by a code. What follows is white.
    ended: bool,
    rows: u64,
}

/// What a code says about the next row.
enum Start {
    OneDimensional,
    TwoDimensional,
    End,
}

impl<R: Read> FaxRows<R> {
    pub(super) fn new(data: R, coding: FaxCoding, width: u32) -> io::Result<Self> {
        let row = vec![0; width.div_ceil(8) as usize];
        let consumed = row.len();
        let bits = ByteReader::new(Bytes::new(data))?;
        let (reference, changes) = (Vec::new(), Vec::new());
        Ok(Self { bits, coding, width, reference, changes, row, consumed, ended: false, rows: 0 })
    }

    /// Decodes the next row.
    fn advance(&mut self) -> io::Result<()> {
        std::mem::swap(&mut self.reference, &mut self.changes);
        self.changes.clear();
        if !self.ended {
            match self.start()? {
                Start::OneDimensional => self.one_dimensional()?,
                Start::TwoDimensional => self.two_dimensional()?,
                Start::End => self.ended = true,
            }
        }
        if self.ended {
            self.changes.clear();
            if self.rows == 0 {
                return Err(invalid());
            }
        }
        self.rows += 1;
        self.pack();
        Ok(())
    }

    /// Reads what precedes a row.
    fn start(&mut self) -> io::Result<Start> {
        match self.coding {
            FaxCoding::Group4 => Ok(Start::TwoDimensional),
            FaxCoding::Modified => {
                self.bits.consume(self.bits.bits_to_byte_boundary())?;
                Ok(Start::OneDimensional)
            }
            FaxCoding::Group3 { two_dimensional } => {
                let has_end = self.skip_end_of_line()?;
                let is_plain = if two_dimensional { self.tag_bit()? } else { true };
                // Two in a row return to control.
                if has_end && self.is_end_of_line() {
                    return Ok(Start::End);
                }
                Ok(if is_plain { Start::OneDimensional } else { Start::TwoDimensional })
            }
        }
    }

    fn is_end_of_line(&self) -> bool {
        self.bits.peek(END_OF_LINE) == Some(1)
    }

    /// Skips an end-of-line code and the zeros in front of it. Some files lack the first one.
    fn skip_end_of_line(&mut self) -> io::Result<bool> {
        while self.bits.peek(END_OF_LINE) == Some(0) {
            self.bits.consume(1)?;
        }
        let found = self.is_end_of_line();
        if found {
            self.bits.consume(END_OF_LINE)?;
        }
        Ok(found)
    }

    /// Reads the bit that tells that the row is coded in one dimension.
    fn tag_bit(&mut self) -> io::Result<bool> {
        let bit = self.bits.peek(1).ok_or_else(invalid)?;
        self.bits.consume(1)?;
        Ok(bit == 1)
    }

    fn one_dimensional(&mut self) -> io::Result<()> {
        let (mut at, mut color) = (0, Color::White);
        while at < self.width {
            at = self.run(at, color)?;
            self.change(at);
            color = !color;
        }
        Ok(())
    }

    /// Decodes a row by that above it (T.4, 4.2; T.6, 2.2). `at` is a0, `next` b1.
    fn two_dimensional(&mut self) -> io::Result<()> {
        let (mut at, mut color, mut cursor) = (0, Color::White, 0);
        // In front of the first column, a change in it is one to the right.
        let mut is_start = true;
        while at < self.width {
            let mode = mode::decode(&mut self.bits).ok_or_else(invalid)?;
            cursor = self.next_change(cursor, at, color, is_start);
            let change = |index: usize| self.reference.get(index).copied().unwrap_or(self.width);
            match mode {
                Mode::Pass => at = change(cursor + 1),
                Mode::Vertical(offset) => {
                    let to = change(cursor).checked_add_signed(offset.into()).ok_or_else(invalid)?;
                    if to < at || to > self.width || (to == at && !is_start) {
                        return Err(invalid());
                    }
                    at = to;
                    self.change(at);
                    color = !color;
                }
                Mode::Horizontal => {
                    for color in [color, !color] {
                        at = self.run(at, color)?;
                        self.change(at);
                    }
                }
                Mode::Extension => {
                    let name = "TIFF with the uncompressed mode of a fax compression";
                    return Err(io::Error::other(Error::Unsupported(name)));
                }
                Mode::EOF if is_start && self.coding == FaxCoding::Group4 => {
                    self.ended = true;
                    return Ok(());
                }
                Mode::EOF => return Err(invalid()),
            }
            is_start = false;
        }
        Ok(())
    }

    /// Index of the first change in the row above that lies to the right and is one to the other colour. `from` is the
    /// index that was found before.
    fn next_change(&self, from: usize, at: u32, color: Color, is_start: bool) -> usize {
        let is_right = |change: u32| change > at || is_start;
        let mut index = from.min(self.reference.len());
        while index > 0 && is_right(self.reference[index - 1]) {
            index -= 1;
        }
        while self.reference.get(index).is_some_and(|&change| !is_right(change)) {
            index += 1;
        }
        // Changes to black have even indices.
        index + usize::from(index.is_multiple_of(2) != (color == Color::White))
    }

    /// Reads a run from a column on. Returns its end.
    fn run(&mut self, from: u32, color: Color) -> io::Result<u32> {
        let mut to = from;
        loop {
            let length = match color {
                Color::White => white::decode(&mut self.bits),
                Color::Black => black::decode(&mut self.bits),
            };
            let length = length.ok_or_else(invalid)?;
            to += u32::from(length);
            if to > self.width {
                return Err(invalid());
            }
            if length < 64 {
                return Ok(to);
            }
        }
    }

    /// Notes a change of colour. Two in the same column cancel each other.
    fn change(&mut self, at: u32) {
        if self.changes.last() == Some(&at) {
            self.changes.pop();
        } else {
            self.changes.push(at);
        }
    }

    /// Packs the row: black from each change with an even index to the next.
    fn pack(&mut self) {
        self.row.fill(0);
        self.consumed = 0;
        for pair in self.changes.chunks(2) {
            let (from, to) = (pair[0] as usize, pair.get(1).map_or(self.width, |&to| to) as usize);
            if from >= to {
                continue;
            }
            let (first, last) = (from / 8, (to - 1) / 8);
            let (head, tail) = (0xFF_u8 >> (from % 8), 0xFF_u8 << (7 - (to - 1) % 8));
            if first == last {
                self.row[first] |= head & tail;
            } else {
                self.row[first] |= head;
                self.row[first + 1..last].fill(0xFF);
                self.row[last] |= tail;
            }
        }
    }
}

impl<R: Read> Read for FaxRows<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.consumed == self.row.len() {
            self.advance()?;
        }
        let length = (&self.row[self.consumed..]).read(buffer)?;
        self.consumed += length;
        Ok(length)
    }
}

fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "an invalid code in fax data")
}

/// The bytes of a reader, and zeros behind them.
struct Bytes<R> {
    data: R,
    buffer: [u8; 256],
    at: usize,
    length: usize,
    padding: usize,
}

impl<R: Read> Bytes<R> {
    fn new(data: R) -> Self {
        Self { data, buffer: [0; 256], at: 0, length: 0, padding: PADDING }
    }
}

impl<R: Read> Iterator for Bytes<R> {
    type Item = io::Result<u8>;

    fn next(&mut self) -> Option<io::Result<u8>> {
        if self.at == self.length {
            match self.data.read(&mut self.buffer) {
                Ok(0) => {
                    self.padding = self.padding.checked_sub(1)?;
                    return Some(Ok(0));
                }
                Ok(length) => (self.at, self.length) = (0, length),
                Err(error) => return Some(Err(error)),
            }
        }
        self.at += 1;
        Some(Ok(self.buffer[self.at - 1]))
    }
}
