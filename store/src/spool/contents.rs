//! The finished bytes of a spool, in memory or in an unnamed file, and how they are read.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;

use super::allowance::AllowanceShare;

/// Finished temporary bytes. Cheap to clone. Memory and disk are freed when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Spool {
    contents: Arc<Contents>,
}

/// Where the bytes are. Dropping the share returns it to the allowance.
#[derive(Debug)]
enum Contents {
    Memory { bytes: Bytes, _share: AllowanceShare },
    File { file: File, len: u64, _share: AllowanceShare },
}

impl Spool {
    pub(super) fn in_memory(bytes: Vec<u8>, share: AllowanceShare) -> Self {
        Self { contents: Arc::new(Contents::Memory { bytes: bytes.into(), _share: share }) }
    }

    pub(super) fn in_file(file: File, share: AllowanceShare) -> Self {
        Self { contents: Arc::new(Contents::File { file, len: share.amount(), _share: share }) }
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match &*self.contents {
            Contents::Memory { bytes, .. } => bytes.len() as u64,
            Contents::File { len, .. } => *len,
        }
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads from `offset` into the buffer and returns the number of bytes read. Less than the buffer holds means the
    /// end. May block on the disk.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &*self.contents {
            Contents::Memory { bytes, .. } => {
                let rest =
                    usize::try_from(offset).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                Ok(count)
            }
            Contents::File { file, len, .. } => {
                let wanted = len.saturating_sub(offset).min(buffer.len() as u64) as usize;
                file.read_exact_at(&mut buffer[..wanted], offset)?;
                Ok(wanted)
            }
        }
    }

    /// All bytes, if they are in memory.
    #[must_use]
    pub fn as_slice(&self) -> Option<&[u8]> {
        match &*self.contents {
            Contents::Memory { bytes, .. } => Some(bytes),
            Contents::File { .. } => None,
        }
    }

    /// All bytes: borrowed if they are in memory, otherwise read from disk. The caller must know that the length is
    /// acceptable.
    pub fn bytes(&self) -> io::Result<Cow<'_, [u8]>> {
        match &*self.contents {
            Contents::Memory { bytes, .. } => Ok(Cow::Borrowed(bytes)),
            Contents::File { .. } => self.to_vec().map(Cow::Owned),
        }
    }

    /// A copy of all bytes. The caller must know that the length is acceptable.
    pub fn to_vec(&self) -> io::Result<Vec<u8>> {
        let mut copy = vec![0; self.len() as usize];
        self.read_at(0, &mut copy)?;
        Ok(copy)
    }

    /// Up to `limit` bytes from `offset`, for streaming. Empty at the end. Does not block the calling thread.
    pub async fn chunk(&self, offset: u64, limit: usize) -> io::Result<Bytes> {
        let length = self.len().saturating_sub(offset).min(limit as u64) as usize;
        if let Contents::Memory { bytes, .. } = &*self.contents {
            let start = bytes.len().min(offset as usize);
            return Ok(bytes.slice(start..start + length));
        }
        let spool = self.clone();
        blocking(move || {
            let mut chunk = vec![0; length];
            spool.read_at(offset, &mut chunk)?;
            Ok(Bytes::from(chunk))
        })
        .await
    }
}

/// Runs `work` on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
