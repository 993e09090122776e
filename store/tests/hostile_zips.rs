//! Tests every hostile archive in the table against its expected result, and more archives of the same kinds.

#![allow(clippy::unwrap_used)]

#[path = "support/archives.rs"]
mod archives;

use archives::hostile::{Hostile, Must, table};
use archives::{Member, zip};
use huemill_store::archive::{
    ArchiveError, ArchiveLimits, Directory, Entry, EntryError, EntryKind, extract, peek,
};
use huemill_store::{Spool, SpoolRoom, SpoolSettings};

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\nnot really, but the same bytes every time";

fn spool(bytes: Vec<u8>) -> Spool {
    let room = SpoolRoom::open(SpoolSettings::default()).unwrap();
    Spool::from_bytes(&room, bytes).unwrap()
}

fn read(source: &Spool) -> Result<Directory, ArchiveError> {
    Directory::read(source, &ArchiveLimits::default())
}

/// Whether callers ignore the entry.
fn is_ignored(entry: &Entry) -> bool {
    entry.junk() || [".txt", ".zip"].iter().any(|end| entry.name.ends_with(end))
}

fn check(row: &Hostile) {
    let (id, what) = (row.id, &row.what);
    let source = spool(row.bytes.clone());
    let outcome = read(&source);
    match (&row.must, &outcome) {
        (Must::Traversal, Err(ArchiveError::Traversal { .. }))
        | (Must::Refused, Err(ArchiveError::Damaged(_) | ArchiveError::TooManyEntries)) => {}
        (Must::Pictures(count), Ok(directory)) => {
            assert_eq!(directory.entries().len(), *count, "{id} {what}");
        }
        (Must::Entries { good, bad }, Ok(directory)) => {
            let label = format!("{id} {what}");
            check_entries(&label, &source, directory, good, bad);
        }
        (must, outcome) => panic!("{id} {what}: expected {must:?}, but got {outcome:?}"),
    }
}

fn check_entries(label: &str, source: &Spool, directory: &Directory, good: &[String], bad: &[String]) {
    let mut used: Vec<_> = directory.entries().iter().filter(|entry| !is_ignored(entry)).collect();
    used.sort_by_key(|entry| bad.contains(&entry.name));
    let names: Vec<_> = used.iter().map(|entry| &entry.name).collect();
    assert_eq!(names, good.iter().chain(bad).collect::<Vec<_>>(), "{label}");
    for entry in used {
        let bytes = extract(source, entry, 50_000_000);
        if good.contains(&entry.name) {
            assert_eq!(bytes.unwrap(), PICTURE, "{label}: {}", entry.name);
        } else {
            assert!(bytes.is_err(), "{label}: {}", entry.name);
        }
    }
}

#[test]
fn every_hostile_archive_has_the_expected_result() {
    table(PICTURE).iter().for_each(check);
}

/// The entry of an archive with this single member, and the result of extracting it.
fn single_entry(member: Member) -> (Entry, Result<Vec<u8>, EntryError>) {
    let source = spool(zip(&[member]));
    let entry = read(&source).unwrap().into_entries().remove(0);
    let bytes = extract(&source, &entry, 1000);
    (entry, bytes)
}

#[test]
fn each_entry_that_cannot_be_extracted_has_its_own_error() {
    let member = || Member::stored("a.png", PICTURE);
    let damaged = |member| matches!(single_entry(member), (_, Err(EntryError::Damaged(_))));
    let not_a_file =
        |mode| matches!(single_entry(Member::special("a.png", mode, b"b")), (_, Err(EntryError::NotAFile)));
    assert!(not_a_file(0o120_777) && not_a_file(0o060_660));
    let folder = Member::special("a.png", 0o040_755, b"");
    assert!(matches!(single_entry(folder), (_, Err(EntryError::NotAFile))));
    assert!(matches!(single_entry(Member { flags: 1, ..member() }), (_, Err(EntryError::Encrypted))));
    assert!(matches!(single_entry(Member { method: 99, ..member() }), (_, Err(EntryError::Encrypted))));
    assert!(matches!(
        single_entry(Member { method: 14, ..member() }),
        (_, Err(EntryError::UnsupportedMethod(14)))
    ));
    assert!(matches!(
        single_entry(Member { size: 1001, ..member() }),
        (_, Err(EntryError::TooLarge { limit: 1000 }))
    ));
    assert!(damaged(Member { size: 3, ..member() }));
    assert!(damaged(Member { size: 999, ..member() }));
    assert!(damaged(Member { crc32: 0, ..member() }));
    assert!(damaged(Member { method: 8, ..member() }));
    assert!(damaged(Member { size: 3, ..Member::deflated("a.png", PICTURE) }));
    assert!(damaged(Member { size: 999, ..Member::deflated("a.png", PICTURE) }));
    assert!(damaged(Member { data: vec![3], ..Member::deflated("a.png", b"") }));
}

#[test]
fn a_different_local_name_is_flagged_and_not_used() {
    for (local, renamed) in [(&b"a.png"[..], false), (b"b.png", true), (b"", true), (b"../../../a.png", true)]
    {
        let (entry, bytes) =
            single_entry(Member { local_name: Some(local.to_vec()), ..Member::stored("a.png", PICTURE) });
        assert_eq!((entry.name.as_str(), entry.renamed), ("a.png", renamed));
        assert_eq!(bytes.unwrap(), PICTURE);
    }
}

#[test]
fn a_zip_bomb_can_be_peeked_at() {
    let source = spool(zip(&[archives::zeros("a.png", 1 << 30)]));
    let directory =
        Directory::read(&source, &ArchiveLimits { max_entry_bytes: u64::MAX, ..Default::default() });
    let entry = directory.unwrap().into_entries().remove(0);
    assert_eq!(entry.verdict, EntryKind::Readable);
    assert_eq!(peek(&source, &entry, 16).unwrap(), [0; 16]);
}

#[test]
fn the_same_bytes_have_the_same_result() {
    for row in table(PICTURE) {
        let outcomes = [spool(row.bytes.clone()), spool(row.bytes)]
            .map(|source| read(&source).map(Directory::into_entries).map_err(|error| error.to_string()));
        assert_eq!(outcomes[0], outcomes[1], "{} {}", row.id, row.what);
    }
}

#[test]
fn five_thousand_equal_names_become_unique() {
    let long = format!("{}.png", "n".repeat(2000));
    let members: Vec<_> = (0..5000)
        .map(|index| match index % 2 {
            0 => Member::stored("a.png", b""),
            _ => Member::stored(format!("{long}{index:04}.png"), b""),
        })
        .collect();
    let limits = ArchiveLimits { max_directory_bytes: 16 << 20, ..ArchiveLimits::default() };
    let directory = Directory::read(&spool(zip(&members)), &limits).unwrap();
    let names: std::collections::HashSet<_> = directory.entries().iter().map(|entry| &entry.name).collect();
    assert_eq!(names.len(), 5000);
    assert!(names.iter().all(|name| name.len() <= Entry::LONGEST_NAME));
}
