//! Tests the blob store in a local folder and in an S3 bucket: one suite for both, and separate tests for what only one
//! of them can do wrong.

#![allow(clippy::unwrap_used)]

mod access_errors;
mod credentials;
mod encryption;
mod leftovers;
mod server;
#[path = "../support/servers.rs"]
mod servers;
mod unavailable;
mod uploads;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use huemill_store::blobs::{BlobError, Blobs, BucketSettings, card_key, input_key};
use huemill_store::job::JobId;
use huemill_store::{Spool, SpoolRoom, SpoolSettings};
use servers::s3::{self, S3};
use tempfile::TempDir;

/// An empty blob store, and the resources that it needs.
struct TestBlobs {
    blobs: Blobs,
    _folder: Option<TempDir>,
    _server: Option<Arc<S3>>,
}

fn folder() -> TestBlobs {
    let folder = TempDir::new().unwrap();
    TestBlobs { blobs: Blobs::folder(folder.path()).unwrap(), _folder: Some(folder), _server: None }
}

fn bucket() -> TestBlobs {
    let server = S3::shared();
    let url = format!("s3://{}/some/prefix", server.bucket());
    let blobs = Blobs::open(&url, &BucketSettings::default(), &server.environment()).unwrap();
    TestBlobs { blobs, _folder: None, _server: Some(server) }
}

/// Runs each test of the suite on a folder and on a bucket.
macro_rules! suite {
    ($($name:ident),+ $(,)?) => {
        mod in_a_folder {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::folder().blobs).await; })+
        }
        mod in_a_bucket {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
                crate::servers::require!(S3);
                let bucket = super::bucket();
                super::$name(bucket.blobs.clone()).await;
            })+
        }
    };
}

suite!(
    a_blob_is_read_as_it_was_written,
    a_write_replaces_an_earlier_one,
    a_range_ends_where_the_blob_ends,
    a_missing_blob_is_reported,
    a_spool_of_any_length_is_stored,
    inputs_can_be_removed_without_the_cards,
    all_blobs_of_a_job_can_be_removed,
    each_job_is_listed_in_one_shard,
    blobs_of_the_old_layout_are_read_listed_and_removed,
    used_counts_every_byte,
    a_probe_leaves_nothing,
    a_sweep_removes_no_blob,
    concurrent_writes_to_one_key_do_not_mix,
    keys_that_leave_the_blob_store_are_rejected,
);

fn job(second: u64) -> JobId {
    JobId::generate(Duration::from_secs(second), &mut rand::rng())
}

