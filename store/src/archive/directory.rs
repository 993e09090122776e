//! The central directory: reads and checks all entries of an archive.
//!
//! `rawzip` parses the records, including zip64. This module adds the checks: the limits, a single interpretation,
//! paths and names, and that no two entries share bytes. Shared bytes would let a small archive contain a great many
//! large files (D. Fifield, "A better zip bomb", WOOT 2019).

use std::io;
use std::ops::Range;

use rawzip::{ZipArchive, ZipFileHeaderRecord, ZipLocator};

use super::encoding::NameEncoding;
use super::end_record::{ArchiveError, EndRecord};
use super::entry::{Entry, EntryKind, Method};
use super::name::{self, UniqueNames};
use crate::spool::Spool;

/// The method number of `AE-x` encryption (APPNOTE 4.4.5).
const METHOD_AES: u16 = 99;
/// The id of the "Info-ZIP Unicode Path" extra field (APPNOTE 4.6.9).
const UNICODE_PATH: u16 = 0x7075;
/// Length of a local header without name and extra field (APPNOTE 4.3.7).
const LOCAL_HEADER: usize = 30;

/// Limits on an archive. They are checked before the work that they limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Maximum number of entries, including folders and junk.
    pub max_entries: u64,
    /// Maximum size of the central directory in bytes.
    pub max_directory_bytes: u64,
    /// Maximum uncompressed size of one entry in bytes. An entry that declares more becomes [`EntryKind::TooLarge`].
    pub max_entry_bytes: u64,
}

impl Default for ArchiveLimits {
    /// 5,000 entries, a directory of 4 MiB, 50 MiB per entry.
    fn default() -> Self {
        Self { max_entries: 5_000, max_directory_bytes: 4 << 20, max_entry_bytes: 50 << 20 }
    }
}

/// A spool as `rawzip` reads it.
#[derive(Debug, Clone, Copy)]
struct Source<'a>(&'a Spool);

impl rawzip::ReaderAt for Source<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(offset, buffer)
    }
}

/// The entries of an archive that passed every check.
#[derive(Debug, Clone)]
pub struct Directory {
    entries: Vec<Entry>,
}

impl Directory {
    /// Reads and checks the directory. Reads no more bytes than the limits allow, and none of the entries' data.
    /// Blocks.
    pub fn read(source: &Spool, limits: &ArchiveLimits) -> Result<Self, ArchiveError> {
        let end = EndRecord::find(source)?;
        let mut buffer = vec![0; rawzip::MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        let after_signature = end.offset + 4;
        let archive = ZipLocator::new()
            .locate_in_reader(Source(source), &mut buffer, after_signature)
            .map_err(|(_, error)| damaged(&error))?;
        check_end(&archive, &end, limits)?;
        DirectoryReader::new(source, *limits, &archive).run(&archive, &mut buffer)
    }

    /// The entries in the order of the directory.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries in the order of the directory, owned.
    #[must_use]
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

/// Checks the limits and the position of the directory with the end record alone.
fn check_end<R>(
    archive: &ZipArchive<R>,
    end: &EndRecord,
    limits: &ArchiveLimits,
) -> Result<(), ArchiveError> {
    let start = archive.directory_offset();
    if archive.eocd_offset() != end.offset || end.directory.is_some_and(|claimed| claimed != start) {
        return Err(ArchiveError::Damaged("the central directory is not where the end record says"));
    }
    let length = end
        .offset
        .checked_sub(start)
        .ok_or(ArchiveError::Damaged("the central directory is after its end"))?;
    if archive.entries_hint() > limits.max_entries || length > limits.max_directory_bytes {
        return Err(ArchiveError::TooManyEntries);
    }
    Ok(())
}

/// The state of reading one directory.
struct DirectoryReader<'a> {
    source: &'a Spool,
    limits: ArchiveLimits,
    directory_offset: u64,
    declared: usize,
    /// The encoding of the names that do not say theirs.
    encoding: NameEncoding,
    names: UniqueNames,
    entries: Vec<Entry>,
    /// The bytes of each entry, from its local header to the end of its data.
    spans: Vec<Range<u64>>,
}

impl<'a> DirectoryReader<'a> {
    fn new<R>(source: &'a Spool, limits: ArchiveLimits, archive: &ZipArchive<R>) -> Self {
        let declared = archive.entries_hint() as usize;
        Self {
            source,
            limits,
            directory_offset: archive.directory_offset(),
            declared,
            encoding: NameEncoding::default(),
            names: UniqueNames::by(str::to_owned),
            entries: Vec::with_capacity(declared),
            spans: Vec::with_capacity(declared),
        }
    }

