//! Tests that apply only to blobs in a folder.

use std::time::Duration;

use bytes::Bytes;
use huemill_store::blobs::{BlobError, Blobs, BucketSettings, input_key};
use tempfile::TempDir;

use crate::job;

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
