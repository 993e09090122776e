//! Uploads a large blob to a bucket in parallel parts. Nothing of it is visible until it is complete. If the upload
//! fails or its caller goes away, it is aborted.
//!
//! Two limits bound the memory: one upload has up to [`PARALLEL_PARTS`] parts in memory, all uploads of a bucket
//! together have up to [`MAX_PARTS_IN_MEMORY`].

use std::io;
use std::sync::Arc;

use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::call::{CallTimeouts, StoreResult, in_time, path};
use super::error::{BlobError, bucket_error};
use crate::spool::Spool;

/// Size of a part in bytes: the minimum that S3 accepts.
pub(super) const PART_SIZE: u64 = 5 << 20;
/// Maximum number of parts that one upload sends at the same time.
pub(super) const PARALLEL_PARTS: usize = 3;
/// Maximum number of parts that all uploads send at the same time, 120 MiB in total.
pub(super) const MAX_PARTS_IN_MEMORY: usize = 24;
/// Number of bytes read from a spool at a time.
const CHUNK: usize = 256 << 10;

/// Reads the part of a spool that starts at `offset`.
pub(super) async fn read_part(spool: &Spool, offset: u64) -> io::Result<PutPayload> {
    let end = spool.len().min(offset + PART_SIZE);
    let (mut chunks, mut at) = (Vec::new(), offset);
    while at < end {
        let chunk = spool.chunk(at, CHUNK.min((end - at) as usize)).await?;
        at += chunk.len() as u64;
        chunks.push(chunk);
    }
    Ok(chunks.into_iter().collect())
}

/// An upload in parts. It is aborted if it is dropped before it is complete.
pub(super) struct Upload {
    inner: Option<Box<dyn MultipartUpload>>,
    parts: JoinSet<StoreResult<()>>,
    timeouts: CallTimeouts,
}

impl Upload {
    /// Starts an upload. Runs in a separate task, so that the upload is aborted even if the caller goes away before the
    /// bucket answers.
    pub(super) async fn begin(
        store: &Arc<dyn ObjectStore>,
        key: &str,
        timeouts: CallTimeouts,
    ) -> Result<Self, BlobError> {
        let (store, path) = (Arc::clone(store), path(key)?);
        let begun = tokio::spawn(async move {
            let upload = in_time(timeouts.for_bytes(0), store.put_multipart(&path)).await;
            upload.map(|inner| Self { inner: Some(inner), parts: JoinSet::new(), timeouts })
        });
        begun.await.map_err(task_failed)?.map_err(bucket_error)
    }

    /// Sends a whole spool. Each part holds a permit from before it is read until it has arrived.
    pub(super) async fn send(mut self, spool: &Spool, permits: &Arc<Semaphore>) -> Result<(), BlobError> {
        for offset in (0..spool.len()).step_by(PART_SIZE as usize) {
            if self.parts.len() == PARALLEL_PARTS {
                self.wait_for_part().await?;
            }
            let permit = Arc::clone(permits).acquire_owned().await.map_err(task_failed)?;
            self.send_part(read_part(spool, offset).await?, permit);
        }
        while !self.parts.is_empty() {
            self.wait_for_part().await?;
        }
        self.complete().await
    }

    /// Sends a part in a separate task, so that it continues while the next part is read.
    fn send_part(&mut self, part: PutPayload, permit: OwnedSemaphorePermit) {
        // All parallel parts share the network connection.
        let limit = self.timeouts.for_bytes(part.content_length() as u64 * PARALLEL_PARTS as u64);
        if let Some(upload) = &mut self.inner {
            let put = upload.put_part(part);
            self.parts.spawn(async move {
                let put = in_time(limit, put).await;
                drop(permit);
                put
            });
        }
    }

    async fn wait_for_part(&mut self) -> Result<(), BlobError> {
        match self.parts.join_next().await {
            Some(part) => part.map_err(task_failed)?.map_err(bucket_error),
            None => Ok(()),
        }
    }

    async fn complete(mut self) -> Result<(), BlobError> {
        if let Some(upload) = &mut self.inner {
            in_time(self.timeouts.for_bytes(PART_SIZE), upload.complete()).await.map_err(bucket_error)?;
        }
        self.inner = None;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (Some(mut upload), Ok(runtime)) = (self.inner.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let (mut parts, limit) = (std::mem::take(&mut self.parts), self.timeouts.for_bytes(0));
        runtime.spawn(async move {
            // A part that arrives after the abort would stay in the bucket.
            parts.shutdown().await;
            in_time(limit, upload.abort()).await
        });
    }
}

/// The error for a task that ended without a result: the process is stopping, or the client has a bug.
fn task_failed(error: impl std::fmt::Display) -> BlobError {
    BlobError::Away(error.to_string())
}
