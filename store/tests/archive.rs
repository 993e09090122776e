//! Reading archives that mean well.

#![allow(clippy::unwrap_used)]

#[path = "support/archives.rs"]
mod archives;

use archives::{Member, zip};
use huemill_store::archive::{ArchiveLimits, Directory, extract};
use huemill_store::{Spool, SpoolRoom, SpoolSettings};

fn spool(bytes: Vec<u8>) -> Spool {
    let room = SpoolRoom::open(SpoolSettings::default()).unwrap();
    Spool::from_bytes(&room, bytes).unwrap()
}

#[test]
fn stored_and_deflated_entries_come_out_as_they_went_in() {
    let long: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
    let source = spool(zip(&[Member::stored("a.png", b"first"), Member::deflated("dir/b.jpg", &long)]));
    let directory = Directory::read(&source, &ArchiveLimits::default()).unwrap();
    let names: Vec<_> = directory.entries().iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["a.png", "dir/b.jpg"]);
    assert_eq!(extract(&source, &directory.entries()[0], 5).unwrap(), b"first");
    assert_eq!(extract(&source, &directory.entries()[1], 2_000_000).unwrap(), long);
}
