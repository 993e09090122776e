//! Encodes black and white rows as fax machines do (ITU-T T.4 and T.6).
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use fax::{
    BitWriter, Bits, VecWriter,
    maps::{EOL, Mode, black, mode, white},
};

/// How rows are coded, with the compression and the options of the tag `T4Options`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Compression 2.
    Modified,
    /// Compression 3. With `aligned`, end-of-line codes end at whole bytes.
    Group3 { two_dimensional: bool, aligned: bool },
    /// Compression 4.
    Group4,
}

impl Coding {
    pub fn compression(self) -> u32 {
        match self {
            Self::Modified => 2,
            Self::Group3 { .. } => 3,
            Self::Group4 => 4,
        }
    }

    pub fn options(self) -> u32 {
        match self {
            Self::Group3 { two_dimensional, aligned } => {
                u32::from(two_dimensional) | if aligned { 4 } else { 0 }
            }
            _ => 0,
        }
    }
}

/// Writes bits, and knows how many.
struct Writer {
    bits: VecWriter,
    length: usize,
}

impl Writer {
    fn write(&mut self, bits: Bits) {
        self.length += usize::from(bits.len);
        self.bits.write(bits).unwrap();
    }

    fn zeros(&mut self, count: usize) {
        (0..count).for_each(|_| self.write(Bits { data: 0, len: 1 }));
    }

    /// A run: codes of multiples of 64, and one of the rest.
    fn run(&mut self, is_black: bool, mut length: usize) {
        let code = |length: usize| {
            let length = length as u16;
            if is_black { black::encode(length) } else { white::encode(length) }.unwrap()
        };
        while length >= 64 {
            let part = length.min(2560) / 64 * 64;
            self.write(code(part));
            length -= part;
        }
        self.write(code(length));
    }

    fn row(&mut self, row: &[bool]) {
        let mut colour = false;
        let mut at = 0;
        while at < row.len() {
            let length = row[at..].iter().take_while(|is_black| **is_black == colour).count();
            self.run(colour, length);
            (at, colour) = (at + length, !colour);
        }
    }

    /// T.4, 4.2.1.3.4: `at` is a0, or -1 in front of the row.
    fn row_by(&mut self, above: &[bool], row: &[bool]) {
        let width = row.len() as isize;
        let pixel = |row: &[bool], at: isize| at >= 0 && row[at as usize];
        let next_change = |row: &[bool], from: isize| {
            (from..width).find(|&at| pixel(row, at) != pixel(row, at - 1)).unwrap_or(width)
        };
        let (mut at, mut colour) = (-1_isize, false);
        while at < width {
            let a1 = (at.max(0)..width).find(|&to| pixel(row, to) != colour).unwrap_or(width);
            let mut b1 = next_change(above, at + 1);
            if b1 < width && pixel(above, b1) == colour {
                b1 = next_change(above, b1 + 1);
            }
            let b2 = if b1 < width { next_change(above, b1 + 1) } else { width };
            if b2 < a1 {
                self.write(mode::encode(Mode::Pass).unwrap());
                at = b2;
            } else if (a1 - b1).abs() <= 3 {
                self.write(mode::encode(Mode::Vertical((a1 - b1) as i8)).unwrap());
                (at, colour) = (a1, !colour);
            } else {
                let a2 = (a1..width).find(|&to| pixel(row, to) == colour).unwrap_or(width);
                self.write(mode::encode(Mode::Horizontal).unwrap());
                self.run(colour, (a1 - at.max(0)) as usize);
                self.run(!colour, (a2 - a1) as usize);
                at = a2;
            }
        }
    }
}

/// Encodes rows, of which true is black. Every fourth row of two-dimensional Group 3 is coded by itself.
pub fn encode(rows: &[Vec<bool>], coding: Coding) -> Vec<u8> {
    encode_rows(rows, coding).bits.finish()
}

/// Encodes rows, and codes that end the data also where a TIFF needs none.
pub fn encode_with_end(rows: &[Vec<bool>], coding: Coding) -> Vec<u8> {
    let mut writer = encode_rows(rows, coding);
    if let Coding::Group3 { two_dimensional, .. } = coding {
        for _ in 0..6 {
            writer.write(EOL);
            if two_dimensional {
                writer.write(Bits { data: 1, len: 1 });
            }
        }
    }
    writer.bits.finish()
}

fn encode_rows(rows: &[Vec<bool>], coding: Coding) -> Writer {
    let mut writer = Writer { bits: VecWriter::new(), length: 0 };
    let mut above = vec![false; rows.first().map_or(0, Vec::len)];
    for (index, row) in rows.iter().enumerate() {
        match coding {
            Coding::Modified => {
                let padding = writer.length.next_multiple_of(8) - writer.length;
                writer.zeros(padding);
                writer.row(row);
            }
            Coding::Group3 { two_dimensional, aligned } => {
                let length = writer.length + usize::from(EOL.len);
                writer.zeros(if aligned { length.next_multiple_of(8) - length } else { 0 });
                writer.write(EOL);
                let by_itself = index % 4 == 0;
                if two_dimensional {
                    writer.write(Bits { data: by_itself.into(), len: 1 });
                }
                if by_itself || !two_dimensional { writer.row(row) } else { writer.row_by(&above, row) }
            }
            Coding::Group4 => writer.row_by(&above, row),
        }
        above.clone_from(row);
    }
    if coding == Coding::Group4 {
        writer.write(EOL);
        writer.write(EOL);
    }
    writer
}
