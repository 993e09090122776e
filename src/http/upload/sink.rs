//! Writes a file to the spool as it arrives, up to a maximum size, and hashes it if asked.

use actix_web::web::{Bytes, Payload};
use futures_util::StreamExt;
use huemill_actors::fault::Fault;
use huemill_store::{Spool, SpoolRoom, SpoolWriter};
use sha2::{Digest, Sha256};

use crate::http::problem::{broken_body, spool_failed, too_large};

/// SHA-256 of a file.
pub(crate) type FileDigest = [u8; 32];

/// A spool writer with a maximum size.
pub(crate) struct SpoolSink {
    writer: SpoolWriter,
    max: u64,
    limit: u64,
    hasher: Option<Sha256>,
}

impl SpoolSink {
    /// Accepts `max` bytes. The error for a longer file names `limit`.
    pub(crate) fn new(room: &SpoolRoom, max: u64, limit: u64) -> Self {
        Self { writer: room.writer(), max, limit, hasher: None }
    }

    /// The same, but also hashes the file.
    pub(crate) fn hashed(room: &SpoolRoom, max: u64, limit: u64) -> Self {
        Self { hasher: Some(Sha256::new()), ..Self::new(room, max, limit) }
    }

    /// Writes a chunk.
    pub(crate) async fn write(&mut self, chunk: Bytes) -> Result<(), Fault> {
        if self.writer.len() + chunk.len() as u64 > self.max {
            return Err(too_large(self.limit, None));
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&chunk);
        }
        self.writer.write(chunk).await.map_err(spool_failed)
    }

    /// Writes a whole body.
    pub(crate) async fn write_all(mut self, mut payload: Payload) -> Result<Self, Fault> {
        while let Some(chunk) = payload.next().await {
            self.write(chunk.map_err(broken_body)?).await?;
        }
        Ok(self)
    }

    /// The written file.
    pub(crate) async fn finish(self) -> Result<Spool, Fault> {
        self.writer.finish().await.map_err(spool_failed)
    }

    /// The written file and its digest.
    pub(crate) async fn finish_hashed(self) -> Result<(Spool, FileDigest), Fault> {
        let digest = self.hasher.map(|hasher| hasher.finalize().into()).unwrap_or_default();
        Ok((self.writer.finish().await.map_err(spool_failed)?, digest))
    }
}
