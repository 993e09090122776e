//! Servers that are not there, say nothing, or have no room.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use huemill_store::blobs::{BlobError, Blobs, input_key};

use crate::s3::{self, S3};
use crate::{collect, job, spool};

/// Every call to a blob store that a server answers in this way.
async fn every_call_fails(url: &str, endpoint: String, fails: impl Fn(&BlobError) -> bool) {
    let blobs = Blobs::open(url, &s3::environment(endpoint)).unwrap();
    let (id, large) = (job(1), spool(vec![7; 6 << 20], 0));
    let key = input_key(&id, 0);
    let results = [
        blobs.put(&key, Bytes::from_static(b"x")).await,
        blobs.put_spool(&key, &large).await,
        blobs.get(&key).await.map(drop),
        blobs.range(&key, 1..2).await.map(drop),
        collect(&blobs, &key, None).await.map(drop),
        blobs.remove_job(&id, true).await.map(drop),
        blobs.jobs(None, 1).await.map(drop),
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

/// A port of this machine where nobody listens, or where somebody does and says nothing.
fn port() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    (listener, endpoint)
}

// The clock of these two goes on by itself whenever everybody waits.

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_there_is_away() {
    let (listener, endpoint) = port();
    drop(listener);
    every_call_fails("s3://bucket", endpoint, is_away).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_away() {
    let (_listener, endpoint) = port();
    every_call_fails("s3://bucket", endpoint, is_away).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_is_away_to_all_but_readers() {
    let server = S3::shared();
    let blobs = Blobs::open("s3://no-such-bucket", &server.environment()).unwrap();
    let key = input_key(&job(1), 0);
    assert!(is_away(&blobs.put(&key, Bytes::from_static(b"x")).await.unwrap_err()));
    assert!(is_away(&blobs.put_spool(&key, &spool(vec![7; 6 << 20], 0)).await.unwrap_err()));
    assert!(is_away(&blobs.used().await.unwrap_err()));
    assert!(is_away(&blobs.probe().await.unwrap_err()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_room_is_full() {
    let (listener, endpoint) = port();
    std::thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(refuse_for_room));
    let blobs = Blobs::open("s3://bucket", &s3::environment(endpoint)).unwrap();
    let key = input_key(&job(1), 0);
    let full =
        |result: Result<(), BlobError>| assert!(matches!(result, Err(BlobError::Full(_))), "{result:?}");
    full(blobs.put(&key, Bytes::from_static(b"x")).await);
    full(blobs.put_spool(&key, &spool(vec![7; 6 << 20], 0)).await);
    full(blobs.probe().await);
}

/// Answers every request on a connection as a server does whose disks are full.
fn refuse_for_room(socket: TcpStream) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let mut reader = BufReader::new(socket);
    let mut length = 0;
    for line in reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
        if let Some((_, value)) = line.to_lowercase().split_once("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink()).unwrap();
    reader.into_inner().write_all(ANSWER).unwrap();
}
