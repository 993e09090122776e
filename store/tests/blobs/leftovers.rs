//! Tests that nothing stays behind after a crash, a removal, or a caller that goes away, and what applies only to blobs
//! in a folder.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use huemill_store::blobs::{BlobError, Blobs, BucketSettings, card_key, input_key};
use tempfile::TempDir;

use crate::s3::S3;
use crate::{all_jobs, job, put_all, spool, until};

/// The files and the empty folders under a folder, at any depth.
fn leaves(folder: &Path) -> Vec<String> {
    let mut leaves = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let inside: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        let files =
            inside.iter().filter(|path| path.is_file() || std::fs::read_dir(path).unwrap().next().is_none());
        leaves.extend(files.map(|path| path.display().to_string()));
        folders.extend(inside.into_iter().filter(|path| path.is_dir()));
    }
    leaves
}

#[tokio::test]
async fn removing_a_job_leaves_no_empty_folders() {
    let folder = TempDir::new().unwrap();
    let blobs = Blobs::folder(folder.path()).unwrap();
    let id = job(1);
    put_all(&blobs, &[input_key(&id, 0), card_key(&id, 0, "png")]).await;
    blobs.remove_job(&id, false).await.unwrap();
    assert_eq!(leaves(folder.path()).len(), 2, "the card, and the staging folder");
    blobs.remove_job(&id, true).await.unwrap();
    let own = folder.path().join(input_key(&id, 0)).parent().unwrap().parent().unwrap().to_owned();
    assert!(!own.exists() && own.parent().unwrap().exists());
    put_all(&blobs, &[input_key(&id, 0)]).await;
    blobs.remove_job(&id, false).await.unwrap();
    assert!(!own.exists() && own.parent().unwrap().exists());
}

#[tokio::test]
async fn files_of_a_crash_are_swept_once_they_are_old() {
    let folder = TempDir::new().unwrap();
    let blobs = Blobs::folder(folder.path()).unwrap();
    let key = input_key(&job(1), 0);
    put_all(&blobs, std::slice::from_ref(&key)).await;
    let left = [folder.path().join("staging/.tmpAbCd"), folder.path().join("probes/0123456789abcdef")];
    std::fs::create_dir_all(folder.path().join("probes")).unwrap();
    for path in &left {
        std::fs::write(path, b"left").unwrap();
    }
    assert_eq!(blobs.sweep(Duration::from_secs(3600)).await.unwrap(), 0);
    let two_hours_ago = SystemTime::now() - Duration::from_secs(7200);
    for path in &left {
        std::fs::File::options().write(true).open(path).unwrap().set_modified(two_hours_ago).unwrap();
    }
    assert_eq!(blobs.sweep(Duration::from_secs(3600)).await.unwrap(), 2);
    assert_eq!(blobs.used().await.unwrap(), key.len() as u64);
}

#[tokio::test]
async fn empty_directories_of_a_crash_are_listed_as_jobs_and_can_be_removed() {
    let folder = TempDir::new().unwrap();
    let blobs = Blobs::folder(folder.path()).unwrap();
    let (id, old) = (job(1), job(1));
    let inputs = [folder.path().join(input_key(&id, 0)), folder.path().join(format!("jobs/{old}/in/0"))];
    for input in &inputs {
        std::fs::create_dir_all(input.parent().unwrap()).unwrap();
    }
    assert_eq!(all_jobs(&blobs).await, std::slice::from_ref(&id));
    assert_eq!(blobs.jobs_of_old_layout().await.unwrap(), std::slice::from_ref(&old));
    for id in [id, old] {
        assert_eq!(blobs.remove_job(&id, true).await.unwrap(), 0);
    }
    assert_eq!(all_jobs(&blobs).await, []);
    assert_eq!(blobs.jobs_of_old_layout().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_write_leaves_nothing_in_a_folder() {
    let folder = TempDir::new().unwrap();
    let blobs = Blobs::folder(folder.path()).unwrap();
    let (key, spool) = (input_key(&job(1), 0), spool(vec![7; 128 << 20], 0));
    let staged = || std::fs::read_dir(folder.path().join("staging")).unwrap().count();
    tokio::select! {
        done = blobs.put_spool(&key, &spool) => panic!("the write ended before it could be dropped: {done:?}"),
        () = until("the blob is staged", async || staged() == 1) => {}
    }
    until("the staging folder is empty", async || staged() == 0).await;
    assert!(matches!(blobs.get(&key).await, Err(BlobError::Missing(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_upload_to_a_bucket_is_aborted() {
    crate::servers::require!(S3);
    let server = S3::shared();
    let bucket = server.bucket();
    let blobs =
        Blobs::open(&format!("s3://{bucket}"), &BucketSettings::default(), &server.environment()).unwrap();
    let (key, spool) = (input_key(&job(1), 0), spool(vec![7; 200 << 20], 0));
    let unfinished = || {
        let (server, bucket) = (Arc::clone(&server), bucket.clone());
        async move { tokio::task::spawn_blocking(move || server.unfinished_uploads(&bucket)).await.unwrap() }
    };
    tokio::select! {
        done = blobs.put_spool(&key, &spool) => panic!("the write ended before it could be dropped: {done:?}"),
        () = until("the upload has started", async || unfinished().await == 1) => {}
    }
    until("the upload is aborted", async || unfinished().await == 0).await;
    assert!(matches!(blobs.get(&key).await, Err(BlobError::Missing(_))));
}

#[tokio::test]
async fn a_folder_that_cannot_be_created_is_an_invalid_address() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let result = Blobs::folder(&file.path().join("blobs"));
    assert!(matches!(result, Err(BlobError::Address(_))), "{result:?}");
}

#[tokio::test]
async fn a_file_url_opens_a_folder() {
    let folder = TempDir::new().unwrap();
    let url = format!("file://{}", folder.path().join("new").display());
    let blobs = Blobs::open(&url, &BucketSettings::default(), &|_| None).unwrap();
    let key = input_key(&job(1), 0);
    blobs.put(&key, Bytes::from_static(b"bytes")).await.unwrap();
    assert_eq!(std::fs::read(folder.path().join("new").join(key)).unwrap(), b"bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writes_and_removals_of_one_job_succeed() {
    let folder = TempDir::new().unwrap();
    let blobs = Blobs::folder(folder.path()).unwrap();
    let id = job(1);
    let puts = async {
        for number in 0..200 {
            blobs.put(&input_key(&id, number), Bytes::from_static(b"x")).await.unwrap();
        }
    };
    let removals = async {
        let mut removed = 0;
        while removed < 200 {
            removed += blobs.remove_job(&id, false).await.unwrap();
        }
    };
    let both = async { tokio::join!(puts, removals) };
    tokio::time::timeout(Duration::from_secs(120), both).await.unwrap();
    assert_eq!(blobs.used().await.unwrap(), 0);
}
