//! Tests blob stores that do not exist, do not answer, or are full.

use std::net::TcpListener;
use std::time::Duration;

use bytes::Bytes;
use huemill_store::blobs::{BlobError, Blobs, BucketSettings, input_key};

use crate::s3::{self, S3};
use crate::server::{Server, answer};
use crate::{collect, job, spool};

/// Checks that every call to the blob store fails in this way.
async fn every_call_fails(url: &str, endpoint: String, fails: impl Fn(&BlobError) -> bool) {
    let blobs = Blobs::open(url, &BucketSettings::default(), &s3::environment(endpoint)).unwrap();
    let (id, large) = (job(1), spool(vec![7; 6 << 20], 0));
    let key = input_key(&id, 0);
    let results = [
        blobs.put(&key, Bytes::from_static(b"x")).await,
        blobs.put_spool(&key, &large).await,
        blobs.get(&key).await.map(drop),
        blobs.range(&key, 1..2).await.map(drop),
        collect(&blobs, &key, None).await.map(drop),
        blobs.remove_job(&id, true).await.map(drop),
        blobs.jobs_in(0).await.map(drop),
        blobs.jobs_of_old_layout().await.map(drop),
        blobs.sweep(Duration::ZERO).await.map(drop),
        blobs.used().await.map(drop),
        blobs.probe().await,
    ];
    for (call, result) in results.into_iter().enumerate() {
        assert!(result.as_ref().is_err_and(&fails), "call {call}: {result:?}");
    }
}

fn is_away(error: &BlobError) -> bool {
    matches!(error, BlobError::Away(_))
}

/// A listener that accepts connections but does not answer. Once it is dropped, connections to its URL are refused.
fn silent_listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    (listener, endpoint)
}

// The clock of these two tests advances by itself whenever all tasks wait.

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_exist_is_unavailable() {
    let (listener, endpoint) = silent_listener();
    drop(listener);
    every_call_fails("s3://bucket", endpoint, is_away).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_unavailable() {
    let (_listener, endpoint) = silent_listener();
    every_call_fails("s3://bucket", endpoint, is_away).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_does_not_exist_is_unavailable() {
    crate::servers::require!(S3);
    let server = S3::shared();
    every_call_fails("s3://no-such-bucket", server.endpoint(), is_away).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_free_space_is_full() {
    let server = Server::start(|_| answer("507 Insufficient Storage", "")).await;
    let blobs = server.blobs();
    let key = input_key(&job(1), 0);
    let full =
        |result: Result<(), BlobError>| assert!(matches!(result, Err(BlobError::Full(_))), "{result:?}");
    full(blobs.put(&key, Bytes::from_static(b"x")).await);
    full(blobs.put_spool(&key, &spool(vec![7; 6 << 20], 0)).await);
    full(blobs.probe().await);
}
