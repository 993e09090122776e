//! Measures the memory that is really allocated: by spools within their allowance, and by archives that declare huge
//! sizes.

#![allow(clippy::unwrap_used)]

#[path = "support/archives.rs"]
mod archives;
#[path = "support/servers.rs"]
mod servers;

use std::sync::{Mutex, PoisonError};

use archives::hostile::table;
use archives::{Member, zip};
use bytes::Bytes;
use huemill_store::archive::{ArchiveLimits, Directory, extract, peek};
use huemill_store::blobs::{Blobs, BucketSettings};
use huemill_store::fetch::fetch;
use huemill_store::job::ItemSource;
use huemill_store::{Spool, SpoolRoom, SpoolSettings};
use peak_alloc::PeakAlloc;
use servers::s3::S3;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Allows only one measurement at a time, because the allocator counts for the whole process.
static MEASURING: Mutex<()> = Mutex::new(());

/// The result of `work`, and its peak memory in bytes.
fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let result = work();
    (result, ALLOCATOR.peak_usage().saturating_sub(before))
}

const KIB: usize = 1 << 10;
const ALLOWANCE: usize = 4 << 20;

#[test]
fn no_archive_uses_more_memory_than_the_limits_allow() {
    let _measuring = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let room = SpoolRoom::open(SpoolSettings { memory_total: 0, ..SpoolSettings::default() }).unwrap();
    let limits = ArchiveLimits { max_entry_bytes: 1 << 20, ..ArchiveLimits::default() };
    for row in table(b"picture") {
        let (id, what) = (row.id, row.what);
        let source = Spool::from_bytes(&room, row.bytes).unwrap();
        let (directory, peak) = peak_of(|| Directory::read(&source, &limits));
        assert!(peak < 2048 * KIB, "{id} {what}: {peak} bytes for the directory");
        for entry in directory.iter().flat_map(Directory::entries) {
            let (_, peak) = peak_of(|| extract(&source, entry, 1 << 20));
            assert!(peak < 1024 * KIB + 256 * KIB, "{id} {what}: {peak} bytes for {}", entry.name);
            let (_, peak) = peak_of(|| peek(&source, entry, 64));
            assert!(peak < 256 * KIB, "{id} {what}: {peak} bytes to peek at {}", entry.name);
        }
    }
}

#[test]
fn the_longest_directory_uses_a_few_times_its_length() {
    let _measuring = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let room = SpoolRoom::open(SpoolSettings::default()).unwrap();
    let name = [&[0xb0; 785][..], b".png"].concat();
    let members: Vec<_> = (0..5000).map(|_| Member::stored(&name, b"")).collect();
    let source = Spool::from_bytes(&room, zip(&members)).unwrap();
    drop(members);
    let (directory, peak) = peak_of(|| Directory::read(&source, &ArchiveLimits::default()));
    assert_eq!(directory.unwrap().entries().len(), 5000);
    assert!(peak < 16 << 20, "{peak} bytes");
}

#[test]
fn spools_use_no_more_memory_than_their_allowance() {
    let _measuring = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let settings = SpoolSettings { memory_total: ALLOWANCE as u64, ..SpoolSettings::default() };
    let room = SpoolRoom::open(settings).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let chunk = Bytes::from(vec![7; 64 * KIB]);
    let (spools, peak) = peak_of(|| {
        runtime.block_on(async {
            let mut writers: Vec<_> = (0..100).map(|_| room.writer()).collect();
            for _ in 0..20 {
                for writer in &mut writers {
                    writer.write(chunk.clone()).await.unwrap();
                }
            }
            let mut spools = Vec::new();
            for writer in writers {
                spools.push(writer.finish().await.unwrap());
            }
            spools
        })
    });
    assert_eq!(spools.iter().map(Spool::len).sum::<u64>(), 100 * 20 * (64 << 10));
    // A growing buffer exists twice for a moment. The rest belongs to the runtime.
    assert!(peak < ALLOWANCE + 2048 * KIB, "{peak} bytes");
}

#[test]
fn blobs_are_streamed_in_pieces() {
    const LENGTH: usize = 64 << 20;
    servers::require!(S3);
    let _measuring = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let room = SpoolRoom::open(SpoolSettings { memory_each: 0, ..SpoolSettings::default() }).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let local = Blobs::folder(folder.path()).unwrap();
    let server = S3::shared();
    let url = format!("s3://{}", server.bucket());
    let remote = Blobs::open(&url, &BucketSettings::default(), &server.environment()).unwrap();
    let member = Member::deflated("a.png", &vec![7; LENGTH]);
    let (archive, deflated) = (zip(std::slice::from_ref(&member)), member.data.len());
    let source = Spool::from_bytes(&room, archive).unwrap();
    let limits = ArchiveLimits { max_entry_bytes: LENGTH as u64, ..ArchiveLimits::default() };
    let entry = Directory::read(&source, &limits).unwrap().into_entries().remove(0);
    let plain = Spool::from_bytes(&room, vec![7; LENGTH]).unwrap();
    assert!(deflated < LENGTH / 100);
    // Connections, TLS roots and the like are allocated once.
    runtime.block_on(remote.probe()).unwrap();
    // Three parts of 5 MiB are uploaded at a time.
    for (name, blobs, parts) in [("folder", &local, 0), ("bucket", &remote, 3 * 5120 * KIB)] {
        let blob = ItemSource::Blob { key: "jobs/plain".to_owned(), length: LENGTH as u64 };
        let packed = ItemSource::Entry { key: "jobs/packed".to_owned(), entry: entry.clone() };
        runtime.block_on(blobs.put_spool("jobs/packed", &source)).unwrap();
        let (put, peak) = peak_of(|| runtime.block_on(blobs.put_spool("jobs/plain", &plain)));
        put.unwrap();
        assert!(peak < parts + 512 * KIB, "{name}: {peak} bytes to put");
        for source in [&blob, &packed] {
            let (spool, peak) = peak_of(|| runtime.block_on(fetch(blobs, source, &room, LENGTH as u64)));
            assert_eq!(spool.unwrap().len(), LENGTH as u64);
            // The HTTP client has its own buffers.
            assert!(
                peak < if parts == 0 { 512 } else { 2048 } * KIB,
                "{name}: {peak} bytes to fetch {source:?}"
            );
        }
    }
}
