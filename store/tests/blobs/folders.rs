//! What a folder alone can do wrong.

use std::time::Duration;

use bytes::Bytes;
use huemill_store::blobs::{BlobError, Blobs, BucketSettings, input_key};
use tempfile::TempDir;

use crate::job;

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_no_address() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let refused = Blobs::folder(&file.path().join("blobs"));
    assert!(matches!(refused, Err(BlobError::Address(_))), "{refused:?}");
}

#[tokio::test]
async fn a_file_url_leads_to_a_folder() {
    let place = TempDir::new().unwrap();
    let url = format!("file://{}", place.path().join("new").display());
    let blobs = Blobs::open(&url, &BucketSettings::default(), &|_| None).unwrap();
    let key = input_key(&job(1), 0);
    blobs.put(&key, Bytes::from_static(b"bytes")).await.unwrap();
    assert_eq!(std::fs::read(place.path().join("new").join(key)).unwrap(), b"bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn puts_and_removals_of_one_job_do_not_trip_over_each_other() {
    let place = TempDir::new().unwrap();
    let blobs = Blobs::folder(place.path()).unwrap();
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
