//! Tests the ZIP of the results: any range equals that part of the whole, and other ZIP readers can read it.

#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::ops::Range;
use std::process::Command;

use bytes::Bytes;
use futures_util::TryStreamExt;
use huemill_store::archive::{ArchiveLimits, Directory, extract};
use huemill_store::blobs::{BlobError, Blobs, card_key};
use huemill_store::job::JobId;
use huemill_store::results::{Body, DosTime, Member, ResultsZip};
use huemill_store::{Spool, SpoolRoom, SpoolSettings};
use proptest::prelude::*;
use tempfile::TempDir;

/// 2024-02-29 12:34:56.
const NOON: i64 = 1_709_210_096;

/// A blob store with the cards of one job.
struct TestJob {
    blobs: Blobs,
    job: JobId,
    folder: TempDir,
}

fn test_job() -> TestJob {
    let folder = TempDir::new().unwrap();
    let job = JobId::generate(std::time::Duration::ZERO, &mut rand::rng());
    TestJob { blobs: Blobs::folder(folder.path()).unwrap(), job, folder }
}

impl TestJob {
    /// Stores a card and returns its member of the archive.
    async fn card(&self, number: u32, name: &str, bytes: &[u8]) -> Member {
        let key = card_key(&self.job, number, "png");
        self.blobs.put(&key, Bytes::copy_from_slice(bytes)).await.unwrap();
        let of_bytes = Member::of_bytes(name, Bytes::copy_from_slice(bytes));
        Member { body: Body::Blob(key), ..of_bytes }
    }

