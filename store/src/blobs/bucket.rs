//! Blobs as objects of an S3-compatible bucket.
//!
//! No call waits for longer than its [`Patience`]: connections and retries are bounded by the client, the whole of a
//! call and each chunk of a stream here. Large blobs go up in parts; an upload that fails or is dropped is aborted,
//! and what a crash leaves of one is for the bucket's own rule (`AbortIncompleteMultipartUpload`).

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::sync::Semaphore;

use super::error::{BlobError, both, is_absent, of_bucket};
use super::key::{self, PROBES};
use super::upload::{IN_ALL, PART, Upload, part};
use crate::job::JobId;
use crate::spool::Spool;

/// How long a call may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    call: Duration,
}

impl Patience {
    /// For calls that are tried again for so long.
    pub(super) fn new(retry: Duration) -> Self {
        Self { call: (retry + Duration::from_secs(2)).max(Duration::from_secs(10)) }
    }

    /// For a call that moves so many bytes.
    pub(super) fn with(self, bytes: u64) -> Duration {
        const BYTES_A_SECOND: u64 = 256 << 10;
        self.call + Duration::from_secs(bytes / BYTES_A_SECOND)
    }

    /// For the names of a directory, which come in as many calls as it has thousands.
    fn of_listing(self) -> Duration {
        self.call * 60
    }
}

/// A bucket, or a prefix of one.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    patience: Patience,
    /// A place for each part of an upload that is in memory.
    room: Arc<Semaphore>,
}

impl Bucket {
    pub(super) fn new(store: Arc<dyn ObjectStore>, retry: Duration) -> Self {
        Self { store, patience: Patience::new(retry), room: Arc::new(Semaphore::new(IN_ALL)) }
    }

    pub(super) async fn put(&self, key: &str, bytes: Bytes) -> Result<(), BlobError> {
        self.put_payload(key, bytes.into()).await
    }

    async fn put_payload(&self, key: &str, payload: PutPayload) -> Result<(), BlobError> {
        let patience = self.patience.with(payload.content_length() as u64);
        in_time(patience, self.store.put(&path(key)?, payload)).await.map_err(of_bucket)?;
        Ok(())
    }

    pub(super) async fn put_spool(&self, key: &str, spool: &Spool) -> Result<(), BlobError> {
        if spool.len() <= PART {
            return self.put_payload(key, part(spool, 0).await?).await;
        }
        Upload::begin(&self.store, key, self.patience).await?.send(spool, &self.room).await
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
        let bucket = self.clone();
        stream::once(async move {
            let chunks = bucket.open_blob(&key, range).await?;
            let patience = bucket.patience.with(0);
            Ok::<_, BlobError>(stream::try_unfold((chunks, key), move |state| next(state, patience)))
        })
        .try_flatten()
    }

    /// Begins to read as much of a range as the blob has.
    async fn open_blob(&self, key: &str, range: Range<u64>) -> Result<Chunks, BlobError> {
        let (path, start, patience) = (path(key)?, range.start, self.patience.with(0));
        let part = match range {
            Range { start: 0, end: u64::MAX } => None,
            Range { start, end: u64::MAX } => Some(GetRange::Offset(start)),
            range if range.is_empty() => return Ok(stream::empty().boxed()),
            range => Some(GetRange::Bounded(range)),
        };
        let options = GetOptions { range: part, ..GetOptions::default() };
        let error = match in_time(patience, self.store.get_opts(&path, options)).await {
            Ok(found) => return Ok(found.into_stream()),
            Err(error) => unread(error, key),
        };
        // A range behind the blob's end is an error to S3, and an empty part of the blob to its readers.
        if matches!(error, BlobError::Missing(_) | BlobError::Refused(_))
            || in_time(patience, self.store.head(&path)).await.map_or(true, |blob| blob.size > start)
        {
            return Err(error);
        }
        Ok(stream::empty().boxed())
    }

    pub(super) async fn remove(&self, key: &str) -> Result<(), BlobError> {
        self.remove_each(vec![path(key)?]).await.map(drop)
    }

