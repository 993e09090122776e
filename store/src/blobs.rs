//! Blobs: the inputs and cards of jobs, which are too large for a row. They are in a folder or an S3-compatible bucket.
//!
//! A blob is written before the row that refers to it and removed after it, so a crash leaves an orphan but never a row
//! without its blob. A write is durable when the call returns. The same picture of a job always has the same key (see
//! `blobs/key.rs`) and, since results are deterministic, the same bytes.

mod address;
mod bucket;
mod call;
mod directories;
mod error;
mod folder;
mod key;
mod tree;
mod upload;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
use error::combine;
use folder::Folder;

/// Number of bytes of a file that are read at a time: for this process's own use, and for a client.
const PIECE: u64 = 256 << 10;
const CLIENT_PIECE: u64 = 16 << 10;

/// The blob store. Cheap to clone.
///
/// Use it and its streams on one runtime: the connections to a bucket belong to the runtime that opened them.
#[derive(Debug, Clone)]
pub struct Blobs {
    backend: Backend,
    /// Whether the layout without shards may hold blobs. Looking there costs a request for each job.
    old_layout: Arc<AtomicBool>,
}

#[derive(Debug, Clone)]
enum Backend {
    Folder(Folder),
    Bucket(Bucket),
}

/// Calls a method of the backend.
macro_rules! call {
    ($blobs:expr, $name:ident($($argument:expr),*)) => {
        match &$blobs.backend {
            Backend::Folder(folder) => folder.$name($($argument),*).await,
            Backend::Bucket(bucket) => bucket.$name($($argument),*).await,
        }
    };
}

impl Blobs {
    fn of(backend: Backend) -> Self {
        Self { backend, old_layout: Arc::new(AtomicBool::new(true)) }
    }

    /// Opens a local folder, and creates it if it is missing. Blocks.
    pub fn folder(dir: &Path) -> Result<Self, BlobError> {
        Folder::open(dir).map(|folder| Self::of(Backend::Folder(folder)))
    }

    /// Opens the blob store at a URL: `file:///path`, or `s3://bucket/prefix` with these settings. Endpoint, region and
    /// credentials of a bucket come from the environment, as with AWS SDKs. Blocks. Sends no request to the bucket yet;
    /// [`Blobs::probe`] does that.
    pub fn open(
        url: &str,
        settings: &BucketSettings,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, BlobError> {
        match Address::parse(url, settings, environment)? {
            Address::Folder(path) => Self::folder(&path),
            Address::Bucket(bucket) => Ok(Self::of(Backend::Bucket(bucket))),
        }
    }

    /// The local folder of the blobs, or `None` if they are in a bucket.
    #[must_use]
    pub fn local(&self) -> Option<&Path> {
        match &self.backend {
            Backend::Folder(folder) => Some(folder.root()),
            Backend::Bucket(_) => None,
        }
    }

    /// Whether the directory of this name in the local folder contains blobs of jobs, so that a backup must include it.
    #[must_use]
    pub fn is_kept(name: &str) -> bool {
        key::contains_jobs(name)
    }

    /// Writes a blob, and replaces it if it exists. The blob is durable when the call returns. If the call is dropped
    /// before, nothing of it becomes visible.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<(), BlobError> {
        call!(self, put(key, bytes))
    }

    /// Writes a blob from a spool, with only a few of its bytes in memory at a time.
    pub async fn put_spool(&self, key: &str, spool: &Spool) -> Result<(), BlobError> {
        call!(self, put_spool(key, spool))
    }

    /// Reads a whole blob. The caller must know that its length is acceptable.
    pub async fn get(&self, key: &str) -> Result<Bytes, BlobError> {
        self.range(key, 0..u64::MAX).await
    }

    /// Reads a range of a blob, or less if the blob ends before. The caller must know that the length is acceptable.
    pub async fn range(&self, key: &str, range: Range<u64>) -> Result<Bytes, BlobError> {
        call!(self, range(key, range))
    }

