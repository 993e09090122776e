//! Tests that errors of one blob are distinguished from errors of all blobs, and that a removal continues after an
//! error.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use huemill_store::blobs::{BlobError, Blobs, BucketSettings, card_key, input_key};
use tempfile::TempDir;

use crate::s3::S3;
use crate::server::{Request, Server, answer, error};
use crate::{collect, job, put_all};

fn is_refused<T: std::fmt::Debug>(result: &Result<T, BlobError>) -> bool {
    matches!(result, Err(error @ BlobError::Refused(_)) if !error.to_string().contains("secret"))
}

fn is_away<T: std::fmt::Debug>(result: &Result<T, BlobError>) -> bool {
    matches!(result, Err(error @ BlobError::Away(_)) if !error.to_string().contains("secret"))
}

#[tokio::test]
async fn a_path_that_is_not_a_file_is_refused_and_other_blobs_can_be_read() {
    let folder = TempDir::new().unwrap();
    let blobs = Blobs::folder(folder.path()).unwrap();
    let id = job(1);
    let [directory, circle, good] = [0, 1, 2].map(|number| input_key(&id, number));
    put_all(&blobs, std::slice::from_ref(&good)).await;
    fs::create_dir(folder.path().join(&directory)).unwrap();
    fs::write(folder.path().join(&directory).join("inside"), "").unwrap();
    symlink(folder.path().join(&circle), folder.path().join(&circle)).unwrap();
    for key in [&directory, &circle] {
        let read = collect(&blobs, key, None).await;
        assert!(is_refused(&read), "{key}: {read:?}");
    }
    let put = blobs.put(&directory, Bytes::new()).await;
    assert!(is_refused(&put), "{put:?}");
    assert_eq!(blobs.get(&good).await.unwrap(), good.as_str());
}

/// The variable that marks a test process whose user is subject to file permissions.
const UNPRIVILEGED: &str = "HUEMILL_TEST_UNPRIVILEGED";

/// Runs the test of this name in another process, as another user if this one is root. Returns true in that process.
fn is_unprivileged(test: &str) -> bool {
    if std::env::var_os(UNPRIVILEGED).is_some() {
        return true;
    }
    let program = std::env::current_exe().unwrap();
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let mut command = if root {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
        setpriv
    } else {
        Command::new(program)
    };
    let output = command.args(["--exact", test]).env(UNPRIVILEGED, "1").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
    false
}

#[tokio::test]
async fn missing_permissions_on_one_job_do_not_affect_other_jobs() {
    if !is_unprivileged("access_errors::missing_permissions_on_one_job_do_not_affect_other_jobs") {
        return;
    }
    let folder = TempDir::new().unwrap();
    let blobs = Blobs::folder(folder.path()).unwrap();
    let (id, other) = (job(1), job(1));
    let (input, card) = (input_key(&id, 0), card_key(&id, 0, "png"));
    put_all(&blobs, &[input.clone(), card.clone(), input_key(&other, 0)]).await;
    let set = |path: &std::path::Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let file = folder.path().join(&input);
    set(&file, 0o000);
    let read = blobs.get(&input).await;
    assert!(is_refused(&read), "{read:?}");
    let inputs = file.parent().unwrap();
    set(inputs, 0o555);
    let put = blobs.put(&input_key(&id, 1), Bytes::new()).await;
    assert!(is_refused(&put), "{put:?}");
    let removed = blobs.remove_job(&id, true).await;
    assert!(is_refused(&removed), "{removed:?}");
    assert!(file.exists(), "the file cannot be removed");
    assert!(matches!(blobs.get(&card).await, Err(BlobError::Missing(_))), "the other blobs are removed");
    assert_eq!(blobs.remove_job(&other, true).await.unwrap(), 1);
    set(inputs, 0o755);
    assert_eq!(blobs.remove_job(&id, true).await.unwrap(), 1);
    // An error in a directory that all blobs share concerns all of them.
    set(&folder.path().join("staging"), 0o555);
    let put = blobs.put(&input, Bytes::new()).await;
    assert!(is_away(&put), "{put:?}");
    set(&folder.path().join("staging"), 0o755);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_object_is_refused_and_other_objects_can_be_read() {
    crate::servers::require!(S3);
    let server = S3::shared();
    let bucket = server.bucket();
    let url = format!("s3://{bucket}");
    let blobs = Blobs::open(&url, &BucketSettings::default(), &server.environment()).unwrap();
    let (archived, good) = (input_key(&job(1), 0), input_key(&job(1), 0));
    put_all(&blobs, std::slice::from_ref(&good)).await;
    let path = format!("/{bucket}/{archived}");
    let put = server.call("s3", "PUT", &path, "x-amz-storage-class: GLACIER\r\n", "cold");
    assert!(put.starts_with("HTTP/1.1 200"), "{put}");
    let read = blobs.get(&archived).await;
    assert!(is_refused(&read), "{read:?}");
    assert!(read.unwrap_err().to_string().contains("InvalidObjectState"));
    assert_eq!(blobs.get(&good).await.unwrap(), good.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn error_responses_of_a_bucket_concern_one_blob_or_all() {
    let key = input_key(&job(1), 0);
    for (status, code) in [
        ("403 Forbidden", "AccessDenied"),
        ("403 Forbidden", "KMS.AccessDeniedException"),
        ("400 Bad Request", "KMS.DisabledException"),
        ("412 Precondition Failed", "PreconditionFailed"),
    ] {
        let blobs = Server::start(move |_| error(status, code)).await.blobs();
        let (read, put) = (blobs.get(&key).await, blobs.put(&key, Bytes::new()).await);
        assert!(is_refused(&read) && is_refused(&put), "{code}: {read:?} {put:?}");
    }
    for (status, code) in [
        ("403 Forbidden", "InvalidAccessKeyId"),
        ("403 Forbidden", "SignatureDoesNotMatch"),
        ("400 Bad Request", "ExpiredToken"),
        ("400 Bad Request", "InvalidToken"),
        ("404 Not Found", "NoSuchBucket"),
        ("503 Service Unavailable", "SlowDown"),
    ] {
        let blobs = Server::start(move |_| error(status, code)).await.blobs();
        let (read, put) = (blobs.get(&key).await, blobs.put(&key, Bytes::new()).await);
        assert!(is_away(&read) && is_away(&put), "{code}: {read:?} {put:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_cannot_be_removed_does_not_block_the_removal_of_others() {
    let id = job(1);
    let (locked, free) = (input_key(&id, 0), card_key(&id, 0, "png"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let (first, second) = (locked.clone(), free.clone());
    let server = Server::start(move |request: &Request| {
        if request.method == "POST" {
            seen.lock().unwrap().push(request.body.clone());
            let refused = format!("<Error><Key>{first}</Key><Code>AccessDenied</Code><Message>a secret</Message></Error>");
            return answer("200 OK", &format!("<DeleteResult>{refused}<Deleted><Key>{second}</Key></Deleted></DeleteResult>"));
        }
        let object = |key: &str| {
            format!("<Contents><Key>{key}</Key><Size>1</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>")
        };
        // There are no objects in the old layout.
        let found = if request.path.contains("prefix=jobs") { String::new() } else { object(&first) + &object(&second) };
        answer("200 OK", &format!("<ListBucketResult>{found}</ListBucketResult>"))
    })
    .await;
    let removed = server.blobs().remove_job(&id, true).await;
    assert!(is_refused(&removed), "{removed:?}");
    let asked = asked.lock().unwrap();
    assert!(asked.len() == 1 && asked[0].contains(&locked) && asked[0].contains(&free), "{asked:?}");
}
