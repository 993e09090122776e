//! Tests the archive reader: entries are extracted unchanged, and any damage is detected.

#![allow(clippy::unwrap_used)]

#[path = "support/archives.rs"]
mod archives;

use archives::{Member, zip, zip_with};
use huemill_store::archive::{ArchiveError, ArchiveLimits, Directory, EntryError, EntryKind, extract, peek};
use huemill_store::{Spool, SpoolRoom, SpoolSettings};
use proptest::prelude::*;

fn spool(bytes: Vec<u8>) -> Spool {
    let room = SpoolRoom::open(SpoolSettings::default()).unwrap();
    Spool::from_bytes(&room, bytes).unwrap()
}

fn read(source: &Spool) -> Result<Directory, ArchiveError> {
    Directory::read(source, &ArchiveLimits::default())
}

fn noise(length: usize) -> Vec<u8> {
    (0..length as u32)
        .flat_map(|index| index.wrapping_mul(2_654_435_761).to_le_bytes())
        .take(length)
        .collect()
}

prop_compose! {
    fn member()(length in 0..100_000usize, deflated: bool, zip64: bool, name in "[a-zé]{1,12}") -> (Member, Vec<u8>) {
        let bytes = noise(length);
        let name = format!("{name}/{length}.jpg");
        let member = if deflated { Member::deflated(name, &bytes) } else { Member::stored(name, &bytes) };
        (Member { zip64, ..member }, bytes)
    }
}

