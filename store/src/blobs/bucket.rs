//! Blobs as objects of an S3-compatible bucket.
//!
//! No call waits for longer than its [`patience`]: connections and retries are bounded by the client, the whole of a
//! call and each chunk of a stream here. Large blobs go up in parts; an upload that fails or is dropped is aborted,
//! and what a crash leaves of one is for the bucket's own rule (`AbortIncompleteMultipartUpload`).

use std::error::Error as _;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};

use super::BlobError;
use super::key::{self, JOBS, PROBES};
use super::upload::{PART, Upload, part};
use crate::job::JobId;
use crate::spool::Spool;

/// How long a call may take that moves so many bytes.
pub(super) fn patience(bytes: u64) -> Duration {
    const CALL: Duration = Duration::from_secs(10);
    const BYTES_A_SECOND: u64 = 256 << 10;
    CALL + Duration::from_secs(bytes / BYTES_A_SECOND)
}

/// A bucket, or a prefix of one.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
}

impl Bucket {
    pub(super) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store }
    }

    pub(super) async fn put(&self, key: &str, bytes: Bytes) -> Result<(), BlobError> {
        self.put_payload(key, bytes.into()).await
    }

    async fn put_payload(&self, key: &str, payload: PutPayload) -> Result<(), BlobError> {
        let patience = patience(payload.content_length() as u64);
        in_time(patience, self.store.put(&path(key)?, payload)).await.map_err(unwritten)?;
        Ok(())
    }

    pub(super) async fn put_spool(&self, key: &str, spool: &Spool) -> Result<(), BlobError> {
        if spool.len() <= PART {
            return self.put_payload(key, part(spool, 0).await?).await;
        }
        let mut upload = Upload::begin(&self.store, key).await?;
        let mut offset = 0;
        while offset < spool.len() {
            let part = part(spool, offset).await?;
            offset += part.content_length() as u64;
            upload.put(part).await?;
        }
        upload.complete().await
    }

    pub(super) async fn range(&self, key: &str, range: Range<u64>) -> Result<Bytes, BlobError> {
        let chunks: Vec<Bytes> = self.stream(key.to_owned(), range).try_collect().await?;
        Ok(if let [whole] = &chunks[..] { whole.clone() } else { chunks.concat().into() })
    }

    pub(super) fn stream(
        &self,
        key: String,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + use<> {
        let store = Arc::clone(&self.store);
        stream::once(async move {
            let chunks = open(&store, &key, range).await?;
            Ok::<_, BlobError>(stream::try_unfold((chunks, key), next))
        })
        .try_flatten()
    }

    pub(super) async fn remove(&self, key: &str) -> Result<(), BlobError> {
        let removed = in_time(patience(0), self.store.delete(&path(key)?)).await;
        absent_is(removed, ())
    }

    /// Removes all below a prefix.
    pub(super) async fn remove_all(&self, prefix: &str) -> Result<u64, BlobError> {
        let found = self.store.list(Some(&Path::from(prefix)));
        self.remove_found(found.map_ok(|object| object.location).boxed()).await
    }

    async fn remove_found(&self, found: BoxStream<'static, StoreResult<Path>>) -> Result<u64, BlobError> {
        let mut removals = self.store.delete_stream(found);
        let mut removed = 0;
        loop {
            let removal = in_time(patience(0), removals.try_next()).await;
            match absent_is(removal.map(|path| path.map(|_| 1)), Some(0))? {
                Some(count) => removed += count,
                None => return Ok(removed),
            }
        }
    }

    pub(super) async fn jobs(
        &self,
        after: Option<&JobId>,
        most: usize,
    ) -> Result<Vec<(JobId, SystemTime)>, BlobError> {
        let prefix = Path::from(JOBS);
        // Behind all keys of a job comes what follows the `/` in ASCII.
        let mut objects = match after {
            Some(after) => {
                self.store.list_with_offset(Some(&prefix), &Path::from(format!("{JOBS}/{after}0")))
            }
            None => self.store.list(Some(&prefix)),
        };
        let mut jobs: Vec<(JobId, SystemTime)> = Vec::new();
        while let Some(object) = in_time(patience(0), objects.try_next()).await.map_err(unwritten)? {
            let (Some(id), written) = (job_of(&object), SystemTime::from(object.last_modified)) else {
                continue;
            };
            let full = jobs.len() == most;
            match jobs.last_mut() {
                Some((last, newest)) if *last == id => *newest = written.max(*newest),
                _ if full => break,
                _ => jobs.push((id, written)),
            }
        }
        Ok(jobs)
    }

    /// Removes what probes that never ended have left.
    pub(super) async fn sweep(&self, older_than: Duration) -> Result<u64, BlobError> {
        let before = SystemTime::now().checked_sub(older_than).unwrap_or(SystemTime::UNIX_EPOCH);
        let old = self.store.list(Some(&Path::from(PROBES))).try_filter_map(move |object| async move {
            Ok((SystemTime::from(object.last_modified) < before).then_some(object.location))
        });
        self.remove_found(old.boxed()).await
    }

    pub(super) async fn used(&self) -> Result<u64, BlobError> {
        let mut objects = self.store.list(None);
        let mut used = 0;
        while let Some(object) = in_time(patience(0), objects.try_next()).await.map_err(unwritten)? {
            used += object.size;
        }
        Ok(used)
    }
}