    /// Removes all below a prefix that can be removed.
    pub(super) async fn remove_all(&self, prefix: &str) -> Result<u64, BlobError> {
        let mut objects = self.store.list(Some(&Path::from(prefix)));
        let mut found = Vec::new();
        let listed = loop {
            match in_time(self.patience.with(0), objects.try_next()).await {
                Ok(Some(object)) => found.push(object.location),
                Ok(None) => break Ok(0),
                Err(error) => break Err(of_bucket(error)),
            }
        };
        both(listed, self.remove_each(found).await)
    }

    /// When the newest blob below a prefix was written.
    pub(super) async fn newest(&self, prefix: &str) -> Result<Option<SystemTime>, BlobError> {
        let mut objects = self.store.list(Some(&Path::from(prefix)));
        let mut newest = None;
        while let Some(object) =
            in_time(self.patience.with(0), objects.try_next()).await.map_err(of_bucket)?
        {
            newest = newest.max(Some(SystemTime::from(object.last_modified)));
        }
        Ok(newest)
    }

    /// The time by the bucket's clock: that of an object that is written to be removed.
    pub(super) async fn now(&self) -> Result<SystemTime, BlobError> {
        let key = key::probe_key(rand::random());
        self.put(&key, Bytes::new()).await?;
        let written = in_time(self.patience.with(0), self.store.head(&path(&key)?)).await;
        self.remove(&key).await?;
        Ok(written.map_err(of_bucket)?.last_modified.into())
    }

    /// Removes each of these that can be removed; that one is not there is fine. How many there were.
    async fn remove_each(&self, objects: Vec<Path>) -> Result<u64, BlobError> {
        let objects = stream::iter(objects.into_iter().map(Ok));
        let mut removals = self.store.delete_stream(objects.boxed());
        let mut removed = Ok(0);
        loop {
            let removal = match in_time(self.patience.with(0), removals.try_next()).await {
                Ok(None) => return removed,
                Ok(Some(_)) => Ok(1),
                Err(error) if is_absent(&error) => Ok(0),
                Err(error) => Err(of_bucket(error)),
            };
            let goes_on = matches!(removal, Ok(_) | Err(BlobError::Refused(_)));
            removed = both(removed, removal);
            if !goes_on {
                return removed;
            }
        }
    }

    /// The jobs that have blobs below a prefix. One call for each thousand of them.
    pub(super) async fn jobs(&self, prefix: &str) -> Result<Vec<JobId>, BlobError> {
        let prefix = Path::from(prefix);
        let listing = self.store.list_with_delimiter(Some(&prefix));
        let found = in_time(self.patience.of_listing(), listing).await.map_err(of_bucket)?;
        let id = |path: &Path| JobId::parse(path.filename()?);
        Ok(found.common_prefixes.iter().filter_map(id).collect())
    }

    /// Removes what probes that never ended have left.
    pub(super) async fn sweep(&self, older_than: Duration) -> Result<u64, BlobError> {
        let before = SystemTime::now().checked_sub(older_than).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut probes = self.store.list(Some(&Path::from(PROBES)));
        let mut old = Vec::new();
        while let Some(probe) = in_time(self.patience.with(0), probes.try_next()).await.map_err(of_bucket)? {
            if SystemTime::from(probe.last_modified) < before {
                old.push(probe.location);
            }
        }
        self.remove_each(old).await
    }

    pub(super) async fn used(&self) -> Result<u64, BlobError> {
        let mut objects = self.store.list(None);
        let mut used = 0;
        while let Some(object) =
            in_time(self.patience.with(0), objects.try_next()).await.map_err(of_bucket)?
        {
            used += object.size;
        }
        Ok(used)
    }
}

pub(super) fn path(key: &str) -> Result<Path, BlobError> {
    if key::is_plain(key) { Ok(Path::from(key)) } else { Err(BlobError::Missing(key.to_owned())) }
}

type Chunks = BoxStream<'static, StoreResult<Bytes>>;

/// The next bytes; a step of a stream.
async fn next(
    (mut chunks, key): (Chunks, String),
    patience: Duration,
) -> Result<Option<(Bytes, (Chunks, String))>, BlobError> {
    match in_time(patience, chunks.try_next()).await {
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

fn unread(error: object_store::Error, key: &str) -> BlobError {
    if is_absent(&error) { BlobError::Missing(key.to_owned()) } else { of_bucket(error) }
}
