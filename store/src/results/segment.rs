//! The members of an archive, and the segments that they become: stretches of the archive that come from one source.

use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};

use crate::blobs::{BlobError, Blobs};

/// A file in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The requested name, extension included. The archive uses another name if this one is taken, or could do harm
    /// where the archive is unpacked.
    pub name: String,
    /// Its length in bytes.
    pub length: u64,
    /// CRC-32 of its bytes.
    pub crc32: u32,
    /// Where its bytes are.
    pub body: Body,
}

impl Member {
    /// A file whose bytes are in memory.
    #[must_use]
    pub fn of_bytes(name: impl Into<String>, bytes: Bytes) -> Self {
        let (length, crc32) = (bytes.len() as u64, crc32fast::hash(&bytes));
        Self { name: name.into(), length, crc32, body: Body::Bytes(bytes) }
    }
}

/// Where bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// In the blob with this key.
    Blob(String),
    /// In memory.
    Bytes(Bytes),
}

/// A stretch of the archive that comes from one source.
#[derive(Debug)]
pub(super) struct Segment {
    /// Where it is in the archive.
    pub(super) span: Range<u64>,
    pub(super) body: Body,
}

impl Segment {
    /// The bytes of this segment that are in a range of the archive.
    pub(super) fn stream(
        &self,
        blobs: &Blobs,
        range: &Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + use<> {
        let start = range.start.max(self.span.start) - self.span.start;
        let end = range.end.min(self.span.end) - self.span.start;
        match &self.body {
            _ if start >= end => stream::empty().left_stream().left_stream(),
            Body::Bytes(bytes) => {
                let bytes = bytes.slice(start as usize..end as usize);
                stream::once(async { Ok(bytes) }).right_stream().left_stream()
            }
            Body::Blob(key) => exactly(blobs, key.clone(), start..end).right_stream(),
        }
    }
}

/// Streams a range of a blob. A blob that is too short ends the stream with an error, because missing bytes would shift
/// the rest of the archive.
fn exactly(
    blobs: &Blobs,
    key: String,
    range: Range<u64>,
) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + use<> {
    let chunks = Box::pin(blobs.stream_to_client(key.clone(), range.clone()));
    stream::try_unfold((chunks, range.end - range.start, key), async |(mut chunks, left, key)| {
        match chunks.try_next().await? {
            Some(chunk) => {
                let left = left.saturating_sub(chunk.len() as u64);
                Ok(Some((chunk, (chunks, left, key))))
            }
            None if left > 0 => Err(BlobError::Missing(key)),
            None => Ok(None),
        }
    })
}
