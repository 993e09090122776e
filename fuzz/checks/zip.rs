//! What must hold for arbitrary bytes that are read as a ZIP archive, with small limits: the directory is read, then each
//! entry is peeked at and extracted. The extracted data must respect the limits and match the directory.

use std::collections::HashSet;
use std::sync::LazyLock;

use huemill_store::archive::{ArchiveLimits, Directory, Entry, extract, peek};
use huemill_store::{Spool, SpoolRoom, SpoolSettings};

static ROOM: LazyLock<SpoolRoom> = LazyLock::new(|| {
    SpoolRoom::open(SpoolSettings::default()).expect("the folder for temporary files can be opened")
});

const LIMITS: ArchiveLimits =
    ArchiveLimits { max_entries: 64, max_directory_bytes: 64 << 10, max_entry_bytes: 256 << 10 };

/// Panics if something does not hold.
pub fn check(bytes: &[u8]) {
    let source = Spool::from_bytes(&ROOM, bytes.to_vec()).expect("there is room for temporary bytes");
    let Ok(directory) = Directory::read(&source, &LIMITS) else { return };
    let entries = directory.entries();
    assert!(entries.len() as u64 <= LIMITS.max_entries);
    let names: HashSet<_> = entries.iter().map(|entry| &entry.name).collect();
    assert_eq!(names.len(), entries.len(), "entry names must be unique");
    let mut spans: Vec<_> = entries.iter().map(|entry| (entry.offset, entry.compressed_size)).collect();
    spans.sort_unstable();
    assert!(spans.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "entries must not overlap");
    for entry in entries {
        check_entry(&source, entry);
    }
}

fn check_entry(source: &Spool, entry: &Entry) {
    assert!(!entry.name.is_empty() && entry.name.len() <= Entry::LONGEST_NAME);
    assert!(!entry.name.chars().any(char::is_control) && !entry.name.starts_with('/'));
    assert!(!entry.name.contains('\\') && !entry.name.split('/').any(|part| part == ".."));
    assert!(entry.offset + entry.compressed_size <= source.len());
    let start = peek(source, entry, 32);
    if let Ok(start) = &start {
        assert!(start.len() <= 32);
    }
    if let Ok(bytes) = extract(source, entry, LIMITS.max_entry_bytes) {
        assert_eq!(bytes.len() as u64, entry.size);
        assert!(bytes.capacity() as u64 <= LIMITS.max_entry_bytes);
        assert!(bytes.starts_with(&start.expect("an entry that can be extracted can be peeked at")));
    }
}