/// Random concatenations of parts of archives.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let member = Member::deflated("a.png", &noise(50));
    let whole = zip(&[member.clone(), Member { zip64: true, ..member.clone() }]);
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        Just(member.local_header()),
        Just(member.data.clone()),
        (0..200u64).prop_map(move |offset| member.central_header(offset)),
        (0..4usize, 0..300usize, 0..300u64)
            .prop_map(|(count, length, start)| archives::end(count, length, start, b"")),
        (0..4u64, 0..300u64, 0..300u64)
            .prop_map(|(count, length, start)| archives::zip64_end(count, length, start)),
        (0..whole.len(), 0..whole.len()).prop_map(move |(a, b)| whole[a.min(b)..a.max(b)].to_vec()),
    ];
    proptest::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn entries_are_extracted_unchanged(
        members in proptest::collection::vec(member(), 0..8),
        comment in "[a-z]{0,50}",
        length in 0..2000usize,
    ) {
        let (members, contents): (Vec<_>, Vec<_>) = members.into_iter().unzip();
        let source = spool(zip_with(&members, comment.as_bytes()));
        let directory = read(&source).unwrap();
        prop_assert_eq!(directory.entries().len(), members.len());
        for ((entry, member), content) in directory.entries().iter().zip(&members).zip(&contents) {
            let stem = std::str::from_utf8(&member.name).unwrap().trim_end_matches(".jpg");
            prop_assert!(entry.name.starts_with(stem));
            prop_assert_eq!((entry.verdict, entry.renamed), (EntryKind::Readable, false));
            let bytes = extract(&source, entry, content.len() as u64).unwrap();
            prop_assert!(&bytes == content && bytes.capacity() == content.len());
            prop_assert!(peek(&source, entry, length).unwrap() == content[..length.min(content.len())]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_input_makes_the_reader_panic(bytes in pieces()) {
        let source = spool(bytes);
        for entry in read(&source).iter().flat_map(Directory::entries) {
            if let Ok(bytes) = extract(&source, entry, 10_000) {
                prop_assert_eq!(bytes.len() as u64, entry.size);
            }
            let _ = peek(&source, entry, 16);
        }
    }

    #[test]
    fn names_are_unique_and_safe_to_display(names in proptest::collection::vec("[ab(2). \\x00\u{202e}]{0,5}", 1..12)) {
        let members: Vec<_> = names.iter().map(|name| Member::stored(name, b"")).collect();
        let source = spool(zip(&members));
        if let Ok(directory) = read(&source) {
            let names: std::collections::HashSet<_> = directory.entries().iter().map(|entry| &entry.name).collect();
            prop_assert_eq!(names.len(), members.len());
            for name in names {
                prop_assert!(!name.is_empty() && name.len() <= huemill_store::archive::Entry::LONGEST_NAME);
                prop_assert!(!name.chars().any(|letter| letter.is_control() || letter == '\u{202e}'), "{:?}", name);
            }
        }
    }
}

#[test]
fn a_truncated_archive_is_rejected() {
    let inner = zip(&[Member::stored("inner.png", b"inner")]);
    let members = [Member::deflated("a.png", &noise(500)), Member::stored("b.zip", &inner)];
    let whole = zip_with(&members, b"comment");
    assert!(read(&spool(whole.clone())).is_ok());
    for length in 0..whole.len() {
        let outcome = read(&spool(whole[..length].to_vec()));
        assert!(matches!(outcome, Err(ArchiveError::Damaged(_))), "{length}: {outcome:?}");
    }
}

#[test]
fn a_flipped_bit_never_changes_the_extracted_bytes() {
    let content = noise(100);
    let whole = zip(&[Member::deflated("a.png", &content), Member::stored("b.png", &content)]);
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let source = spool(flipped);
        for entry in read(&source).iter().flat_map(Directory::entries) {
            if let Ok(bytes) = extract(&source, entry, 1000) {
                assert_eq!(bytes, content, "bit {bit}");
            }
        }
    }
}

#[test]
fn a_large_archive_is_read_from_its_file() {
    let content = noise(3 << 20);
    let source = spool(zip(&[Member::stored("a.png", &content), Member::deflated("b.png", &content)]));
    assert!(source.len() > 4 << 20);
    for entry in read(&source).unwrap().entries() {
        assert!(extract(&source, entry, 4 << 20).unwrap() == content);
        assert_eq!(peek(&source, entry, 16).unwrap(), &content[..16]);
    }
}

#[test]
fn a_data_descriptor_after_the_data_is_skipped() {
    let mut streamed = Member { flags: 8, ..Member::deflated("a.png", b"first") };
    streamed.claimed = Some(streamed.data.len() as u64);
    let descriptor = [streamed.crc32, streamed.data.len() as u32, 5].map(u32::to_le_bytes).concat();
    streamed.data.extend([b"PK\x07\x08", &descriptor[..]].concat());
    let source = spool(zip(&[streamed, Member::stored("b.png", b"second")]));
    let directory = read(&source).unwrap();
    let contents: Vec<_> =
        directory.entries().iter().map(|entry| extract(&source, entry, 10).unwrap()).collect();
    assert_eq!(contents, [b"first".to_vec(), b"second".to_vec()]);
}

#[test]
fn the_limits_are_exact() {
    let members: Vec<_> = (0..4).map(|index| Member::stored(format!("{index}.png"), b"12345678")).collect();
    let source = spool(zip(&members));
    let directory_bytes = 4 * (46 + 5) as u64;
    let limits = |max_entries, max_directory_bytes, max_entry_bytes| {
        Directory::read(&source, &ArchiveLimits { max_entries, max_directory_bytes, max_entry_bytes })
    };
    let exact = limits(4, directory_bytes, 8).unwrap();
    assert!(exact.entries().iter().all(|entry| entry.verdict == EntryKind::Readable));
    assert!(matches!(limits(3, directory_bytes, 8), Err(ArchiveError::TooManyEntries)));
    assert!(matches!(limits(4, directory_bytes - 1, 8), Err(ArchiveError::TooManyEntries)));
    let tight = limits(4, directory_bytes, 7).unwrap();
    assert_eq!(tight.entries()[0].verdict, EntryKind::TooLarge { limit: 7 });
    assert!(matches!(extract(&source, &tight.entries()[0], 8), Err(EntryError::TooLarge { limit: 7 })));
    assert!(matches!(extract(&source, &exact.entries()[0], 7), Err(EntryError::TooLarge { limit: 7 })));
    assert_eq!(extract(&source, &exact.entries()[0], 8).unwrap(), b"12345678");
}
