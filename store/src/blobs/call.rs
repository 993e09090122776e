//! What all calls to a bucket share: their time limits, the path of a key, and the chunks of a blob that is read. A late
//! call is an error, and so is a chunk that is late.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use object_store::path::Path;

use super::error::{BlobError, bucket_error, is_absent};
use super::key;

/// How long calls to the bucket may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallTimeouts {
    call: Duration,
}

impl CallTimeouts {
    /// For a client that retries failed calls for this long.
    pub(super) fn new(retry: Duration) -> Self {
        Self { call: (retry + Duration::from_secs(2)).max(Duration::from_secs(10)) }
    }

    /// For a call that transfers this many bytes.
    pub(super) fn for_bytes(self, bytes: u64) -> Duration {
        const BYTES_PER_SECOND: u64 = 256 << 10;
        self.call + Duration::from_secs(bytes / BYTES_PER_SECOND)
    }

    /// For the listing of a directory, which takes one call per thousand names.
    pub(super) fn for_listing(self) -> Duration {
        self.call * 60
    }
}

pub(super) type StoreResult<T> = Result<T, object_store::Error>;

/// The result of a call, or an error once it takes too long.
pub(super) async fn in_time<T>(
    limit: Duration,
    call: impl Future<Output = StoreResult<T>>,
) -> StoreResult<T> {
    match tokio::time::timeout(limit, call).await {
        Ok(result) => result,
        Err(elapsed) => Err(object_store::Error::Generic { store: "S3", source: elapsed.into() }),
    }
}

/// The path of a key in the bucket.
pub(super) fn path(key: &str) -> Result<Path, BlobError> {
    if key::is_plain(key) { Ok(Path::from(key)) } else { Err(BlobError::Missing(key.to_owned())) }
}

/// The bytes of a blob as they arrive.
pub(super) type Chunks = BoxStream<'static, StoreResult<Bytes>>;

/// The next chunk of a stream.
pub(super) async fn next_chunk(
    (mut chunks, key): (Chunks, String),
    limit: Duration,
) -> Result<Option<(Bytes, (Chunks, String))>, BlobError> {
    match in_time(limit, chunks.try_next()).await {
        Ok(bytes) => Ok(bytes.map(|bytes| (bytes, (chunks, key)))),
        Err(error) => Err(read_error(error, &key)),
    }
}

/// The error of a read of this key.
pub(super) fn read_error(error: object_store::Error, key: &str) -> BlobError {
    if is_absent(&error) { BlobError::Missing(key.to_owned()) } else { bucket_error(error) }
}
