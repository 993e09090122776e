//! The records of an archive and their positions (APPNOTE 4.3). ZIP64 fields are used only for numbers that do not fit
//! otherwise, since old readers do not support them.

use std::ops::Range;

use super::segment::{Body, Member, Segment};
use super::time::DosTime;

/// Names are UTF-8 (APPNOTE 4.4.4, bit 11).
const UTF8: u16 = 1 << 11;
const STORED: u16 = 0;
/// Made on Unix, so that readers interpret the attributes as Unix permissions.
const ON_UNIX: u16 = 3 << 8;
/// Version 2.0 of the format.
const PLAIN: u16 = 20;
/// Version 4.5 of the format, which has ZIP64.
const ZIP64: u16 = 45;
/// A regular file that everyone can read and its owner can write.
const ATTRIBUTES: u32 = 0o100_644 << 16;
/// Numbers from this one on go to the ZIP64 fields.
const LONG: u64 = u32::MAX as u64;
const SHORT: u64 = u16::MAX as u64;

/// All segments of the archive in order, without gaps.
pub(super) fn segments(members: Vec<Member>, names: &[String], time: DosTime) -> Vec<Segment> {
    let mut layout = Layout::default();
    let (mut directory, count) = (Vec::new(), members.len() as u64);
    for (member, name) in members.into_iter().zip(names) {
        let header = Header { name, time, length: member.length, crc32: member.crc32, offset: layout.end };
        directory.extend(header.central());
        layout.push_bytes(header.local());
        layout.push(member.length, member.body);
    }
    let span = layout.end..layout.end + directory.len() as u64;
    directory.extend(end_records(count, &span));
    layout.push_bytes(directory);
    layout.segments
}

/// The segments so far, and where the next one starts.
#[derive(Default)]
struct Layout {
    segments: Vec<Segment>,
    end: u64,
}

impl Layout {
    fn push(&mut self, length: u64, body: Body) {
        let span = self.end..self.end + length;
        self.end = span.end;
        self.segments.push(Segment { span, body });
    }

    fn push_bytes(&mut self, bytes: Vec<u8>) {
        self.push(bytes.len() as u64, Body::Bytes(bytes.into()));
    }
}

/// The values in the two headers of a member.
struct Header<'a> {
    name: &'a str,
    time: DosTime,
    length: u64,
    crc32: u32,
    offset: u64,
}

impl Header<'_> {
    /// The local header (4.3.7). Its ZIP64 field must contain both lengths.
    fn local(&self) -> Vec<u8> {
        let extra = if self.length >= LONG { extra(&[self.length, self.length]) } else { Vec::new() };
        [b"PK\x03\x04", &self.common(&extra)[..], self.name.as_bytes(), &extra].concat()
    }

    /// The header in the central directory (4.3.12).
    fn central(&self) -> Vec<u8> {
        let fields: Vec<u64> =
            [self.length, self.length, self.offset].into_iter().filter(|&field| field >= LONG).collect();
        let extra = if fields.is_empty() { Vec::new() } else { extra(&fields) };
        let mut out = b"PK\x01\x02".to_vec();
        out.extend((ON_UNIX | version(&extra)).to_le_bytes());
        out.extend(self.common(&extra));
        // No comment, first disk, not a text file.
        out.extend([0; 6]);
        out.extend(ATTRIBUTES.to_le_bytes());
        out.extend(long(self.offset));
        [&out, self.name.as_bytes(), &extra].concat()
    }

    /// The fields that both headers share, from the required version to the lengths of name and extra field.
    fn common(&self, extra: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for field in [version(extra), UTF8, STORED, self.time.time, self.time.date] {
            out.extend(field.to_le_bytes());
        }
        out.extend(self.crc32.to_le_bytes());
        out.extend(long(self.length));
        out.extend(long(self.length));
        out.extend(short(self.name.len() as u64));
        out.extend(short(extra.len() as u64));
        out
    }
}

fn version(extra: &[u8]) -> u16 {
    if extra.is_empty() { PLAIN } else { ZIP64 }
}

/// The ZIP64 extra field (4.5.3).
fn extra(fields: &[u64]) -> Vec<u8> {
    let fields: Vec<u8> = fields.iter().flat_map(|field| field.to_le_bytes()).collect();
    [&1u16.to_le_bytes()[..], &short(fields.len() as u64), &fields].concat()
}

/// The end records (4.3.14 to 4.3.16) that follow the directory.
fn end_records(count: u64, directory: &Range<u64>) -> Vec<u8> {
    let length = directory.end - directory.start;
    let mut out = Vec::new();
    if count >= SHORT || length >= LONG || directory.start >= LONG {
        out.extend(b"PK\x06\x06");
        out.extend(44u64.to_le_bytes());
        out.extend((ON_UNIX | ZIP64).to_le_bytes());
        out.extend(ZIP64.to_le_bytes());
        out.extend([0; 8]);
        out.extend([count, count, length, directory.start].iter().flat_map(|field| field.to_le_bytes()));
        out.extend(b"PK\x06\x07\0\0\0\0");
        out.extend(directory.end.to_le_bytes());
        out.extend(1u32.to_le_bytes());
    }
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([short(count), short(count)].concat());
    out.extend([long(length), long(directory.start)].concat());
    out.extend([0; 2]);
    out
}

/// A number in four bytes; all ones if it does not fit.
fn long(number: u64) -> [u8; 4] {
    (number.min(LONG) as u32).to_le_bytes()
}

/// A number in two bytes; all ones if it does not fit.
fn short(number: u64) -> [u8; 2] {
    (number.min(SHORT) as u16).to_le_bytes()
}
