//! Pictures out of the blob store: what comes is what a reader of the whole archive would get, and what is broken
//! anywhere is noticed.

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

/// A blob store with one blob, and the room that pictures are brought to.
struct Scene {
    blobs: Blobs,
    room: SpoolRoom,
    key: String,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn new(bytes: &[u8]) -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        let blobs = Blobs::folder(folder.path()).unwrap();
        let scene = Self { blobs, room: room(), key: key(), _folder: folder };
        scene.blobs.put(&scene.key, Bytes::copy_from_slice(bytes)).await.unwrap();
        scene
    }

    async fn blob(&self, length: u64) -> Result<Vec<u8>, FetchError> {
        let source = ItemSource::Blob { key: self.key.clone(), length };
        Ok(fetch(&self.blobs, &source, &self.room, LIMIT).await?.to_vec().unwrap())
    }

    async fn entry(&self, entry: &Entry) -> Result<Vec<u8>, FetchError> {
        bring(&self.blobs, &self.key, &self.room, entry).await
    }
}

async fn bring(blobs: &Blobs, key: &str, room: &SpoolRoom, entry: &Entry) -> Result<Vec<u8>, FetchError> {
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

/// An archive of one member, and its entry as the directory has it.
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
async fn a_whole_blob_comes_as_it_is() {
    let bytes = noise(700_000);
    let scene = Scene::new(&bytes).await;
    assert!(scene.blob(700_000).await.unwrap() == bytes);
}

#[tokio::test]
async fn an_entry_comes_unpacked() {
    let bytes = noise(900_000);
    for member in [Member::stored("a.png", &bytes), Member::deflated("a.png", &bytes)] {
        let (archive, entry) = archive_of(member);
        let scene = Scene::new(&archive).await;
        assert!(scene.entry(&entry).await.unwrap() == bytes, "{:?}", entry.method);
    }
}

#[tokio::test]
async fn empty_entries_are_empty() {
    for member in [Member::stored("a.png", b""), Member::deflated("a.png", b"")] {
        let (archive, entry) = archive_of(member);
        assert!(Scene::new(&archive).await.entry(&entry).await.unwrap().is_empty());
    }
}

/// What is in every archive of the table, brought from the blob store and read from the archive.
async fn as_extracted(blobs: &Blobs) {
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
            let came = bring(blobs, &key, &room(), entry).await;
            match (expected, came) {
                (Ok(expected), Ok(came)) => assert!(expected == came, "{} {}", row.id, row.what),
                (Err(EntryError::TooLarge { limit: a }), Err(FetchError::TooLarge { limit: b })) => {
                    assert_eq!(a, b, "{} {}", row.id, row.what);
                }
                (Err(expected), Err(came)) => {
                    assert_eq!(expected.to_string(), came.to_string(), "{} {}", row.id, row.what);
                }
                (expected, came) => panic!("{} {}: {expected:?}, {came:?}", row.id, row.what),
            }
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_archives_fare_as_they_do_when_extracted_from_a_folder() {
    let folder = tempfile::TempDir::new().unwrap();
    as_extracted(&Blobs::folder(folder.path()).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_archives_fare_as_they_do_when_extracted_from_a_bucket() {
    servers::require!(S3);
    let server = S3::shared();
    let url = format!("s3://{}", server.bucket());
    as_extracted(&Blobs::open(&url, &BucketSettings::default(), &server.environment()).unwrap()).await;
}

#[tokio::test]
async fn more_bytes_than_declared_are_damage() {
    for member in [Member::stored("a.png", &noise(5000)), Member::deflated("a.png", &noise(5000))] {
        let (archive, entry) = archive_of(Member { size: 4999, ..member });
        assert_eq!(damage(Scene::new(&archive).await.entry(&entry).await), "more bytes than declared");
    }
}

#[tokio::test]
async fn fewer_bytes_than_declared_are_damage() {
    for member in [Member::stored("a.png", &noise(5000)), Member::deflated("a.png", &noise(5000))] {
        let (archive, entry) = archive_of(Member { size: 5001, ..member });
        assert_eq!(damage(Scene::new(&archive).await.entry(&entry).await), "fewer bytes than declared");
    }
}

#[tokio::test]
async fn a_wrong_checksum_is_damage() {
    for member in [Member::stored("a.png", &noise(5000)), Member::deflated("a.png", &noise(5000))] {
        let (archive, entry) = archive_of(Member { crc32: member.crc32 ^ 1, ..member });
        assert_eq!(damage(Scene::new(&archive).await.entry(&entry).await), "the checksum is wrong");
    }
}

#[tokio::test]
async fn a_bomb_is_stopped_where_its_declaration_ends() {
    let (archive, entry) = archive_of(Member { size: 1000, ..zeros("a.png", 256 << 20) });
    assert_eq!(damage(Scene::new(&archive).await.entry(&entry).await), "more bytes than declared");
    let (archive, entry) = archive_of(zeros("a.png", 2 << 20));
    let refused = Scene::new(&archive).await.entry(&entry).await;
    assert!(matches!(refused, Err(FetchError::TooLarge { limit: LIMIT })), "{refused:?}");
}

#[tokio::test]
async fn data_that_stop_in_the_middle_are_damage() {
    let whole = Member::deflated("a.png", &noise(5000));
    let half = whole.data[..whole.data.len() / 2].to_vec();
    let (archive, entry) = archive_of(Member { data: half, ..whole });
    assert_eq!(damage(Scene::new(&archive).await.entry(&entry).await), "the data end before they should");
    let (archive, entry) = archive_of(Member { method: DEFLATED, ..Member::stored("a.png", &[0xff; 99]) });
    assert_eq!(damage(Scene::new(&archive).await.entry(&entry).await), "the data do not inflate");
}

#[tokio::test]
async fn a_blob_that_ends_within_the_entry_is_damage() {
    for member in [Member::stored("a.png", &noise(5000)), Member::deflated("a.png", &noise(5000))] {
        let (archive, entry) = archive_of(member);
        let cuts = [entry.offset + entry.compressed_size / 2, entry.offset, 1];
        for cut in cuts {
            let scene = Scene::new(&archive[..cut as usize]).await;
            assert_eq!(damage(scene.entry(&entry).await), "the archive ends within the entry", "{cut}");
        }
        let scene = Scene::new(&archive).await;
        let far = Entry { offset: u64::MAX - 10, ..entry };
        assert_eq!(damage(scene.entry(&far).await), "the archive ends within the entry");
    }
}

#[tokio::test]
async fn entries_that_are_no_files_are_not_read() {
    let (archive, entry) = archive_of(Member::stored("a.png", b"picture"));
    let scene = Scene::new(&archive).await;
    let refused = scene.entry(&Entry { verdict: EntryKind::Symlink, ..entry.clone() }).await;
    assert!(matches!(refused, Err(FetchError::Entry(EntryError::NotAFile))), "{refused:?}");
    let refused = scene.entry(&Entry { method: Method::Other(12), ..entry }).await;
    assert!(matches!(refused, Err(FetchError::Entry(EntryError::UnsupportedMethod(12)))), "{refused:?}");
}

#[tokio::test]
async fn a_blob_of_another_length_is_told() {
    let scene = Scene::new(&noise(1000)).await;
    for length in [999, 1001, 0] {
        let refused = scene.blob(length).await;
        assert!(matches!(&refused, Err(FetchError::Changed(key)) if *key == scene.key), "{refused:?}");
    }
    assert!(matches!(scene.blob(LIMIT + 1).await, Err(FetchError::TooLarge { limit: LIMIT })));
}

#[tokio::test]
async fn a_missing_blob_and_a_url_are_told() {
    let scene = Scene::new(b"").await;
    let source = ItemSource::Blob { key: key(), length: 7 };
    let missing = fetch(&scene.blobs, &source, &scene.room, LIMIT).await;
    assert!(matches!(missing, Err(FetchError::Blob(BlobError::Missing(_)))), "{missing:?}");
    let (_, entry) = archive_of(Member::stored("a.png", b"picture"));
    let missing = bring(&scene.blobs, &key(), &scene.room, &entry).await;
    assert!(matches!(missing, Err(FetchError::Blob(BlobError::Missing(_)))), "{missing:?}");
    let url = ItemSource::Url { url: "https://example.com/a.png".to_owned() };
    assert!(matches!(fetch(&scene.blobs, &url, &scene.room, LIMIT).await, Err(FetchError::Url)));
}

#[tokio::test]
async fn a_full_spool_is_told() {
    let bytes = noise(10_000);
    let scene = Scene::new(&bytes).await;
    let full = SpoolSettings { memory_total: 0, disk_total: 5000, ..SpoolSettings::default() };
    let source = ItemSource::Blob { key: scene.key.clone(), length: 10_000 };
    let refused = fetch(&scene.blobs, &source, &SpoolRoom::open(full).unwrap(), LIMIT).await;
    assert!(matches!(refused, Err(FetchError::Spool(_))), "{refused:?}");
}
