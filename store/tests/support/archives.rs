//! Builds ZIP archives byte by byte, well-formed and hostile ones. Written independently of the reader that it tests,
//! from the specification of the format (APPNOTE 6.3.10), so that both do not share a misunderstanding.

// Each test binary that includes this file uses a part of it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod hostile;

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;

pub const STORED: u16 = 0;
pub const DEFLATED: u16 = 8;
const MADE_ON_UNIX: u16 = 0x031e;
const REGULAR: u32 = 0o100_644 << 16;

/// One entry of an archive. Each field may be wrong on purpose.
#[derive(Debug, Clone)]
pub struct Member {
    pub name: Vec<u8>,
    /// The name in the local header, if it differs.
    pub local_name: Option<Vec<u8>>,
    /// The data as they are in the archive.
    pub data: Vec<u8>,
    pub method: u16,
    pub flags: u16,
    pub crc32: u32,
    pub size: u64,
    /// The compressed size in the central directory, if it differs from the length of the data.
    pub claimed: Option<u64>,
    pub attributes: u32,
    /// Whether sizes and offset are in a zip64 extra field.
    pub zip64: bool,
    /// Further extra fields.
    pub extra: Vec<u8>,
}

impl Member {
    /// A file that is not compressed.
    pub fn stored(name: impl AsRef<[u8]>, bytes: &[u8]) -> Self {
        Self {
            name: name.as_ref().to_vec(),
            local_name: None,
            data: bytes.to_vec(),
            method: STORED,
            flags: 0,
            crc32: crc32fast::hash(bytes),
            size: bytes.len() as u64,
            claimed: None,
            attributes: REGULAR,
            zip64: false,
            extra: Vec::new(),
        }
    }

    /// A deflated file.
    pub fn deflated(name: impl AsRef<[u8]>, bytes: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        Self { data: encoder.finish().unwrap(), method: DEFLATED, ..Self::stored(name, bytes) }
    }

    /// An entry of another file type (Unix `st_mode`).
    pub fn special(name: impl AsRef<[u8]>, mode: u32, bytes: &[u8]) -> Self {
        Self { attributes: mode << 16, ..Self::stored(name, bytes) }
    }

    /// A file whose name in UTF-8 is in an "Info-ZIP Unicode Path" extra field, made for a name with this checksum.
    pub fn with_unicode_path(self, path: &str, checksum: u32) -> Self {
        let field = [&[1][..], &checksum.to_le_bytes(), path.as_bytes()].concat();
        let extra = [&0x7075_u16.to_le_bytes()[..], &(field.len() as u16).to_le_bytes(), &field].concat();
        Self { extra, ..self }
    }

    fn compressed(&self) -> u64 {
        self.claimed.unwrap_or(self.data.len() as u64)
    }

    /// The fields that both headers share, from "version needed" to "uncompressed size".
    fn common(&self) -> Vec<u8> {
        let size = |size: u64| if self.zip64 { u32::MAX } else { size as u32 };
        let mut out = Vec::new();
        for short in [45, self.flags, self.method, 0, 0x21] {
            out.extend(u16::to_le_bytes(short));
        }
        for long in [self.crc32, size(self.compressed()), size(self.size)] {
            out.extend(u32::to_le_bytes(long));
        }
        out
    }

    fn extra(&self, offset: Option<u64>) -> Vec<u8> {
        if !self.zip64 {
            return self.extra.clone();
        }
        let mut fields = [self.size, self.compressed()].map(u64::to_le_bytes).concat();
        fields.extend(offset.into_iter().flat_map(u64::to_le_bytes));
        [&1u16.to_le_bytes()[..], &(fields.len() as u16).to_le_bytes(), &fields, &self.extra].concat()
    }

    pub fn local_header(&self) -> Vec<u8> {
        let (name, extra) = (self.local_name.as_ref().unwrap_or(&self.name), self.extra(None));
        let lengths = [name.len(), extra.len()].map(|length| (length as u16).to_le_bytes()).concat();
        [b"PK\x03\x04", &self.common()[..], &lengths, name, &extra].concat()
    }

    pub fn central_header(&self, offset: u64) -> Vec<u8> {
        let extra = self.extra(Some(offset));
        let mut out = [b"PK\x01\x02", &MADE_ON_UNIX.to_le_bytes()[..], &self.common()].concat();
        for short in [self.name.len(), extra.len(), 0, 0, 0] {
            out.extend((short as u16).to_le_bytes());
        }
        out.extend(self.attributes.to_le_bytes());
        out.extend(if self.zip64 { u32::MAX } else { offset as u32 }.to_le_bytes());
        [out, self.name.clone(), extra].concat()
    }
}

/// An archive of these members, in this order.
pub fn zip(members: &[Member]) -> Vec<u8> {
    zip_with(members, b"")
}

