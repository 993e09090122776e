//! Tests loading pictures from the blob store: the bytes are those that a reader of the whole archive gets, and any
//! damage is detected.

#![allow(clippy::unwrap_used)]

#[path = "support/archives.rs"]
mod archives;
#[path = "support/servers.rs"]
mod servers;

use archives::hostile::table;
use archives::{DEFLATED, Member, zeros, zip};
use bytes::Bytes;
use huemill_store::archive::{ArchiveLimits, Directory, Entry, EntryError, EntryKind, Method, extract};
use huemill_store::blobs::{BlobError, Blobs, BucketSettings, input_key};
use huemill_store::fetch::{FetchError, fetch};
use huemill_store::job::{ItemSource, JobId};
use huemill_store::{Spool, SpoolRoom, SpoolSettings};
use servers::s3::S3;

const LIMIT: u64 = 1 << 20;

/// A blob store with one blob, and the spool room to load pictures into.
struct TestBlob {
    blobs: Blobs,
    room: SpoolRoom,
    key: String,
    _folder: tempfile::TempDir,
}

impl TestBlob {
    async fn new(bytes: &[u8]) -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        let blobs = Blobs::folder(folder.path()).unwrap();
        let test = Self { blobs, room: room(), key: key(), _folder: folder };
        test.blobs.put(&test.key, Bytes::copy_from_slice(bytes)).await.unwrap();
        test
    }

    async fn blob(&self, length: u64) -> Result<Vec<u8>, FetchError> {
        let source = ItemSource::Blob { key: self.key.clone(), length };
        Ok(fetch(&self.blobs, &source, &self.room, LIMIT).await?.to_vec().unwrap())
    }

    async fn entry(&self, entry: &Entry) -> Result<Vec<u8>, FetchError> {
        fetch_entry(&self.blobs, &self.key, &self.room, entry).await
    }
}

async fn fetch_entry(
    blobs: &Blobs,
    key: &str,
    room: &SpoolRoom,
    entry: &Entry,
) -> Result<Vec<u8>, FetchError> {
    let source = ItemSource::Entry { key: key.to_owned(), entry: entry.clone() };
    Ok(fetch(blobs, &source, room, LIMIT).await?.to_vec().unwrap())
}

fn room() -> SpoolRoom {
    SpoolRoom::open(SpoolSettings::default()).unwrap()
}

fn key() -> String {
    input_key(&JobId::generate(std::time::Duration::ZERO, &mut rand::rng()), 0)
}

