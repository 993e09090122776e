//! The central directory: all entries of an archive, judged together.
//!
//! `rawzip` reads the records (zip64 included). The checks on top are ours: the caps, the one reading, paths,
//! names, and that no two entries share bytes, which is how a small archive holds a great many large files
//! (D. Fifield, "A better zip bomb", WOOT 2019).

use std::io;
use std::ops::Range;

use rawzip::{ZipArchive, ZipFileHeaderRecord, ZipLocator};

use super::end::End;
use super::entry::{Entry, EntryKind, Method};
use super::name::{self, Names};
use super::source::Source;
use super::{ArchiveError, ArchiveLimits};
use crate::spool::Spool;

/// `AE-x` encryption hides behind a method number of its own (APPNOTE 4.4.5).
const METHOD_AES: u16 = 99;
/// Length of a local header without name and extra field (APPNOTE 4.3.7).
const LOCAL_HEADER: usize = 30;

/// The entries of an archive that passed every check.
#[derive(Debug, Clone)]
pub struct Directory {
    entries: Vec<Entry>,
}

impl Directory {
    /// Reads and checks the directory. Reads as many bytes as the limits allow at most, and none of the entries'
    /// data. Blocks.
    pub fn read(source: &Spool, limits: &ArchiveLimits) -> Result<Self, ArchiveError> {
        let end = End::find(source)?;
        let mut buffer = vec![0; rawzip::MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        let behind_signature = end.offset + 4;
        let archive = ZipLocator::new()
            .locate_in_reader(Source(source), &mut buffer, behind_signature)
            .map_err(|(_, error)| damaged(&error))?;
        check_end(&archive, &end, limits)?;
        Reading::new(source, *limits, &archive).run(&archive, &mut buffer)
    }

    /// The entries in the directory's order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries themselves.
    #[must_use]
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

/// Caps and place, judged on the end record alone.
fn check_end<R>(archive: &ZipArchive<R>, end: &End, limits: &ArchiveLimits) -> Result<(), ArchiveError> {
    let start = archive.directory_offset();
    if archive.eocd_offset() != end.offset || end.directory.is_some_and(|claimed| claimed != start) {
        return Err(ArchiveError::Damaged("the central directory is not where the end record says"));
    }
    let length =
        end.offset.checked_sub(start).ok_or(ArchiveError::Damaged("the central directory lies behind"))?;
    if archive.entries_hint() > limits.max_entries || length > limits.max_directory_bytes {
        return Err(ArchiveError::TooManyEntries);
    }
    Ok(())
}

/// The state of reading one directory.
struct Reading<'a> {
    source: &'a Spool,
    limits: ArchiveLimits,
    directory_offset: u64,
    promised: usize,
    names: Names,
    entries: Vec<Entry>,
    /// From local header to the end of the data, an entry each.
    spans: Vec<Range<u64>>,
}

impl<'a> Reading<'a> {
    fn new<R>(source: &'a Spool, limits: ArchiveLimits, archive: &ZipArchive<R>) -> Self {
        let promised = archive.entries_hint() as usize;
        Self {
            source,
            limits,
            directory_offset: archive.directory_offset(),
            promised,
            names: Names::by(str::to_owned),
            entries: Vec::with_capacity(promised),
            spans: Vec::with_capacity(promised),
        }
    }

    fn run(mut self, archive: &ZipArchive<Source<'_>>, buffer: &mut [u8]) -> Result<Directory, ArchiveError> {
        let mut records = archive.entries(buffer);
        while let Some(record) = records.next_entry().map_err(|error| damaged(&error))? {
            if self.entries.len() == self.promised {
                return Err(ArchiveError::Damaged("more entries than the end record says"));
            }
            self.take(&record)?;
        }
        if self.entries.len() < self.promised {
            return Err(ArchiveError::Damaged("fewer entries than the end record says"));
        }
        self.refuse_overlaps()?;
        Ok(Directory { entries: self.entries })
    }

    fn take(&mut self, record: &ZipFileHeaderRecord<'_>) -> Result<(), ArchiveError> {
        let raw = record.file_path().as_bytes();
        let decoded = name::decode(raw, record.flags().is_utf8());
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
            verdict: self.judge(record, method),
            renamed: local.renamed,
            name: self.names.unique(name::clean(&decoded)),
        });
        self.spans.push(local.span);
        Ok(())
    }

    /// Finds where an entry's bytes begin and end, and whether it is called the same there. One read an entry, as
    /// long as the name in the directory: all of them together are bounded by the directory's length.
    fn local_header(&self, record: &ZipFileHeaderRecord<'_>, name: &[u8]) -> Result<Local, ArchiveError> {
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
        Ok(Local { span: start..end, renamed })
    }

    fn judge(&self, record: &ZipFileHeaderRecord<'_>, method: Method) -> EntryKind {
        let flags = record.flags();
        let limit = self.limits.max_entry_bytes;
        match file_type(record) {
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

    fn refuse_overlaps(&mut self) -> Result<(), ArchiveError> {
        self.spans.sort_unstable_by_key(|span| span.start);
        if self.spans.windows(2).any(|pair| pair[1].start < pair[0].end) {
            return Err(ArchiveError::Damaged("entries overlap"));
        }
        Ok(())
    }
}

struct Local {
    span: Range<u64>,
    renamed: bool,
}

enum FileType {
    Regular,
    Directory,
    Symlink,
    Device,
}

/// The file type bits of Unix lie in the upper half of the external attributes. They are believed whatever
/// system the archive says it was made on, since writers set them on any.
fn file_type(record: &ZipFileHeaderRecord<'_>) -> FileType {
    const FAT_DIRECTORY: u32 = 0x10;
    let attributes = record.external_attributes();
    match attributes >> 16 & 0o170_000 {
        0o120_000 => FileType::Symlink,
        0o140_000 | 0o060_000 | 0o020_000 | 0o010_000 => FileType::Device,
        0o040_000 => FileType::Directory,
        _ if record.is_dir() || attributes & FAT_DIRECTORY != 0 => FileType::Directory,
        _ => FileType::Regular,
    }
}

/// What `rawzip` says, in our words. Only a failure of the disk is not the archive's fault.
fn damaged(error: &rawzip::Error) -> ArchiveError {
    match error.kind() {
        rawzip::ErrorKind::IO(cause) if cause.kind() != io::ErrorKind::UnexpectedEof => {
            ArchiveError::Io(io::Error::new(cause.kind(), cause.to_string()))
        }
        rawzip::ErrorKind::InvalidSignature { .. } => {
            ArchiveError::Damaged("the directory holds what is no record")
        }
        rawzip::ErrorKind::Eof | rawzip::ErrorKind::IO(_) => {
            ArchiveError::Damaged("the directory is truncated")
        }
        _ => ArchiveError::Damaged("the end record is invalid"),
    }
}
