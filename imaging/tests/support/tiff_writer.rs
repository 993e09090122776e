//! Writes TIFF files entry by entry: one directory or several, in either order of bytes.
#![allow(dead_code, unreachable_pub, missing_docs)]

/// One entry of a TIFF directory: tag, type (1 byte, 3 short, 4 long, 5 rational, 7 undefined), values. A rational number
/// is two values.
#[derive(Debug, Clone)]
pub struct Entry(pub u16, pub u16, pub Vec<u32>);

/// A file that grows.
#[derive(Debug)]
pub struct TiffWriter {
    pub bytes: Vec<u8>,
    big_endian: bool,
    /// Where the offset of the next directory goes.
    link: usize,
}

impl TiffWriter {
    pub fn new(big_endian: bool) -> Self {
        let header = if big_endian { b"MM\0*\0\0\0\0" } else { b"II*\0\0\0\0\0" };
        Self { bytes: header.to_vec(), big_endian, link: 4 }
    }

    /// The lowest bytes of a number.
    fn number(&self, value: u32, width: usize) -> Vec<u8> {
        if self.big_endian {
            value.to_be_bytes()[4 - width..].to_vec()
        } else {
            value.to_le_bytes()[..width].to_vec()
        }
    }

    /// Appends the data of strips or tiles. Returns the entries of their offsets and sizes.
    pub fn chunks(&mut self, tags: (u16, u16), chunks: &[Vec<u8>]) -> [Entry; 2] {
        let (mut offsets, mut sizes) = (Vec::new(), Vec::new());
        for chunk in chunks {
            offsets.push(self.bytes.len() as u32);
            sizes.push(chunk.len() as u32);
            self.bytes.extend(chunk);
        }
        [Entry(tags.0, 4, offsets), Entry(tags.1, 4, sizes)]
    }

    /// Appends a directory. Returns its offset.
    pub fn directory(&mut self, mut entries: Vec<Entry>) -> u32 {
        entries.sort_by_key(|entry| entry.0);
        let mut directory = self.number(entries.len() as u32, 2);
        for Entry(tag, kind, values) in &entries {
            let (width, per_value) = match kind {
                3 => (2, 1),
                4 => (4, 1),
                5 => (4, 2),
                _ => (1, 1),
            };
            let mut data: Vec<u8> = values.iter().flat_map(|value| self.number(*value, width)).collect();
            directory.extend([self.number((*tag).into(), 2), self.number((*kind).into(), 2)].concat());
            directory.extend(self.number(values.len() as u32 / per_value, 4));
            if data.len() > 4 {
                directory.extend(self.number(self.bytes.len() as u32, 4));
                self.bytes.extend(data);
            } else {
                data.resize(4, 0);
                directory.extend(data);
            }
        }
        let offset = self.bytes.len() as u32;
        self.bytes.extend(directory);
        self.bytes.extend([0; 4]);
        offset
    }

    /// Appends a directory to the chain.
    pub fn page(&mut self, entries: Vec<Entry>) {
        let offset = self.directory(entries);
        let link = self.number(offset, 4);
        self.bytes[self.link..self.link + 4].copy_from_slice(&link);
        self.link = self.bytes.len() - 4;
    }

    /// Makes the chain go on at an offset.
    pub fn continue_at(&mut self, offset: u32) {
        let link = self.number(offset, 4);
        self.bytes[self.link..self.link + 4].copy_from_slice(&link);
    }
}
