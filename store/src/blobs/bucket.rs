//! Blobs as objects in an S3-compatible bucket.
//!
//! Every call has a time limit from [`CallTimeouts`]. The client limits connections and retries; this module limits
//! each call as a whole and each chunk of a stream. Large blobs are uploaded in parts. An upload that fails or is
//! dropped is aborted. If a crash interrupts an upload, the bucket's lifecycle rule (`AbortIncompleteMultipartUpload`)
//! removes it.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::sync::Semaphore;

use super::call::{CallTimeouts, Chunks, in_time, next_chunk, path, read_error};
use super::error::{BlobError, bucket_error, combine, is_absent};
use super::key::{self, PROBES};
use super::upload::{MAX_PARTS_IN_MEMORY, PART_SIZE, Upload, read_part};
use crate::job::JobId;
use crate::spool::Spool;

/// A bucket, or a prefix of one.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    timeouts: CallTimeouts,
    /// A permit for each part of an upload that is in memory.
    part_permits: Arc<Semaphore>,
}

impl Bucket {
    pub(super) fn new(store: Arc<dyn ObjectStore>, retry: Duration) -> Self {
        let part_permits = Arc::new(Semaphore::new(MAX_PARTS_IN_MEMORY));
        Self { store, timeouts: CallTimeouts::new(retry), part_permits }
    }

    pub(super) async fn put(&self, key: &str, bytes: Bytes) -> Result<(), BlobError> {
        self.put_payload(key, bytes.into()).await
    }

    async fn put_payload(&self, key: &str, payload: PutPayload) -> Result<(), BlobError> {
        let limit = self.timeouts.for_bytes(payload.content_length() as u64);
        in_time(limit, self.store.put(&path(key)?, payload)).await.map_err(bucket_error)?;
        Ok(())
    }

    pub(super) async fn put_spool(&self, key: &str, spool: &Spool) -> Result<(), BlobError> {
        if spool.len() <= PART_SIZE {
            return self.put_payload(key, read_part(spool, 0).await?).await;
        }
        Upload::begin(&self.store, key, self.timeouts).await?.send(spool, &self.part_permits).await
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
            let limit = bucket.timeouts.for_bytes(0);
            Ok::<_, BlobError>(stream::try_unfold((chunks, key), move |state| next_chunk(state, limit)))
        })
        .try_flatten()
    }

    /// Starts to read the part of a range that the blob has.
    async fn open_blob(&self, key: &str, range: Range<u64>) -> Result<Chunks, BlobError> {
        let (path, start, limit) = (path(key)?, range.start, self.timeouts.for_bytes(0));
        let range = match range {
            Range { start: 0, end: u64::MAX } => None,
            Range { start, end: u64::MAX } => Some(GetRange::Offset(start)),
            range if range.is_empty() => return Ok(stream::empty().boxed()),
            range => Some(GetRange::Bounded(range)),
        };
        let options = GetOptions { range, ..GetOptions::default() };
        let error = match in_time(limit, self.store.get_opts(&path, options)).await {
            Ok(found) => return Ok(found.into_stream()),
            Err(error) => read_error(error, key),
        };
        // A range after the end of the blob is an error in S3, but an empty result for the caller.
        if matches!(error, BlobError::Missing(_) | BlobError::Refused(_))
            || in_time(limit, self.store.head(&path)).await.map_or(true, |blob| blob.size > start)
        {
            return Err(error);
        }
        Ok(stream::empty().boxed())
    }

    pub(super) async fn remove(&self, key: &str) -> Result<(), BlobError> {
        self.remove_each(vec![path(key)?]).await.map(drop)
    }

    /// Removes all blobs under a prefix that can be removed.
    pub(super) async fn remove_all(&self, prefix: &str) -> Result<u64, BlobError> {
        let mut objects = self.store.list(Some(&Path::from(prefix)));
        let mut found = Vec::new();
        let listed = loop {
            match in_time(self.timeouts.for_bytes(0), objects.try_next()).await {
                Ok(Some(object)) => found.push(object.location),
                Ok(None) => break Ok(0),
                Err(error) => break Err(bucket_error(error)),
            }
        };
        combine(listed, self.remove_each(found).await)
    }

    /// When the newest blob under a prefix was written.
    pub(super) async fn newest(&self, prefix: &str) -> Result<Option<SystemTime>, BlobError> {
        let mut objects = self.store.list(Some(&Path::from(prefix)));
        let mut newest = None;
        while let Some(object) =
            in_time(self.timeouts.for_bytes(0), objects.try_next()).await.map_err(bucket_error)?
        {
            newest = newest.max(Some(SystemTime::from(object.last_modified)));
        }
        Ok(newest)
    }

    /// The time on the bucket's clock, taken from a temporary object.
    pub(super) async fn now(&self) -> Result<SystemTime, BlobError> {
        let key = key::probe_key(rand::random());
        self.put(&key, Bytes::new()).await?;
        let written = in_time(self.timeouts.for_bytes(0), self.store.head(&path(&key)?)).await;
        self.remove(&key).await?;
        Ok(written.map_err(bucket_error)?.last_modified.into())
    }

    /// Removes each of these objects that can be removed, and returns how many there were. A missing object is not an
    /// error.
    async fn remove_each(&self, objects: Vec<Path>) -> Result<u64, BlobError> {
        let objects = stream::iter(objects.into_iter().map(Ok));
        let mut removals = self.store.delete_stream(objects.boxed());
        let mut removed = Ok(0);
        loop {
            let removal = match in_time(self.timeouts.for_bytes(0), removals.try_next()).await {
                Ok(None) => return removed,
                Ok(Some(_)) => Ok(1),
                Err(error) if is_absent(&error) => Ok(0),
                Err(error) => Err(bucket_error(error)),
            };
            let can_continue = matches!(removal, Ok(_) | Err(BlobError::Refused(_)));
            removed = combine(removed, removal);
            if !can_continue {
                return removed;
            }
        }
    }

    /// Lists the jobs that have blobs under a prefix. Takes one call per thousand jobs.
    pub(super) async fn jobs(&self, prefix: &str) -> Result<Vec<JobId>, BlobError> {
        let prefix = Path::from(prefix);
        let listing = self.store.list_with_delimiter(Some(&prefix));
        let found = in_time(self.timeouts.for_listing(), listing).await.map_err(bucket_error)?;
        let id = |path: &Path| JobId::parse(path.filename()?);
        Ok(found.common_prefixes.iter().filter_map(id).collect())
    }

    /// Removes the objects of probes that did not end.
    pub(super) async fn sweep(&self, older_than: Duration) -> Result<u64, BlobError> {
        let before = SystemTime::now().checked_sub(older_than).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut probes = self.store.list(Some(&Path::from(PROBES)));
        let mut old = Vec::new();
        while let Some(probe) =
            in_time(self.timeouts.for_bytes(0), probes.try_next()).await.map_err(bucket_error)?
        {
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
            in_time(self.timeouts.for_bytes(0), objects.try_next()).await.map_err(bucket_error)?
        {
            used += object.size;
        }
        Ok(used)
    }
}