fn noise(length: usize) -> Vec<u8> {
    (0..length as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn spool(bytes: Vec<u8>, memory_each: usize) -> Spool {
    let room = SpoolRoom::open(SpoolSettings { memory_each, ..SpoolSettings::default() }).unwrap();
    Spool::from_bytes(&room, bytes).unwrap()
}

async fn collect(
    blobs: &Blobs,
    key: &str,
    range: Option<std::ops::Range<u64>>,
) -> Result<Vec<u8>, BlobError> {
    let chunks: Vec<Bytes> = blobs.stream(key.to_owned(), range).try_collect().await?;
    Ok(chunks.concat())
}

async fn a_blob_is_read_as_it_was_written(blobs: Blobs) {
    for (number, length) in [0, 1, 1000, 700_000].into_iter().enumerate() {
        let (key, bytes) = (input_key(&job(1), number as u32), Bytes::from(noise(length)));
        blobs.put(&key, bytes.clone()).await.unwrap();
        assert!(blobs.get(&key).await.unwrap() == bytes, "{length}");
        assert!(collect(&blobs, &key, None).await.unwrap() == bytes, "{length}");
    }
}

async fn a_write_replaces_an_earlier_one(blobs: Blobs) {
    let key = card_key(&job(1), 0, "png");
    blobs.put(&key, Bytes::from_static(b"earlier and longer")).await.unwrap();
    blobs.put(&key, Bytes::from_static(b"later")).await.unwrap();
    assert_eq!(blobs.get(&key).await.unwrap(), "later");
}

async fn a_range_ends_where_the_blob_ends(blobs: Blobs) {
    let (key, bytes) = (input_key(&job(1), 0), noise(600_000));
    blobs.put(&key, bytes.clone().into()).await.unwrap();
    for (start, end) in [
        (0, 0),
        (0, 1),
        (5, 5),
        (1, 300_001),
        (599_999, 600_000),
        (599_999, 700_000),
        (600_000, 600_001),
        (800_000, 900_000),
        (0, u64::MAX),
        (7, u64::MAX),
        (800_000, u64::MAX),
    ] {
        let clamp = |at: u64| at.min(bytes.len() as u64) as usize;
        let expected = &bytes[clamp(start)..clamp(end)];
        assert!(blobs.range(&key, start..end).await.unwrap() == expected, "{start}..{end}");
        assert!(collect(&blobs, &key, Some(start..end)).await.unwrap() == expected, "{start}..{end}");
    }
}

async fn a_missing_blob_is_reported(blobs: Blobs) {
    let key = input_key(&job(1), 0);
    let missing = |result: Result<(), BlobError>| {
        assert!(matches!(&result, Err(BlobError::Missing(which)) if *which == key), "{result:?}");
    };
    missing(blobs.get(&key).await.map(drop));
    missing(blobs.range(&key, 5..10).await.map(drop));
    missing(collect(&blobs, &key, None).await.map(drop));
    missing(collect(&blobs, &key, Some(1..2)).await.map(drop));
}

async fn a_spool_of_any_length_is_stored(blobs: Blobs) {
    for (number, length) in [0, 1, 5 << 20, (5 << 20) + 1, 12_000_000].into_iter().enumerate() {
        for memory_each in [0, 6 << 20] {
            let (key, bytes) = (input_key(&job(1), number as u32), noise(length));
            blobs.put_spool(&key, &spool(bytes.clone(), memory_each)).await.unwrap();
            assert!(collect(&blobs, &key, None).await.unwrap() == bytes, "{length}");
        }
    }
}

async fn put_all(blobs: &Blobs, keys: &[String]) {
    for key in keys {
        blobs.put(key, Bytes::from(key.clone())).await.unwrap();
    }
}

async fn inputs_can_be_removed_without_the_cards(blobs: Blobs) {
    let (id, other) = (job(1), job(1));
    let keys = [input_key(&id, 0), input_key(&id, 1), card_key(&id, 0, "png"), input_key(&other, 0)];
    put_all(&blobs, &keys).await;
    assert_eq!(blobs.remove_job(&id, false).await.unwrap(), 2);
    assert_eq!(blobs.remove_job(&id, false).await.unwrap(), 0);
    assert!(matches!(blobs.get(&keys[0]).await, Err(BlobError::Missing(_))));
    assert_eq!(blobs.get(&keys[2]).await.unwrap(), keys[2].as_str());
    assert_eq!(blobs.get(&keys[3]).await.unwrap(), keys[3].as_str());
}

async fn all_blobs_of_a_job_can_be_removed(blobs: Blobs) {
    let (id, other) = (job(1), job(1));
    let keys = [input_key(&id, 0), card_key(&id, 0, "png"), card_key(&id, 1, "jpg"), input_key(&other, 0)];
    put_all(&blobs, &keys).await;
    assert_eq!(blobs.remove_job(&id, true).await.unwrap(), 3);
    assert_eq!(blobs.remove_job(&id, true).await.unwrap(), 0);
    assert_eq!(all_jobs(&blobs).await, [other]);
}

/// The jobs of all shards, sorted.
async fn all_jobs(blobs: &Blobs) -> Vec<JobId> {
    let mut jobs = Vec::new();
    for shard in 0..=u8::MAX {
        jobs.extend(blobs.jobs_in(shard).await.unwrap());
    }
    jobs.sort();
    jobs
}

async fn each_job_is_listed_in_one_shard(blobs: Blobs) {
    let ids: BTreeSet<_> = (0..7).map(|second| job(second % 3)).collect();
    for id in &ids {
        put_all(&blobs, &[input_key(id, 0), card_key(id, 0, "png"), card_key(id, 1, "png")]).await;
    }
    blobs.put("elsewhere/file", Bytes::new()).await.unwrap();
    blobs.put("00/jobs/no-job/in/0", Bytes::new()).await.unwrap();
    assert_eq!(all_jobs(&blobs).await, ids.into_iter().collect::<Vec<_>>());
    assert_eq!(blobs.jobs_of_old_layout().await.unwrap(), []);
}

async fn blobs_of_the_old_layout_are_read_listed_and_removed(blobs: Blobs) {
    let (old, both, other) = (job(1), job(1), job(1));
    let old_key = |id: &JobId, rest: &str| format!("jobs/{id}/{rest}");
    let keys = [
        old_key(&old, "in/0"),
        old_key(&old, "out/0.png"),
        old_key(&both, "in/0"),
        card_key(&both, 0, "png"),
        old_key(&other, "out/0.png"),
    ];
    put_all(&blobs, &keys).await;
    assert_eq!(blobs.get(&keys[0]).await.unwrap(), keys[0].as_str());
    let listed: BTreeSet<_> = blobs.jobs_of_old_layout().await.unwrap().into_iter().collect();
    assert_eq!(listed, [old.clone(), both.clone(), other.clone()].into());
    assert_eq!(all_jobs(&blobs).await, std::slice::from_ref(&both));
    assert_eq!(blobs.remove_job(&old, false).await.unwrap(), 1);
    assert_eq!(blobs.get(&keys[1]).await.unwrap(), keys[1].as_str());
    assert_eq!(blobs.remove_job(&old, true).await.unwrap(), 1);
    assert_eq!(blobs.remove_job(&both, true).await.unwrap(), 2);
    assert_eq!(blobs.jobs_of_old_layout().await.unwrap(), [other]);
    assert_eq!(all_jobs(&blobs).await, []);
}

async fn used_counts_every_byte(blobs: Blobs) {
    assert_eq!(blobs.used().await.unwrap(), 0);
    let id = job(1);
    blobs.put(&input_key(&id, 0), noise(1000).into()).await.unwrap();
    blobs.put(&card_key(&id, 0, "png"), noise(234).into()).await.unwrap();
    assert_eq!(blobs.used().await.unwrap(), 1234);
}

async fn a_probe_leaves_nothing(blobs: Blobs) {
    blobs.probe().await.unwrap();
    assert_eq!(blobs.used().await.unwrap(), 0);
    assert_eq!(blobs.sweep(Duration::ZERO).await.unwrap(), 0);
}

async fn a_sweep_removes_no_blob(blobs: Blobs) {
    let key = input_key(&job(1), 0);
    put_all(&blobs, std::slice::from_ref(&key)).await;
    assert_eq!(blobs.sweep(Duration::ZERO).await.unwrap(), 0);
    assert_eq!(blobs.get(&key).await.unwrap(), key.as_str());
}

async fn concurrent_writes_to_one_key_do_not_mix(blobs: Blobs) {
    let key = card_key(&job(1), 0, "png");
    let all: Vec<Bytes> = (0..8).map(|letter| vec![letter; 300_000].into()).collect();
    let puts = all.iter().map(|bytes| blobs.put(&key, bytes.clone()));
    futures_util::future::try_join_all(puts).await.unwrap();
    let read = blobs.get(&key).await.unwrap();
    assert!(all.contains(&read));
}

async fn keys_that_leave_the_blob_store_are_rejected(blobs: Blobs) {
    for key in ["", "../x", "jobs/../../x", "/etc/passwd", "jobs//x", "staging/#1", "a b"] {
        assert!(matches!(blobs.get(key).await, Err(BlobError::Missing(_))), "{key}");
        assert!(blobs.put(key, Bytes::from_static(b"x")).await.is_err(), "{key}");
    }
    assert_eq!(blobs.used().await.unwrap(), 0);
}

/// Waits until a condition holds.
async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let holds = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(60), holds).await.is_ok(),
        "timed out waiting until {what}"
    );
}
