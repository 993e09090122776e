//! The results of a job as one ZIP (PKWARE APPNOTE 6.3.10), which can be streamed from any offset.
//!
//! The archive is laid out before anything is read. Entries are stored uncompressed, and their lengths and checksums
//! are known, so the length of the archive and the contents at each offset are known too. The same members give the
//! same bytes in any process at any time.
//!
//! The HTTP side uses it for downloads. Only blobs that a range touches are read, one piece at a time. A blob that is
//! missing or too short ends the stream with an error.

mod layout;
mod name;
mod segment;
mod time;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};

pub use name::harmless;
pub use segment::{Body, Member};
pub use time::DosTime;

use crate::blobs::{BlobError, Blobs};
use segment::Segment;

/// The archive. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ResultsZip {
    segments: Arc<[Segment]>,
    names: Arc<[String]>,
}

impl ResultsZip {
    /// Lays out an archive of these members in this order, each dated `time`. If two members request the same name, the
    /// first one gets it.
    #[must_use]
    pub fn new(members: Vec<Member>, time: DosTime) -> Self {
        let names = name::assign(members.iter().map(|member| member.name.as_str()));
        let segments = layout::segments(members, &names, time).into();
        Self { segments, names: names.into() }
    }

    /// Length in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "an archive is never empty: it always has an end record")]
    pub fn len(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.span.end)
    }

    /// The names of the members in the archive, in the order of the members.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Streams a range of the archive, or less if the archive ends before.
    pub fn stream(
        &self,
        blobs: &Blobs,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + use<> {
        let (segments, blobs) = (Arc::clone(&self.segments), blobs.clone());
        let first = segments.partition_point(|segment| segment.span.end <= range.start);
        let last = segments.partition_point(|segment| segment.span.start < range.end);
        stream::iter(first..last).flat_map(move |index| segments[index].stream(&blobs, &range))
    }
}