fn noise(length: usize) -> Vec<u8> {
    (0..length as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn entries(archive: &[u8]) -> Vec<Entry> {
    let source = Spool::from_bytes(&room(), archive.to_vec()).unwrap();
    Directory::read(&source, &ArchiveLimits::default()).map(Directory::into_entries).unwrap_or_default()
}

/// An archive with one member, and its entry in the directory.
fn archive_of(member: Member) -> (Vec<u8>, Entry) {
    let archive = zip(&[member]);
    let entry = entries(&archive).remove(0);
    (archive, entry)
}

fn damage(result: Result<Vec<u8>, FetchError>) -> &'static str {
    match result {
        Err(FetchError::Entry(EntryError::Damaged(what))) => what,
        other => panic!("{:?}", other.map(|bytes| bytes.len())),
    }
}

#[tokio::test]
async fn a_whole_blob_is_loaded_unchanged() {
    let bytes = noise(700_000);
    let test = TestBlob::new(&bytes).await;
    assert!(test.blob(700_000).await.unwrap() == bytes);
}

#[tokio::test]
async fn an_entry_is_unpacked() {
    let bytes = noise(900_000);
    for member in [Member::stored("a.png", &bytes), Member::deflated("a.png", &bytes)] {
        let (archive, entry) = archive_of(member);
        let test = TestBlob::new(&archive).await;
        assert!(test.entry(&entry).await.unwrap() == bytes, "{:?}", entry.method);
    }
}

#[tokio::test]
async fn empty_entries_are_empty() {
    for member in [Member::stored("a.png", b""), Member::deflated("a.png", b"")] {
        let (archive, entry) = archive_of(member);
        assert!(TestBlob::new(&archive).await.entry(&entry).await.unwrap().is_empty());
    }
}

/// Checks for each archive in the table that loading its entries from the blob store has the same result as extracting
/// them from the archive.
async fn check_like_extracted(blobs: &Blobs) {
    let picture = noise(3000);
    let mut compared = 0;
    for row in table(&picture) {
        let source = Spool::from_bytes(&room(), row.bytes.clone()).unwrap();
        let key = key();
        let entries = entries(&row.bytes);
        if !entries.is_empty() {
            blobs.put_spool(&key, &source).await.unwrap();
        }
        for entry in entries.iter().take(20) {
            let expected = extract(&source, entry, LIMIT);
            let fetched = fetch_entry(blobs, &key, &room(), entry).await;
            match (expected, fetched) {
                (Ok(expected), Ok(fetched)) => assert!(expected == fetched, "{} {}", row.id, row.what),
                (Err(EntryError::TooLarge { limit: a }), Err(FetchError::TooLarge { limit: b })) => {
                    assert_eq!(a, b, "{} {}", row.id, row.what);
                }
                (Err(expected), Err(fetched)) => {
                    assert_eq!(expected.to_string(), fetched.to_string(), "{} {}", row.id, row.what);
                }
                (expected, fetched) => panic!("{} {}: {expected:?}, {fetched:?}", row.id, row.what),
            }
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_archives_in_a_folder_give_the_same_results_as_when_extracted() {
    let folder = tempfile::TempDir::new().unwrap();
    check_like_extracted(&Blobs::folder(folder.path()).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_archives_in_a_bucket_give_the_same_results_as_when_extracted() {
    servers::require!(S3);
    let server = S3::shared();
    let url = format!("s3://{}", server.bucket());
    check_like_extracted(&Blobs::open(&url, &BucketSettings::default(), &server.environment()).unwrap())
        .await;
}

#[tokio::test]
async fn more_bytes_than_declared_are_damage() {
    for member in [Member::stored("a.png", &noise(5000)), Member::deflated("a.png", &noise(5000))] {
        let (archive, entry) = archive_of(Member { size: 4999, ..member });
        assert_eq!(damage(TestBlob::new(&archive).await.entry(&entry).await), "more bytes than declared");
    }
}

#[tokio::test]
async fn fewer_bytes_than_declared_are_damage() {
    for member in [Member::stored("a.png", &noise(5000)), Member::deflated("a.png", &noise(5000))] {
        let (archive, entry) = archive_of(Member { size: 5001, ..member });
        assert_eq!(damage(TestBlob::new(&archive).await.entry(&entry).await), "fewer bytes than declared");
    }
}

#[tokio::test]
async fn a_wrong_checksum_is_damage() {
    for member in [Member::stored("a.png", &noise(5000)), Member::deflated("a.png", &noise(5000))] {
        let (archive, entry) = archive_of(Member { crc32: member.crc32 ^ 1, ..member });
        assert_eq!(damage(TestBlob::new(&archive).await.entry(&entry).await), "the checksum is wrong");
    }
}

#[tokio::test]
async fn a_zip_bomb_is_stopped_at_its_declared_size() {
    let (archive, entry) = archive_of(Member { size: 1000, ..zeros("a.png", 256 << 20) });
    assert_eq!(damage(TestBlob::new(&archive).await.entry(&entry).await), "more bytes than declared");
    let (archive, entry) = archive_of(zeros("a.png", 2 << 20));
    let result = TestBlob::new(&archive).await.entry(&entry).await;
    assert!(matches!(result, Err(FetchError::TooLarge { limit: LIMIT })), "{result:?}");
}

#[tokio::test]
async fn truncated_data_are_damage() {
    let whole = Member::deflated("a.png", &noise(5000));
    let half = whole.data[..whole.data.len() / 2].to_vec();
    let (archive, entry) = archive_of(Member { data: half, ..whole });
    assert_eq!(damage(TestBlob::new(&archive).await.entry(&entry).await), "the data end before they should");
    let (archive, entry) = archive_of(Member { method: DEFLATED, ..Member::stored("a.png", &[0xff; 99]) });
    assert_eq!(damage(TestBlob::new(&archive).await.entry(&entry).await), "the data do not inflate");
}

#[tokio::test]
async fn a_blob_that_ends_within_the_entry_is_damage() {
    for member in [Member::stored("a.png", &noise(5000)), Member::deflated("a.png", &noise(5000))] {
        let (archive, entry) = archive_of(member);
        let cuts = [entry.offset + entry.compressed_size / 2, entry.offset, 1];
        for cut in cuts {
            let test = TestBlob::new(&archive[..cut as usize]).await;
            assert_eq!(damage(test.entry(&entry).await), "the archive ends within the entry", "{cut}");
        }
        let test = TestBlob::new(&archive).await;
        let far = Entry { offset: u64::MAX - 10, ..entry };
        assert_eq!(damage(test.entry(&far).await), "the archive ends within the entry");
    }
}

#[tokio::test]
async fn entries_that_are_not_files_are_rejected() {
    let (archive, entry) = archive_of(Member::stored("a.png", b"picture"));
    let test = TestBlob::new(&archive).await;
    let result = test.entry(&Entry { verdict: EntryKind::Symlink, ..entry.clone() }).await;
    assert!(matches!(result, Err(FetchError::Entry(EntryError::NotAFile))), "{result:?}");
    let result = test.entry(&Entry { method: Method::Other(12), ..entry }).await;
    assert!(matches!(result, Err(FetchError::Entry(EntryError::UnsupportedMethod(12)))), "{result:?}");
}

#[tokio::test]
async fn a_blob_of_another_length_is_reported() {
    let test = TestBlob::new(&noise(1000)).await;
    for length in [999, 1001, 0] {
        let result = test.blob(length).await;
        assert!(matches!(&result, Err(FetchError::Changed(key)) if *key == test.key), "{result:?}");
    }
    assert!(matches!(test.blob(LIMIT + 1).await, Err(FetchError::TooLarge { limit: LIMIT })));
}

#[tokio::test]
async fn a_missing_blob_and_a_url_are_reported() {
    let test = TestBlob::new(b"").await;
    let source = ItemSource::Blob { key: key(), length: 7 };
    let missing = fetch(&test.blobs, &source, &test.room, LIMIT).await;
    assert!(matches!(missing, Err(FetchError::Blob(BlobError::Missing(_)))), "{missing:?}");
    let (_, entry) = archive_of(Member::stored("a.png", b"picture"));
    let missing = fetch_entry(&test.blobs, &key(), &test.room, &entry).await;
    assert!(matches!(missing, Err(FetchError::Blob(BlobError::Missing(_)))), "{missing:?}");
    let url = ItemSource::Url { url: "https://example.com/a.png".to_owned() };
    assert!(matches!(fetch(&test.blobs, &url, &test.room, LIMIT).await, Err(FetchError::Url)));
}

#[tokio::test]
async fn a_full_spool_is_reported() {
    let bytes = noise(10_000);
    let test = TestBlob::new(&bytes).await;
    let full = SpoolSettings { memory_total: 0, disk_total: 5000, ..SpoolSettings::default() };
    let source = ItemSource::Blob { key: test.key.clone(), length: 10_000 };
    let result = fetch(&test.blobs, &source, &SpoolRoom::open(full).unwrap(), LIMIT).await;
    assert!(matches!(result, Err(FetchError::Spool(_))), "{result:?}");
}