    async fn read(&self, zip: &ResultsZip, range: Range<u64>) -> Result<Vec<u8>, BlobError> {
        let chunks: Vec<Bytes> = zip.stream(&self.blobs, range).try_collect().await?;
        Ok(chunks.concat())
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs a Python script with the path of the archive, and returns its output.
fn python(script: &str, archive: &std::path::Path) -> String {
    let output =
        Command::new("python3").args(["-c", script]).arg(archive).output().expect("run `make setup`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Members of an archive: the name, the bytes, and whether they are in a blob.
fn members() -> impl Strategy<Value = Vec<(String, Vec<u8>, bool)>> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..2000);
    proptest::collection::vec(("\\PC{0,12}(\\.png)?", bytes, any::<bool>()), 0..8)
}

async fn zip_of(test: &TestJob, members: &[(String, Vec<u8>, bool)]) -> ResultsZip {
    let mut made = Vec::new();
    for (number, (name, bytes, in_blob)) in members.iter().enumerate() {
        made.push(match in_blob {
            true => test.card(number as u32, name, bytes).await,
            false => Member::of_bytes(name.as_str(), bytes.clone().into()),
        });
    }
    ResultsZip::new(made, DosTime::from_unix(NOON))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_range_equals_that_part_of_the_whole(
        members in members(),
        cuts in proptest::collection::vec((0.0..1.1f64, 0.0..1.1f64), 6),
    ) {
        runtime().block_on(async {
            let test = test_job();
            let zip = zip_of(&test, &members).await;
            let whole = test.read(&zip, 0..u64::MAX).await.unwrap();
            prop_assert_eq!(whole.len() as u64, zip.len());
            prop_assert!(test.read(&zip_of(&test, &members).await, 0..zip.len()).await.unwrap() == whole);
            for (a, b) in cuts {
                let [a, b] = [a, b].map(|cut| (zip.len() as f64 * cut) as u64);
                let (start, end) = (a.min(b), a.max(b));
                let clamp = |at: u64| at.min(zip.len()) as usize;
                let part = test.read(&zip, start..end).await.unwrap();
                prop_assert!(part == whole[clamp(start)..clamp(end)], "{}..{}", start, end);
            }
            Ok(())
        })?;
    }

    #[test]
    fn the_archive_reader_finds_every_member(members in members()) {
        runtime().block_on(async {
            let test = test_job();
            let zip = zip_of(&test, &members).await;
            let room = SpoolRoom::open(SpoolSettings::default()).unwrap();
            let source = Spool::from_bytes(&room, test.read(&zip, 0..zip.len()).await.unwrap()).unwrap();
            let directory = Directory::read(&source, &ArchiveLimits::default()).unwrap();
            prop_assert_eq!(directory.entries().len(), members.len());
            for ((entry, (_, bytes, _)), name) in directory.entries().iter().zip(&members).zip(zip.names()) {
                prop_assert_eq!(&entry.name, name);
                prop_assert!(!entry.renamed);
                prop_assert_eq!(&extract(&source, entry, 2000).unwrap(), bytes);
            }
            let folded: HashSet<_> = zip.names().iter().map(|name| name.to_lowercase()).collect();
            prop_assert_eq!(folded.len(), members.len());
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn python_reads_names_times_and_bytes() {
    let test = test_job();
    let members = vec![
        Member::of_bytes("manifest.json", Bytes::from_static(b"{}")),
        test.card(0, "Über/日本.png", b"first").await,
        test.card(1, "über/日本.png", b"second").await,
        test.card(2, "empty.png", b"").await,
    ];
    let zip = ResultsZip::new(members, DosTime::from_unix(NOON));
    let path = test.folder.path().join("results.zip");
    std::fs::write(&path, test.read(&zip, 0..zip.len()).await.unwrap()).unwrap();
    let script = "
import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
for info in archive.infolist():
    text = archive.read(info).decode()
    print(ascii(info.filename), info.date_time, oct(info.external_attr >> 16), info.extract_version, repr(text))
";
    let date = "(2024, 2, 29, 12, 34, 56) 0o100644 20";
    assert_eq!(
        python(script, &path).lines().collect::<Vec<_>>(),
        [
            format!("'manifest.json' {date} '{{}}'"),
            format!("'\\xdcber_\\u65e5\\u672c.png' {date} 'first'"),
            format!("'\\xfcber_\\u65e5\\u672c (2).png' {date} 'second'"),
            format!("'empty.png' {date} ''"),
        ]
    );
}

#[tokio::test]
async fn python_reads_an_archive_of_more_than_four_gigabytes() {
    const GIB: u64 = 1 << 30;
    let test = test_job();
    let blob = |name: &str, length| {
        let body = Body::Blob(card_key(&test.job, 0, "png"));
        Member { name: name.to_owned(), length, crc32: 7, body }
    };
    let last = Member::of_bytes("last.txt", Bytes::from_static(b"last"));
    let zip = ResultsZip::new(
        vec![blob("five.png", 5 * GIB), blob("one.png", GIB), last],
        DosTime::from_unix(NOON),
    );
    assert!(zip.len() > 6 * GIB);
    // The file has holes instead of the blobs. Only the bytes around them are read.
    let file = std::fs::File::create(test.folder.path().join("results.zip")).unwrap();
    file.set_len(zip.len()).unwrap();
    let (first, second) = ("five.png".len() as u64 + 30 + 20, "one.png".len() as u64 + 30);
    for range in [0..first, first + 5 * GIB..first + 5 * GIB + second, first + second + 6 * GIB..zip.len()] {
        let bytes = test.read(&zip, range.clone()).await.unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &bytes, range.start).unwrap();
    }
    let script = "
import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
for info in archive.infolist():
    archive.open(info).close()
    print(info.filename, info.file_size, info.compress_size, info.CRC, info.header_offset, info.extract_version)
print(archive.read('last.txt').decode())
";
    let printed = python(script, &test.folder.path().join("results.zip"));
    let at = |gib: u64, more: u64| gib * GIB + more;
    assert_eq!(
        printed.lines().collect::<Vec<_>>(),
        [
            format!("five.png {0} {0} 7 0 45", 5 * GIB),
            format!("one.png {GIB} {GIB} 7 {} 45", at(5, first)),
            format!("last.txt 4 4 {} {} 45", crc32fast::hash(b"last"), at(6, first + second)),
            "last".to_owned(),
        ]
    );
}

#[tokio::test]
async fn an_archive_can_have_more_members_than_two_bytes_can_count() {
    let test = test_job();
    let members = (0..70_000).map(|number| Member::of_bytes(number.to_string(), Bytes::new())).collect();
    let zip = ResultsZip::new(members, DosTime::from_unix(NOON));
    let path = test.folder.path().join("results.zip");
    std::fs::write(&path, test.read(&zip, 0..zip.len()).await.unwrap()).unwrap();
    let script = "import sys, zipfile; print(len(zipfile.ZipFile(sys.argv[1]).infolist()))";
    assert_eq!(python(script, &path).trim(), "70000");
}

#[tokio::test]
async fn an_archive_without_members_is_valid() {
    let test = test_job();
    let zip = ResultsZip::new(Vec::new(), DosTime::from_unix(0));
    assert_eq!(zip.len(), 22);
    assert!(test.read(&zip, 0..22).await.unwrap().starts_with(b"PK\x05\x06"));
}

#[tokio::test]
async fn a_missing_or_shortened_card_ends_the_stream_with_an_error() {
    let test = test_job();
    let gone =
        Member { body: Body::Blob(card_key(&test.job, 9, "png")), ..Member::of_bytes("a", Bytes::new()) };
    let gone = Member { length: 10, ..gone };
    let shrunk = Member { length: 10, ..test.card(1, "b", b"short").await };
    for member in [gone, shrunk] {
        let zip = ResultsZip::new(vec![member], DosTime::from_unix(NOON));
        let result = test.read(&zip, 0..zip.len()).await;
        assert!(matches!(result, Err(BlobError::Missing(_))), "{result:?}");
        assert_eq!(test.read(&zip, 0..31).await.unwrap().len(), 31, "the bytes before it can still be read");
    }
}
