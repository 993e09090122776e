//! Reads the first image file directory (IFD) of a TIFF file or an EXIF block (TIFF 6.0, section 2; `BigTIFF`), and the
//! directories that its entries point to. The probe uses it. It allocates nothing and follows only the links that a caller
//! names, so cycles and huge counts cost nothing. Values out of bounds count as missing.

/// The first directory of a TIFF structure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ifd<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
    entries: &'a [u8],
    /// Offset of the entries in the whole structure.
    start: usize,
}

/// The values of one entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IfdValues<'a> {
    value_type: u16,
    encoding: Encoding,
    data: &'a [u8],
    /// Offset of the values in the whole structure.
    offset: usize,
}

/// Byte order, and which of the two formats.
#[derive(Debug, Clone, Copy)]
struct Encoding {
    big_endian: bool,
    big_tiff: bool,
}

impl Encoding {
    fn read(self, bytes: &[u8]) -> u64 {
        let push = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        if self.big_endian { bytes.iter().fold(0, push) } else { bytes.iter().rev().fold(0, push) }
    }

    fn entry_size(self) -> usize {
        if self.big_tiff { 20 } else { 12 }
    }
}

impl<'a> Ifd<'a> {
    /// Returns the first directory, or `None` where there is none within the bytes. Leaves out truncated entries.
    pub(crate) fn first(bytes: &'a [u8]) -> Option<Self> {
        let (big_endian, big_tiff) = match bytes.first_chunk()? {
            b"II*\0" => (false, false),
            b"MM\0*" => (true, false),
            b"II+\0" => (false, true),
            b"MM\0+" => (true, true),
            _ => return None,
        };
        let encoding = Encoding { big_endian, big_tiff };
        let offset = encoding.read(bytes.get(if big_tiff { 8..16 } else { 4..8 })?);
        Self::at(bytes, encoding, offset)
    }

    /// Returns the directory that an entry with this tag points to. Entries of EXIF do.
    pub(crate) fn child(&self, tag: u16) -> Option<Self> {
        Self::at(self.bytes, self.encoding, self.number(tag)?)
    }

    /// Returns the directory at an offset.
    fn at(bytes: &'a [u8], encoding: Encoding, offset: u64) -> Option<Self> {
        let head = if encoding.big_tiff { 8 } else { 2 };
        let offset = usize::try_from(offset).ok()?;
        let body = bytes.get(offset..)?;
        let count = usize::try_from(encoding.read(body.get(..head)?)).ok()?;
        let body = &body[head..];
        let available = body.len() / encoding.entry_size();
        let entries = &body[..count.min(available) * encoding.entry_size()];
        Some(Self { bytes, encoding, entries, start: offset + head })
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() / self.encoding.entry_size()
    }

    /// Returns the stored entries with this tag, each with its offset.
    fn entries_with(&self, tag: u16) -> impl Iterator<Item = (usize, &'a [u8])> {
        let Self { encoding, start, .. } = *self;
        let size = encoding.entry_size();
        let all = self.entries.chunks_exact(size).enumerate();
        all.filter(move |(_, entry)| encoding.read(&entry[..2]) == u64::from(tag))
            .map(move |(index, entry)| (start + index * size, entry))
    }

    /// Number of values that each entry with this tag claims to have, in bounds or not.
    pub(crate) fn counts(&self, tag: u16) -> impl Iterator<Item = u64> {
        let Encoding { big_tiff, .. } = self.encoding;
        let encoding = self.encoding;
        self.entries_with(tag).map(move |(_, entry)| encoding.read(&entry[4..if big_tiff { 12 } else { 8 }]))
    }

    /// Returns the values of the first entry with this tag, if they are within the bytes.
    pub(crate) fn find(&self, tag: u16) -> Option<IfdValues<'a>> {
        let (start, entry) = self.entries_with(tag).next()?;
        let value_type = self.encoding.read(&entry[2..4]) as u16;
        let split = if self.encoding.big_tiff { 12 } else { 8 };
        let count = self.encoding.read(&entry[4..split]);
        let length = usize::try_from(count.checked_mul(size_of_type(value_type)?)?).ok()?;
        let inline = &entry[split..];
        let offset = if length <= inline.len() {
            start + split
        } else {
            usize::try_from(self.encoding.read(inline)).ok()?
        };
        let data = self.bytes.get(offset..offset.checked_add(length)?)?;
        Some(IfdValues { value_type, encoding: self.encoding, data, offset })
    }

    /// Returns the first value of the first entry with this tag, if it is an integer.
    pub(crate) fn number(&self, tag: u16) -> Option<u64> {
        self.find(tag)?.number(0)
    }
}

impl<'a> IfdValues<'a> {
    /// Returns the integer at `index`: BYTE, SHORT, LONG or an eight-byte type.
    pub(crate) fn number(&self, index: usize) -> Option<u64> {
        if !matches!(self.value_type, 1 | 3 | 4 | 13 | 16 | 18) {
            return None;
        }
        let size = size_of_type(self.value_type)? as usize;
        Some(self.encoding.read(self.data.get(index * size..)?.get(..size)?))
    }

    /// Offset of the least significant byte of the first integer.
    pub(crate) fn lowest_byte_offset(&self) -> Option<usize> {
        let size = size_of_type(self.value_type)? as usize;
        Some(if self.encoding.big_endian { self.offset + size - 1 } else { self.offset })
    }

    /// Returns the values as bytes.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.data
    }
}

fn size_of_type(value_type: u16) -> Option<u64> {
    match value_type {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16 | 17 | 18 => Some(8),
        _ => None,
    }
}