    /// Streams a blob or a range of it. Fewer bytes than the range has mean that the blob ends before.
    pub fn stream(
        &self,
        key: String,
        range: Option<Range<u64>>,
    ) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + use<> {
        self.stream_pieces(key, range.unwrap_or(0..u64::MAX), PIECE)
    }

    /// Streams a range of a blob like [`Blobs::stream`], in smaller pieces: there may be thousands of clients, and each
    /// that does not read holds one or two.
    pub fn stream_to_client(
        &self,
        key: String,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + use<> {
        self.stream_pieces(key, range, CLIENT_PIECE)
    }

    fn stream_pieces(
        &self,
        key: String,
        range: Range<u64>,
        piece: u64,
    ) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + use<> {
        match &self.backend {
            Backend::Folder(folder) => folder.stream(key, range, piece).left_stream(),
            // A bucket decides itself how much it sends at a time.
            Backend::Bucket(bucket) => bucket.stream(key, range).right_stream(),
        }
    }

    /// Removes one blob. A missing blob is not an error.
    pub async fn remove(&self, key: &str) -> Result<(), BlobError> {
        call!(self, remove(key))
    }

    /// Removes a job's blobs, all of them or only the inputs, and returns how many there were. If a blob cannot be
    /// removed, the others are removed all the same, and then the error is returned.
    pub async fn remove_job(&self, job: &JobId, everything: bool) -> Result<u64, BlobError> {
        let [prefix, old_prefix] = key::prefixes(job, everything);
        let removed = call!(self, remove_all(&prefix));
        if !self.old_layout.load(Ordering::Relaxed) {
            return removed;
        }
        combine(removed, call!(self, remove_all(&old_prefix)))
    }

    /// How long ago the newest blob of a job was written, by the blob store's own clock. `None` if the job has no
    /// blobs.
    pub async fn age_of(&self, job: &JobId) -> Result<Option<Duration>, BlobError> {
        let [prefix, old_prefix] = key::prefixes(job, true);
        let mut newest = call!(self, newest(&prefix))?;
        if self.old_layout.load(Ordering::Relaxed) {
            newest = newest.max(call!(self, newest(&old_prefix))?);
        }
        let Some(newest) = newest else { return Ok(None) };
        let now = call!(self, now())?;
        Ok(Some(now.duration_since(newest).unwrap_or_default()))
    }

    /// Lists the jobs of a shard that have blobs, or empty directories that a crash left behind. Each job is in one of
    /// the shards 0 to 255, or in the old layout without shards. [`JobId::created_at`] gives its age.
    pub async fn jobs_in(&self, shard: u8) -> Result<Vec<JobId>, BlobError> {
        call!(self, jobs(&key::jobs(Some(shard))))
    }

    /// Lists the jobs that have blobs in the old layout without shards. If there are none, the other methods do not look
    /// there until the next call: an older program that still runs may write some, which are then removed as orphans.
    pub async fn jobs_of_old_layout(&self) -> Result<Vec<JobId>, BlobError> {
        let jobs = call!(self, jobs(&key::jobs(None)))?;
        self.old_layout.store(!jobs.is_empty(), Ordering::Relaxed);
        Ok(jobs)
    }

    /// Removes the remains of writes and probes that a crash interrupted, if they are older than this. In a bucket,
    /// unfinished uploads are left to a lifecycle rule.
    pub async fn sweep(&self, older_than: Duration) -> Result<u64, BlobError> {
        call!(self, sweep(older_than))
    }

    /// Total size of all blobs in bytes. Walks through all of them.
    pub async fn used(&self) -> Result<u64, BlobError> {
        call!(self, used())
    }

    /// Writes, reads and removes a blob to prove that all three work.
    pub async fn probe(&self) -> Result<(), BlobError> {
        let key = key::probe_key(rand::random());
        let bytes = Bytes::from(key.clone());
        self.put(&key, bytes.clone()).await?;
        let read = self.get(&key).await;
        call!(self, remove(&key))?;
        if read? == bytes {
            Ok(())
        } else {
            Err(BlobError::Away("the bytes that were read differ from those that were written".into()))
        }
    }
}