/// The same with a comment.
pub fn zip_with(members: &[Member], comment: &[u8]) -> Vec<u8> {
    let (mut body, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        directory.extend(member.central_header(body.len() as u64));
        body.extend(member.local_header());
        body.extend(&member.data);
    }
    let start = body.len() as u64;
    body.extend(&directory);
    if members.len() > 0xffff || members.iter().any(|member| member.zip64) {
        body.extend(zip64_end(members.len() as u64, directory.len() as u64, start));
    }
    body.extend(end(members.len(), directory.len(), start, comment));
    body
}

/// The end of central directory record.
pub fn end(count: usize, length: usize, start: u64, comment: &[u8]) -> Vec<u8> {
    let count = (count.min(0xffff) as u16).to_le_bytes();
    let length = (length as u32).to_le_bytes();
    let start = (start as u32).to_le_bytes();
    let comment_length = (comment.len() as u16).to_le_bytes();
    [b"PK\x05\x06\0\0\0\0", &count[..], &count, &length, &start, &comment_length, comment].concat()
}

/// The zip64 end record and its locator, for a directory directly before them.
pub fn zip64_end(count: u64, length: u64, start: u64) -> Vec<u8> {
    let mut out = [b"PK\x06\x06", &44u64.to_le_bytes()[..], &[45, 0, 45, 0], &[0; 8]].concat();
    for field in [count, count, length, start] {
        out.extend(field.to_le_bytes());
    }
    out.extend(b"PK\x06\x07\0\0\0\0");
    out.extend((start + length).to_le_bytes());
    out.extend(1u32.to_le_bytes());
    out
}

/// A member that inflates to `total` zero bytes, more than 1,000 times its own length. `total` must be in whole MiB.
pub fn zeros(name: &str, total: u64) -> Member {
    const BLOCK: usize = 1 << 20;
    let mut deflater = flate2::Compress::new(Compression::best(), false);
    let mut block = Vec::with_capacity(BLOCK);
    deflater.compress_vec(&vec![0; BLOCK], &mut block, flate2::FlushCompress::Full).unwrap();
    let mut one = crc32fast::Hasher::new();
    one.update(&vec![0; BLOCK]);
    let (mut sum, mut data) = (crc32fast::Hasher::new(), Vec::new());
    for _ in 0..total / BLOCK as u64 {
        sum.combine(&one);
        data.extend(&block);
    }
    data.extend([3, 0]);
    let zip64 = total >= u64::from(u32::MAX);
    Member { data, method: DEFLATED, crc32: sum.finalize(), size: total, zip64, ..Member::stored(name, b"") }
}

/// Many entries in the directory that all share the same bytes.
pub fn overlapping_wholly(count: usize, bytes: &[u8]) -> Vec<u8> {
    let member = |index| Member::deflated(format!("{index:04}.png"), bytes);
    let mut archive = [member(0).local_header(), member(0).data].concat();
    let start = archive.len() as u64;
    let directory: Vec<u8> = (0..count).flat_map(|index| member(index).central_header(0)).collect();
    archive.extend(&directory);
    archive.extend(end(count, directory.len(), start, b""));
    archive
}

/// Entries that quote the local headers of all following entries in stored blocks, and share their data (Fifield's
/// construction).
pub fn overlapping_quoted(count: usize, bytes: &[u8]) -> Vec<u8> {
    let mut members = vec![Member::deflated(format!("{:04}.png", count - 1), bytes)];
    let mut content = bytes.to_vec();
    for index in (0..count - 1).rev() {
        let next = members.last().unwrap();
        let header = next.local_header();
        let length = header.len() as u16;
        let quote = [&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes(), &header].concat();
        let data = [&quote[..], &next.data].concat();
        content = [header, content].concat();
        members.push(Member {
            data,
            method: DEFLATED,
            ..Member::stored(format!("{index:04}.png"), &content)
        });
    }
    members.reverse();
    let first = &members[0];
    let mut archive = [first.local_header(), first.data.clone()].concat();
    let start = archive.len() as u64;
    let offset = |member: &Member| start - (member.data.len() + member.local_header().len()) as u64;
    let directory: Vec<u8> =
        members.iter().flat_map(|member| member.central_header(offset(member))).collect();
    archive.extend(&directory);
    archive.extend(end(count, directory.len(), start, b""));
    archive
}

/// Nested archives, `breadth` in each of `depth` levels, with a file of zeros at the bottom.
pub fn nested(depth: usize, breadth: usize) -> Vec<u8> {
    let bottom = zip(&[zeros("0.png", 4 << 20)]);
    (0..depth).fold(bottom, |inner, _| {
        let members: Vec<_> =
            (0..breadth).map(|index| Member::deflated(format!("{index}.zip"), &inner)).collect();
        zip(&members)
    })
}
