//! Tests the encryption settings of a bucket.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use huemill_store::blobs::{BlobError, Blobs, BucketSettings, input_key};

use crate::s3::S3;
use crate::server::{Request, Server, answer};
use crate::{job, spool};

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/0123";

/// The encryption that the server reports for a small blob and for one that was uploaded in parts.
async fn reported_encryption(settings: &BucketSettings) -> Vec<String> {
    let server = S3::shared();
    let bucket = server.bucket();
    let blobs = Blobs::open(&format!("s3://{bucket}"), settings, &server.environment()).unwrap();
    let (id, large) = (job(1), spool(vec![7; 6 << 20], 0));
    blobs.put(&input_key(&id, 0), Bytes::from_static(b"x")).await.unwrap();
    blobs.put_spool(&input_key(&id, 1), &large).await.unwrap();
    let mut reported = Vec::new();
    for number in 0..2 {
        let path = format!("/{bucket}/{}", input_key(&id, number));
        let head = server.call("s3", "HEAD", &path, "", "").to_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let lines = head.lines().filter_map(|line| line.strip_prefix("x-amz-server-side-encryption"));
        let mut lines: Vec<_> = lines.map(str::to_owned).collect();
        lines.sort();
        reported.push(lines.join(","));
    }
    reported
}

fn settings(encryption: &str, kms_key: &str) -> BucketSettings {
    BucketSettings {
        encryption: encryption.to_owned(),
        kms_key: kms_key.to_owned(),
        ..BucketSettings::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_are_encrypted_according_to_the_settings() {
    crate::servers::require!(S3);
    for (encryption, kms_key, reported) in [
        ("AES256", "", ": aes256".to_owned()),
        ("aws:kms", KEY, format!("-aws-kms-key-id: {KEY},: aws:kms")),
        // The server does not store the key for this kind.
        ("aws:kms:dsse", KEY, ": aws:kms:dsse".to_owned()),
    ] {
        assert_eq!(
            reported_encryption(&settings(encryption, kms_key)).await,
            [reported.clone(), reported],
            "{encryption}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_name_the_configured_key() {
    crate::servers::require!(S3);
    for (encryption, kms_key) in
        [("", ""), ("AES256", ""), ("aws:kms", ""), ("aws:kms", KEY), ("aws:kms:dsse", KEY)]
    {
        let received = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&received);
        let server = Server::start(move |request: &Request| {
            let header = |name| request.header(name).unwrap_or_default().to_owned();
            recorded.lock().unwrap().push([
                header("x-amz-server-side-encryption"),
                header("x-amz-server-side-encryption-aws-kms-key-id"),
            ]);
            answer("200 OK", "")
        })
        .await;
        let blobs = server.blobs_with(&settings(encryption, kms_key));
        blobs.put(&input_key(&job(1), 0), Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(*received.lock().unwrap(), [[encryption, kms_key]]);
    }
}

#[test]
fn an_unknown_encryption_is_rejected() {
    let result = Blobs::open("s3://bucket", &settings("rot13", ""), &|_| None);
    assert!(matches!(result, Err(BlobError::Address(_))), "{result:?}");
}
