//! How a bucket is asked to encrypt.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use huemill_store::blobs::{BlobError, Blobs, BucketSettings, input_key};

use crate::s3::S3;
use crate::server::{Request, Server, answer};
use crate::{job, spool};

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/0123";

/// What the server says of the encryption of a small blob and of one that went up in parts.
async fn stored_with(settings: &BucketSettings) -> Vec<String> {
    let server = S3::shared();
    let bucket = server.bucket();
    let blobs = Blobs::open(&format!("s3://{bucket}"), settings, &server.environment()).unwrap();
    let (id, large) = (job(1), spool(vec![7; 6 << 20], 0));
    blobs.put(&input_key(&id, 0), Bytes::from_static(b"x")).await.unwrap();
    blobs.put_spool(&input_key(&id, 1), &large).await.unwrap();
    let mut said = Vec::new();
    for number in 0..2 {
        let path = format!("/{bucket}/{}", input_key(&id, number));
        let head = server.call("s3", "HEAD", &path, "", "").to_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let lines = head.lines().filter_map(|line| line.strip_prefix("x-amz-server-side-encryption"));
        let mut lines: Vec<_> = lines.map(str::to_owned).collect();
        lines.sort();
        said.push(lines.join(","));
    }
    said
}

fn settings(encryption: &str, kms_key: &str) -> BucketSettings {
    BucketSettings {
        encryption: encryption.to_owned(),
        kms_key: kms_key.to_owned(),
        ..BucketSettings::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_encrypted_as_the_settings_say() {
    crate::servers::require!(S3);
    for (encryption, kms_key, said) in [
        ("AES256", "", ": aes256".to_owned()),
        ("aws:kms", KEY, format!("-aws-kms-key-id: {KEY},: aws:kms")),
        // Of the key of this kind the server keeps nothing.
        ("aws:kms:dsse", KEY, ": aws:kms:dsse".to_owned()),
    ] {
        assert_eq!(stored_with(&settings(encryption, kms_key)).await, [said.clone(), said], "{encryption}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_named_where_there_is_one() {
    crate::servers::require!(S3);
    for (encryption, kms_key) in
        [("", ""), ("AES256", ""), ("aws:kms", ""), ("aws:kms", KEY), ("aws:kms:dsse", KEY)]
    {
        let named = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&named);
        let server = Server::start(move |request: &Request| {
            let header = |name| request.header(name).unwrap_or_default().to_owned();
            heard.lock().unwrap().push([
                header("x-amz-server-side-encryption"),
                header("x-amz-server-side-encryption-aws-kms-key-id"),
            ]);
            answer("200 OK", "")
        })
        .await;
        let blobs = server.blobs_with(&settings(encryption, kms_key));
        blobs.put(&input_key(&job(1), 0), Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(*named.lock().unwrap(), [[encryption, kms_key]]);
    }
}

#[test]
fn an_encryption_that_does_not_exist_is_refused() {
    let refused = Blobs::open("s3://bucket", &settings("rot13", ""), &|_| None);
    assert!(matches!(refused, Err(BlobError::Address(_))), "{refused:?}");
}
