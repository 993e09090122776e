//! A large blob on its way into a bucket, part by part. Until it is complete nothing of it can be seen, and if it fails
//! or its caller goes away it is aborted.

use std::io;
use std::sync::Arc;

use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};

use super::BlobError;
use super::bucket::{in_time, path, patience, unwritten};
use crate::spool::Spool;

/// Bytes of a part: the least that S3 takes.
pub(super) const PART: u64 = 5 << 20;
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
}

impl Upload {
    /// Begun in a task of its own, so that an upload whose caller goes away meanwhile is known, and aborted.
    pub(super) async fn begin(store: &Arc<dyn ObjectStore>, key: &str) -> Result<Self, BlobError> {
        let (store, path) = (Arc::clone(store), path(key)?);
        let begun = tokio::spawn(async move {
            let upload = in_time(patience(0), store.put_multipart(&path)).await;
            upload.map(|inner| Self { inner: Some(inner) })
        });
        begun.await.map_err(|error| BlobError::Away(error.to_string()))?.map_err(unwritten)
    }

    pub(super) async fn put(&mut self, part: PutPayload) -> Result<(), BlobError> {
        let patience = patience(part.content_length() as u64);
        match &mut self.inner {
            Some(upload) => in_time(patience, upload.put_part(part)).await.map_err(unwritten),
            None => Ok(()),
        }
    }

    pub(super) async fn complete(mut self) -> Result<(), BlobError> {
        if let Some(upload) = &mut self.inner {
            in_time(patience(PART), upload.complete()).await.map_err(unwritten)?;
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
        runtime.spawn(async move { in_time(patience(0), upload.abort()).await });
    }
}