    fn run(mut self, archive: &ZipArchive<Source<'_>>, buffer: &mut [u8]) -> Result<Directory, ArchiveError> {
        self.encoding = NameEncoding::guess(&self.names_without_encoding(archive, buffer)?);
        let mut records = archive.entries(buffer);
        while let Some(record) = records.next_entry().map_err(|error| damaged(&error))? {
            if self.entries.len() == self.declared {
                return Err(ArchiveError::Damaged("more entries than the end record says"));
            }
            self.add_entry(&record)?;
        }
        if self.entries.len() < self.declared {
            return Err(ArchiveError::Damaged("fewer entries than the end record says"));
        }
        self.reject_overlaps()?;
        Ok(Directory { entries: self.entries })
    }

    /// The names that are neither UTF-8 nor have a Unicode path.
    fn names_without_encoding(
        &self,
        archive: &ZipArchive<Source<'_>>,
        buffer: &mut [u8],
    ) -> Result<Vec<Vec<u8>>, ArchiveError> {
        let mut found = Vec::new();
        let mut records = archive.entries(buffer);
        for _ in 0..self.declared {
            let Some(record) = records.next_entry().map_err(|error| damaged(&error))? else { break };
            let raw = record.file_path().as_bytes();
            let says_its_own = record.flags().is_utf8() || unicode_path(&record).is_some();
            if !says_its_own && std::str::from_utf8(raw).is_err() {
                found.push(raw.to_vec());
            }
        }
        Ok(found)
    }

    fn add_entry(&mut self, record: &ZipFileHeaderRecord<'_>) -> Result<(), ArchiveError> {
        let raw = record.file_path().as_bytes();
        let decoded = name::decode(raw, record.flags().is_utf8(), unicode_path(record), self.encoding);
        if name::leaves_archive(&decoded) {
            return Err(ArchiveError::Traversal { index: self.entries.len() });
        }
        let local = self.local_header(record, raw)?;
        let method = Method::from(record.compression_method().as_u16());
        self.entries.push(Entry {
            offset: local.span.end - record.compressed_size_hint(),
            compressed_size: record.compressed_size_hint(),
            size: record.uncompressed_size_hint(),
            method,
            crc32: record.crc32(),
            verdict: self.kind(record, &decoded, method),
            renamed: local.renamed,
            name: self.names.unique(name::clean(&decoded)),
        });
        self.spans.push(local.span);
        Ok(())
    }

    /// Finds where an entry's bytes start and end, and whether the local header has the same name. Makes one read per
    /// entry, as long as the name in the directory, so the length of the directory bounds all reads together.
    fn local_header(
        &self,
        record: &ZipFileHeaderRecord<'_>,
        name: &[u8],
    ) -> Result<LocalHeader, ArchiveError> {
        let start = record.local_header_offset();
        let mut header = vec![0; LOCAL_HEADER + name.len()];
        let read = self.source.read_at(start, &mut header).map_err(ArchiveError::Io)?;
        if read < LOCAL_HEADER || !header.starts_with(b"PK\x03\x04") {
            return Err(ArchiveError::Damaged("an entry has no local header"));
        }
        let length = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let (name_length, extra_length) = (length(26), length(28));
        let data = start + LOCAL_HEADER as u64 + u64::from(name_length) + u64::from(extra_length);
        let end = data.checked_add(record.compressed_size_hint()).filter(|end| *end <= self.directory_offset);
        let end = end.ok_or(ArchiveError::Damaged("an entry's data reach into the central directory"))?;
        let renamed = usize::from(name_length) != name.len() || !header.ends_with(name);
        Ok(LocalHeader { span: start..end, renamed })
    }

