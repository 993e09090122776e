//! Reads the first directory of a TIFF structure (TIFF 6.0, section 2; `BigTIFF`), as it stands alone in TIFF
//! files and within EXIF blocks. Asked by the probe. Allocates nothing and follows no chain, so cycles and
//! huge counts cost nothing; what is out of bounds is simply not there.

/// The first directory of a TIFF structure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Directory<'a> {
    bytes: &'a [u8],
    order: Order,
    entries: &'a [u8],
    /// Where the entries begin in the whole structure.
    start: usize,
}

/// One entry: a typed list of values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    kind: u16,
    order: Order,
    data: &'a [u8],
    /// Where the values begin in the whole structure.
    offset: usize,
}

#[derive(Debug, Clone, Copy)]
struct Order {
    big_endian: bool,
    big_tiff: bool,
}

impl Order {
    fn read(self, bytes: &[u8]) -> u64 {
        let push = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        if self.big_endian { bytes.iter().fold(0, push) } else { bytes.iter().rev().fold(0, push) }
    }

    fn entry_size(self) -> usize {
        if self.big_tiff { 20 } else { 12 }
    }
}

impl<'a> Directory<'a> {
    /// The first directory, or `None` where there is none within the bytes. Entries that are cut off are left
    /// out.
    pub(crate) fn first(bytes: &'a [u8]) -> Option<Self> {
        let (big_endian, big_tiff) = match bytes.first_chunk()? {
            b"II*\0" => (false, false),
            b"MM\0*" => (true, false),
            b"II+\0" => (false, true),
            b"MM\0+" => (true, true),
            _ => return None,
        };
        let order = Order { big_endian, big_tiff };
        let (offset, head) =
            if big_tiff { (order.read(bytes.get(8..16)?), 8) } else { (order.read(bytes.get(4..8)?), 2) };
        let offset = usize::try_from(offset).ok()?;
        let body = bytes.get(offset..)?;
        let count = usize::try_from(order.read(body.get(..head)?)).ok()?;
        let body = &body[head..];
        let whole = body.len() / order.entry_size();
        let entries = &body[..count.min(whole) * order.entry_size()];
        Some(Self { bytes, order, entries, start: offset + head })
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() / self.order.entry_size()
    }

    /// The entries with this tag, as they are stored, and where they begin.
    fn entries(&self, tag: u16) -> impl Iterator<Item = (usize, &'a [u8])> {
        let Self { order, start, .. } = *self;
        let size = order.entry_size();
        let all = self.entries.chunks_exact(size).enumerate();
        all.filter(move |(_, entry)| order.read(&entry[..2]) == u64::from(tag))
            .map(move |(index, entry)| (start + index * size, entry))
    }

    /// How many values each entry with this tag claims to have, wherever they are.
    pub(crate) fn counts(&self, tag: u16) -> impl Iterator<Item = u64> {
        let Order { big_tiff, .. } = self.order;
        let order = self.order;
        self.entries(tag).map(move |(_, entry)| order.read(&entry[4..if big_tiff { 12 } else { 8 }]))
    }

    /// The first entry with this tag whose values are within the bytes.
    pub(crate) fn find(&self, tag: u16) -> Option<Field<'a>> {
        let (start, entry) = self.entries(tag).next()?;
        let kind = self.order.read(&entry[2..4]) as u16;
        let split = if self.order.big_tiff { 12 } else { 8 };
        let count = self.order.read(&entry[4..split]);
        let length = usize::try_from(count.checked_mul(size_of_kind(kind)?)?).ok()?;
        let inline = &entry[split..];
        let offset = if length <= inline.len() {
            start + split
        } else {
            usize::try_from(self.order.read(inline)).ok()?
        };
        let data = self.bytes.get(offset..offset.checked_add(length)?)?;
        Some(Field { kind, order: self.order, data, offset })
    }

    /// The first value of a tag that holds whole numbers.
    pub(crate) fn number(&self, tag: u16) -> Option<u64> {
        self.find(tag)?.number(0)
    }
}

impl<'a> Field<'a> {
    /// The whole number at `index`: BYTE, SHORT, LONG or their eight-byte relative.
    pub(crate) fn number(&self, index: usize) -> Option<u64> {
        if !matches!(self.kind, 1 | 3 | 4 | 13 | 16 | 18) {
            return None;
        }
        let size = size_of_kind(self.kind)? as usize;
        Some(self.order.read(self.data.get(index * size..)?.get(..size)?))
    }

    /// Where the lowest byte of the first whole number lies in the whole structure.
    pub(crate) fn lowest_byte(&self) -> Option<usize> {
        let size = size_of_kind(self.kind)? as usize;
        Some(if self.order.big_endian { self.offset + size - 1 } else { self.offset })
    }

    /// The values as bytes.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.data
    }
}

fn size_of_kind(kind: u16) -> Option<u64> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16 | 17 | 18 => Some(8),
        _ => None,
    }
}