pub(super) fn path(key: &str) -> Result<Path, BlobError> {
    if key::is_plain(key) { Ok(Path::from(key)) } else { Err(BlobError::Missing(key.to_owned())) }
}

fn job_of(object: &ObjectMeta) -> Option<JobId> {
    JobId::parse(object.location.parts().nth(1)?.as_ref())
}

type Chunks = BoxStream<'static, StoreResult<Bytes>>;

/// Begins to read as much of a range as the blob has.
async fn open(store: &Arc<dyn ObjectStore>, key: &str, range: Range<u64>) -> Result<Chunks, BlobError> {
    let (path, start) = (path(key)?, range.start);
    let part = match range {
        Range { start: 0, end: u64::MAX } => None,
        Range { start, end: u64::MAX } => Some(GetRange::Offset(start)),
        range if range.is_empty() => return Ok(stream::empty().boxed()),
        range => Some(GetRange::Bounded(range)),
    };
    let options = GetOptions { range: part, ..GetOptions::default() };
    let error = match in_time(patience(0), store.get_opts(&path, options)).await {
        Ok(found) => return Ok(found.into_stream()),
        Err(error) => unread(error, key),
    };
    // A range behind the blob's end is an error to S3, and an empty part of the blob to us.
    if matches!(error, BlobError::Missing(_))
        || in_time(patience(0), store.head(&path)).await.map_or(true, |blob| blob.size > start)
    {
        return Err(error);
    }
    Ok(stream::empty().boxed())
}

/// The next bytes; a step of a stream.
async fn next((mut chunks, key): (Chunks, String)) -> Result<Option<(Bytes, (Chunks, String))>, BlobError> {
    match in_time(patience(0), chunks.try_next()).await {
        Ok(bytes) => Ok(bytes.map(|bytes| (bytes, (chunks, key)))),
        Err(error) => Err(unread(error, &key)),
    }
}

pub(super) type StoreResult<T> = Result<T, object_store::Error>;

/// What a call gives, or an error once it takes too long.
pub(super) async fn in_time<T>(
    patience: Duration,
    call: impl Future<Output = StoreResult<T>>,
) -> StoreResult<T> {
    match tokio::time::timeout(patience, call).await {
        Ok(done) => done,
        Err(late) => Err(object_store::Error::Generic { store: "S3", source: late.into() }),
    }
}

fn absent_is<T>(result: StoreResult<T>, otherwise: T) -> Result<T, BlobError> {
    match result {
        Err(object_store::Error::NotFound { .. }) => Ok(otherwise),
        result => result.map_err(unwritten),
    }
}

fn unread(error: object_store::Error, key: &str) -> BlobError {
    match error {
        object_store::Error::NotFound { .. } => BlobError::Missing(key.to_owned()),
        error => unwritten(error),
    }
}

/// Where no blob is asked for, what is not found is the bucket.
#[allow(clippy::needless_pass_by_value, reason = "reads well behind map_err")]
pub(super) fn unwritten(error: object_store::Error) -> BlobError {
    let text = without_answer(&chain(&error));
    // `Insufficient Storage`: what S3-compatible servers answer when their disks are full or a quota is reached.
    if text.contains("507 Insufficient Storage") { BlobError::Full(text) } else { BlobError::Away(text) }
}

/// The text without the server's answer, which may quote keys and signatures. What S3 calls the error is kept.
fn without_answer(text: &str) -> String {
    let status = text.split_once("non-2xx status code: ").and_then(|(_, rest)| rest.split_once(": "));
    let answer = status.or_else(|| text.split_once("error response: ")).map_or("", |(_, answer)| answer);
    let told = text[..text.len() - answer.len()].trim_end_matches([' ', ':']);
    let name = answer.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    match name.filter(|(name, _)| name.len() < 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        Some((name, _)) => format!("{told} ({name})"),
        None => told.to_owned(),
    }
}

/// An error with its causes, as far as it does not tell them itself.
fn chain(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_servers_answer_the_name_of_the_error_alone_is_told() {
        let error =
            "Error performing PUT http://h/b in 3ms - Server returned non-2xx status code: 403 Forbidden";
        let answer = "<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>";
        assert_eq!(without_answer(&format!("{error}: {answer}")), format!("{error} (SignatureDoesNotMatch)"));
        assert_eq!(without_answer(&format!("{error}: a secret: of its own")), error);
        assert_eq!(without_answer(&format!("{error}: <Code>a secret</Code>")), error);
        assert_eq!(without_answer(&format!("{error}: ")), error);
        assert_eq!(without_answer("Server returned error response: a: b"), "Server returned error response");
        assert_eq!(without_answer("connection refused: 111"), "connection refused: 111");
    }
}