    fn kind(&self, record: &ZipFileHeaderRecord<'_>, name: &str, method: Method) -> EntryKind {
        let flags = record.flags();
        let limit = self.limits.max_entry_bytes;
        match file_type(record, name) {
            FileType::Directory => EntryKind::Directory,
            FileType::Symlink => EntryKind::Symlink,
            FileType::Device => EntryKind::Device,
            FileType::Regular
                if flags.is_encrypted() || flags.has_strong_encryption() || flags.is_masked() =>
            {
                EntryKind::Encrypted
            }
            FileType::Regular => match method {
                Method::Other(METHOD_AES) => EntryKind::Encrypted,
                Method::Other(_) => EntryKind::UnsupportedMethod,
                _ if record.uncompressed_size_hint() > limit => EntryKind::TooLarge { limit },
                _ => EntryKind::Readable,
            },
        }
    }

    fn reject_overlaps(&mut self) -> Result<(), ArchiveError> {
        self.spans.sort_unstable_by_key(|span| span.start);
        if self.spans.windows(2).any(|pair| pair[1].start < pair[0].end) {
            return Err(ArchiveError::Damaged("entries overlap"));
        }
        Ok(())
    }
}

struct LocalHeader {
    span: Range<u64>,
    renamed: bool,
}

enum FileType {
    Regular,
    Directory,
    Symlink,
    Device,
}

/// The path in the entry's Unicode path field, if there is a valid one.
fn unicode_path<'a>(record: &'a ZipFileHeaderRecord<'_>) -> Option<&'a str> {
    let raw = record.file_path().as_bytes();
    let (_, field) = record.extra_fields().find(|(id, _)| id.as_u16() == UNICODE_PATH)?;
    name::unicode_path(raw, field)
}

/// The type of an entry. The upper half of the external attributes contains the file type bits of Unix. They are used
/// whatever system the archive says it was made on, since tools set them on any system.
fn file_type(record: &ZipFileHeaderRecord<'_>, name: &str) -> FileType {
    const FAT_DIRECTORY: u32 = 0x10;
    let attributes = record.external_attributes();
    let is_marked = || attributes >> 16 & 0o170_000 == 0o040_000 || attributes & FAT_DIRECTORY != 0;
    match attributes >> 16 & 0o170_000 {
        0o120_000 => FileType::Symlink,
        0o140_000 | 0o060_000 | 0o020_000 | 0o010_000 => FileType::Device,
        // Some tools mark files as folders, but no folder has bytes.
        _ if name.ends_with('/') || (is_marked() && record.uncompressed_size_hint() == 0) => {
            FileType::Directory
        }
        _ => FileType::Regular,
    }
}

/// Translates an error of `rawzip`. Only a disk error is not the archive's fault.
fn damaged(error: &rawzip::Error) -> ArchiveError {
    match error.kind() {
        rawzip::ErrorKind::IO(cause) if cause.kind() != io::ErrorKind::UnexpectedEof => {
            ArchiveError::Io(io::Error::new(cause.kind(), cause.to_string()))
        }
        rawzip::ErrorKind::InvalidSignature { .. } => {
            ArchiveError::Damaged("the directory contains an invalid record")
        }
        rawzip::ErrorKind::Eof | rawzip::ErrorKind::IO(_) => {
            ArchiveError::Damaged("the directory is truncated")
        }
        _ => ArchiveError::Damaged("the end record is invalid"),
    }
}
