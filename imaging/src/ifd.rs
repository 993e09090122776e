//! Reads the image file directories (IFDs) of a TIFF file or an EXIF block (TIFF 6.0, section 2; `BigTIFF`). The probe
//! and the TIFF decoder use it. It allocates nothing, and follows a link to another directory only where it is asked to,
//! so cycles and huge counts cost nothing. Values out of bounds count as missing.

/// A directory of a TIFF structure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ifd<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
    entries: &'a [u8],
    /// Offset of the entries in the whole structure.
    start: usize,
    /// Offset of the next directory, or 0.
    next: u64,
    /// Whether all entries are within the bytes.
    is_complete: bool,
}

/// The values of one entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IfdValues<'a> {
    value_type: u16,
    encoding: Encoding,
    data: &'a [u8],
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
        let offset = encoding.read(if big_tiff { bytes.get(8..16)? } else { bytes.get(4..8)? });
        Self::read(bytes, encoding, offset)
    }

    /// Returns the first directory of the same structure.
    pub(crate) fn root(&self) -> Option<Self> {
        Self::first(self.bytes)
    }

    /// Returns the directory at an offset of the same structure, if it is within the bytes.
    pub(crate) fn at(&self, offset: u64) -> Option<Self> {
        Self::read(self.bytes, self.encoding, offset)
    }

    /// Returns the directory that an entry with this tag points to. Entries of EXIF do.
    pub(crate) fn child(&self, tag: u16) -> Option<Self> {
        self.at(self.number(tag)?)
    }

    fn read(bytes: &'a [u8], encoding: Encoding, offset: u64) -> Option<Self> {
        let (head, link) = if encoding.big_tiff { (8, 8) } else { (2, 4) };
        let offset = usize::try_from(offset).ok()?;
        let body = bytes.get(offset..)?;
        let count = usize::try_from(encoding.read(body.get(..head)?)).ok()?;
        let body = &body[head..];
        let available = body.len() / encoding.entry_size();
        let (entries, rest) = body.split_at(count.min(available) * encoding.entry_size());
        let is_complete = count <= available;
        let next = rest.get(..link).filter(|_| is_complete).map_or(0, |link| encoding.read(link));
        Some(Self { bytes, encoding, entries, start: offset + head, next, is_complete })
    }

    /// Offset in the whole structure. [`Ifd::at`] returns the same directory for it.
    pub(crate) fn offset(&self) -> u64 {
        (self.start - if self.encoding.big_tiff { 8 } else { 2 }) as u64
    }

    /// Offset of the next directory of the chain, or 0.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Whether all entries are within the bytes. Others are left out.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Whether integers begin with their most significant byte.
    pub(crate) fn is_big_endian(&self) -> bool {
        self.encoding.big_endian
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() / self.encoding.entry_size()
    }

    /// Returns the stored entries with this tag.
    fn entries_with(&self, tag: u16) -> impl Iterator<Item = &'a [u8]> {
        let encoding = self.encoding;
        let all = self.entries.chunks_exact(encoding.entry_size());
        all.filter(move |entry| encoding.read(&entry[..2]) == u64::from(tag))
    }

    /// Number of values that each entry with this tag claims to have, in bounds or not.
    pub(crate) fn counts(&self, tag: u16) -> impl Iterator<Item = u64> {
        let Encoding { big_tiff, .. } = self.encoding;
        let encoding = self.encoding;
        self.entries_with(tag).map(move |entry| encoding.read(&entry[4..if big_tiff { 12 } else { 8 }]))
    }

    /// Whether there is an entry with this tag.
    pub(crate) fn contains(&self, tag: u16) -> bool {
        self.entries_with(tag).next().is_some()
    }

    /// Returns the values of the first entry with this tag, if they are within the bytes.
    pub(crate) fn find(&self, tag: u16) -> Option<IfdValues<'a>> {
        let entry = self.entries_with(tag).next()?;
        let value_type = self.encoding.read(&entry[2..4]) as u16;
        let split = if self.encoding.big_tiff { 12 } else { 8 };
        let count = self.encoding.read(&entry[4..split]);
        let length = usize::try_from(count.checked_mul(size_of_type(value_type)?)?).ok()?;
        let inline = &entry[split..];
        let data = if length <= inline.len() {
            &inline[..length]
        } else {
            let offset = usize::try_from(self.encoding.read(inline)).ok()?;
            self.bytes.get(offset..offset.checked_add(length)?)?
        };
        Some(IfdValues { value_type, encoding: self.encoding, data })
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

    /// Returns the integers, from the first on.
    pub(crate) fn numbers(self) -> impl Iterator<Item = u64> {
        (0..).map_while(move |index| self.number(index))
    }

    /// Returns the quotient at `index` of unsigned rational numbers.
    pub(crate) fn rational(&self, index: usize) -> Option<f64> {
        let pair = self.data.get(index * 8..index * 8 + 8).filter(|_| self.value_type == 5)?;
        let (numerator, denominator) = (self.encoding.read(&pair[..4]), self.encoding.read(&pair[4..]));
        (denominator > 0).then(|| numerator as f64 / denominator as f64)
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
