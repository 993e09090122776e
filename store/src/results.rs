//! The results of a job as one ZIP (PKWARE APPNOTE 6.3.10), laid out before anything is read: the entries are stored
//! as they are, their lengths and checksums are known, so the length of the whole and what lies at each offset are
//! too. Any range of it can be streamed, and the same members give the same bytes in any process at any time.
//!
//! The HTTP side asks for it. Only the blobs that a range touches are read, a piece at a time; a blob that has gone
//! or become shorter ends the stream with an error.

mod layout;
mod name;
mod time;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};

pub use name::harmless;
pub use time::DosTime;

use crate::blobs::{BlobError, Blobs};

/// A file of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What it should be called, extension included. The archive may call it otherwise, where that name is taken,
    /// or could do harm where it is unpacked.
    pub name: String,
    /// Its length in bytes.
    pub length: u64,
    /// CRC-32 of its bytes.
    pub crc32: u32,
    /// Where its bytes are.
    pub body: Body,
}

impl Member {
    /// A file whose bytes are at hand.
    #[must_use]
    pub fn of_bytes(name: impl Into<String>, bytes: Bytes) -> Self {
        let (length, crc32) = (bytes.len() as u64, crc32fast::hash(&bytes));
        Self { name: name.into(), length, crc32, body: Body::Bytes(bytes) }
    }
}

/// Where bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// In the blob of this key.
    Blob(String),
    /// Here.
    Bytes(Bytes),
}

/// The archive. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ResultsZip {
    parts: Arc<[Part]>,
    names: Arc<[String]>,
}

/// A stretch of the archive that lies in one place.
#[derive(Debug)]
struct Part {
    span: Range<u64>,
    body: Body,
}

impl ResultsZip {
    /// Lays out an archive of these members in this order, each dated `time`. Of two that want the same name the
    /// first gets it.
    #[must_use]
    pub fn new(members: Vec<Member>, time: DosTime) -> Self {
        let names = name::settle(members.iter().map(|member| member.name.as_str()));
        let parts = layout::parts(members, &names, time).into();
        Self { parts, names: names.into() }
    }

    /// Length in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "it never is: there is always an end record")]
    pub fn len(&self) -> u64 {
        self.parts.last().map_or(0, |part| part.span.end)
    }

    /// What the members are called in the archive, in their order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The bytes of a range, as far as the archive goes.
    pub fn stream(
        &self,
        blobs: &Blobs,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + use<> {
        let (parts, blobs) = (Arc::clone(&self.parts), blobs.clone());
        let first = parts.partition_point(|part| part.span.end <= range.start);
        let last = parts.partition_point(|part| part.span.start < range.end);
        stream::iter(first..last).flat_map(move |index| parts[index].stream(&blobs, &range))
    }
}

impl Part {
    /// What lies in a range of the archive.
    fn stream(
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

/// A part of a blob, all of it: what follows in the archive must not move up.
fn exactly(
    blobs: &Blobs,
    key: String,
    range: Range<u64>,
) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + use<> {
    let chunks = Box::pin(blobs.stream(key.clone(), Some(range.clone())));
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
