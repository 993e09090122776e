//! A large blob on its way into a bucket, in parts that go up side by side. Until it is complete nothing of it can be
//! seen, and if it fails or its caller goes away it is aborted.
//!
//! Memory is bounded twice: an upload has [`AT_ONCE`] parts in memory, all uploads of a bucket together [`IN_ALL`].

use std::io;
use std::sync::Arc;

use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::bucket::{Patience, StoreResult, in_time, path};
use super::error::{BlobError, of_bucket};
use crate::spool::Spool;

/// Bytes of a part: the least that S3 takes.
pub(super) const PART: u64 = 5 << 20;
/// Parts of one upload that are on their way at a time.
pub(super) const AT_ONCE: usize = 3;
/// Parts of all uploads that are on their way at a time: 120 MiB.
pub(super) const IN_ALL: usize = 24;
/// Bytes of a spool read at a time.
const CHUNK: usize = 256 << 10;

/// Bytes of a spool from `offset` on, as many as a part has.
pub(super) async fn part(spool: &Spool, offset: u64) -> io::Result<PutPayload> {
    let end = spool.len().min(offset + PART);
    let (mut chunks, mut at) = (Vec::new(), offset);
    while at < end {
        let chunk = spool.chunk(at, CHUNK.min((end - at) as usize)).await?;
        at += chunk.len() as u64;
        chunks.push(chunk);
    }
    Ok(chunks.into_iter().collect())
}

/// An upload in parts. Dropped before it is complete, it is aborted.
pub(super) struct Upload {
    inner: Option<Box<dyn MultipartUpload>>,
    parts: JoinSet<StoreResult<()>>,
    patience: Patience,
}

impl Upload {
    /// Begun in a task of its own, so that an upload whose caller goes away meanwhile is known, and aborted.
    pub(super) async fn begin(
        store: &Arc<dyn ObjectStore>,
        key: &str,
        patience: Patience,
    ) -> Result<Self, BlobError> {
        let (store, path) = (Arc::clone(store), path(key)?);
        let begun = tokio::spawn(async move {
            let upload = in_time(patience.with(0), store.put_multipart(&path)).await;
            upload.map(|inner| Self { inner: Some(inner), parts: JoinSet::new(), patience })
        });
        begun.await.map_err(lost)?.map_err(of_bucket)
    }

    /// Sends all of a spool. Each part takes its place in `room` from before it is read until it has arrived.
    pub(super) async fn send(mut self, spool: &Spool, room: &Arc<Semaphore>) -> Result<(), BlobError> {
        for offset in (0..spool.len()).step_by(PART as usize) {
            if self.parts.len() == AT_ONCE {
                self.arrived().await?;
            }
            let place = Arc::clone(room).acquire_owned().await.map_err(lost)?;
            self.put(part(spool, offset).await?, place);
        }
        while !self.parts.is_empty() {
            self.arrived().await?;
        }
        self.complete().await
    }

    /// In a task of its own, so that a part goes on while the next one is waited for.
    fn put(&mut self, part: PutPayload, place: OwnedSemaphorePermit) {
        // All that are on their way share the line.
        let patience = self.patience.with(part.content_length() as u64 * AT_ONCE as u64);
        if let Some(upload) = &mut self.inner {
            let put = upload.put_part(part);
            self.parts.spawn(async move {
                let put = in_time(patience, put).await;
                drop(place);
                put
            });
        }
    }

    async fn arrived(&mut self) -> Result<(), BlobError> {
        match self.parts.join_next().await {
            Some(part) => part.map_err(lost)?.map_err(of_bucket),
            None => Ok(()),
        }
    }

    async fn complete(mut self) -> Result<(), BlobError> {
        if let Some(upload) = &mut self.inner {
            in_time(self.patience.with(PART), upload.complete()).await.map_err(of_bucket)?;
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
        let (mut parts, patience) = (std::mem::take(&mut self.parts), self.patience.with(0));
        runtime.spawn(async move {
            // A part that arrives behind the abort would stay.
            parts.shutdown().await;
            in_time(patience, upload.abort()).await
        });
    }
}

/// A task ended without a result: the process is about to end, or there is a bug in the client.
fn lost(error: impl std::fmt::Display) -> BlobError {
    BlobError::Away(error.to_string())
}
