//! Blobs: what is too large for a row. Inputs and cards of jobs, in a folder or in an S3-compatible bucket.
//!
//! A blob is written before the row that names it and removed after it, so that a crash leaves an orphan and
//! never a row without its blob. What is written is durable when the call returns. The same picture of a job always has
//! the same key (`blobs/key.rs` says which) and, since results are deterministic, the same bytes.

mod address;
mod bucket;
mod directories;
mod error;
mod folder;
mod key;
mod tree;
mod upload;

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

pub use address::BucketSettings;
pub use error::BlobError;
pub use key::{card_key, input_key};

use crate::job::JobId;
use crate::spool::Spool;
use address::Address;
use bucket::Bucket;
use error::both;
use folder::Folder;

/// The blob store. Cheap to clone.
///
/// Call it, and read its streams, on one runtime: a bucket's connections belong to the one that opened them.
#[derive(Debug, Clone)]
pub struct Blobs {
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Folder(Folder),
    Bucket(Bucket),
}

/// Does the same in either place.
macro_rules! at {
    ($blobs:expr, $name:ident($($argument:expr),*)) => {
        match &$blobs.place {
            Place::Folder(folder) => folder.$name($($argument),*).await,
            Place::Bucket(bucket) => bucket.$name($($argument),*).await,
        }
    };
}

impl Blobs {
    /// Blobs in a folder of this machine, made if it is missing. Blocks.
    pub fn folder(dir: &Path) -> Result<Self, BlobError> {
        Folder::open(dir).map(|folder| Self { place: Place::Folder(folder) })
    }

    /// Blobs where `url` says: `file:///path`, or `s3://bucket/prefix` with these settings, and endpoint, region and
    /// credentials of this environment as AWS SDKs find them. Blocks. A bucket is not asked for anything yet:
    /// [`Blobs::probe`] does that.
    pub fn open(
        url: &str,
        settings: &BucketSettings,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, BlobError> {
        match Address::parse(url, settings, environment)? {
            Address::Folder(path) => Self::folder(&path),
            Address::Bucket(bucket) => Ok(Self { place: Place::Bucket(bucket) }),
        }
    }

    /// The folder that they lie in; none for a bucket.
    #[must_use]
    pub fn local(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(folder) => Some(folder.root()),
            Place::Bucket(_) => None,
        }
    }

    /// Whether a backup has to keep the directory of this name in the local folder: it holds blobs of jobs.
    #[must_use]
    pub fn is_kept(name: &str) -> bool {
        key::holds_jobs(name)
    }

    /// Stores bytes under a key, in place of what was there. Durable when it returns; dropped before, it leaves
    /// nothing that can be seen.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<(), BlobError> {
        at!(self, put(key, bytes))
    }

    /// The same with the bytes of a spool, of which a few are in memory at a time.
    pub async fn put_spool(&self, key: &str, spool: &Spool) -> Result<(), BlobError> {
        at!(self, put_spool(key, spool))
    }

    /// A whole blob. The caller answers for its length.
    pub async fn get(&self, key: &str) -> Result<Bytes, BlobError> {
        self.range(key, 0..u64::MAX).await
    }

    /// A part of a blob; less of it, or nothing, where the blob ends before. The caller answers for the length.
    pub async fn range(&self, key: &str, range: Range<u64>) -> Result<Bytes, BlobError> {
        at!(self, range(key, range))
    }

    /// A blob or a part of it, piece by piece; fewer bytes than the range has mean that the blob ends before.
    pub fn stream(
        &self,
        key: String,
        range: Option<Range<u64>>,
    ) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + use<> {
        let range = range.unwrap_or(0..u64::MAX);
        match &self.place {
            Place::Folder(folder) => folder.stream(key, range).left_stream(),
            Place::Bucket(bucket) => bucket.stream(key, range).right_stream(),
        }
    }

    /// Removes one blob. One that is not there is no error.
    pub async fn remove(&self, key: &str) -> Result<(), BlobError> {
        at!(self, remove(key))
    }

    /// Removes a job's blobs, all or the inputs alone, and returns how many there were. One that cannot be removed
    /// does not keep the others, and is reported when they are gone.
    pub async fn remove_job(&self, job: &JobId, everything: bool) -> Result<u64, BlobError> {
        let [prefix, old_prefix] = key::prefixes(job, everything);
        let removed = at!(self, remove_all(&prefix));
        both(removed, at!(self, remove_all(&old_prefix)))
    }

    /// How long ago the newest blob of a job was written, by the blob store's own clock; none where it has none.
    pub async fn age_of(&self, job: &JobId) -> Result<Option<Duration>, BlobError> {
        let [prefix, old_prefix] = key::prefixes(job, true);
        let newest = at!(self, newest(&prefix))?.max(at!(self, newest(&old_prefix))?);
        let Some(newest) = newest else { return Ok(None) };
        let now = at!(self, now())?;
        Ok(Some(now.duration_since(newest).unwrap_or_default()))
    }

    /// Jobs of a shard that have blobs, or empty directories that a crash has left. Each job is in one of the shards
    /// 0 to 255 or in the layout before them; [`JobId::created_at`] tells its age.
    pub async fn jobs_in(&self, shard: u8) -> Result<Vec<JobId>, BlobError> {
        at!(self, jobs(&key::jobs(Some(shard))))
    }

    /// Jobs that have blobs of the layout before there were shards.
    pub async fn jobs_of_old_layout(&self) -> Result<Vec<JobId>, BlobError> {
        at!(self, jobs(&key::jobs(None)))
    }

    /// Removes what crashes left of unfinished writes and probes, if it is older than this. In a bucket, unfinished
    /// uploads are left to a rule of its own.
    pub async fn sweep(&self, older_than: Duration) -> Result<u64, BlobError> {
        at!(self, sweep(older_than))
    }

    /// Bytes that are stored in all. Walks through everything.
    pub async fn used(&self) -> Result<u64, BlobError> {
        at!(self, used())
    }

    /// Proves that blobs can be written, read and removed.
    pub async fn probe(&self) -> Result<(), BlobError> {
        let key = key::probe_key(rand::random());
        let bytes = Bytes::from(key.clone());
        self.put(&key, bytes.clone()).await?;
        let read = self.get(&key).await;
        at!(self, remove(&key))?;
        if read? == bytes {
            Ok(())
        } else {
            Err(BlobError::Away("what was written is not what is read".into()))
        }
    }
}
