//! Blobs as files in a local folder. The key is the path.
//!
//! A write goes to a staging directory, is synced, and is then published by [`Directories`], so a blob exists
//! completely and durably or not at all. All work runs on the runtime's blocking threads. A write whose caller goes
//! away stops at the next chunk and leaves nothing. If a crash leaves files in the staging directory, [`Folder::sweep`]
//! removes them.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use tempfile::NamedTempFile;

use super::directories::Directories;
use super::error::{BlobError, file_error, shared_path_error};
use super::key::{self, PROBES};
use super::tree;
use crate::job::JobId;
use crate::spool::Spool;
use crate::steady_clock::SteadyClock;

/// Number of bytes copied at a time.
const CHUNK: usize = 256 << 10;
/// The directory for blobs that are being written.
const STAGING: &str = "staging";

/// A local folder of blobs.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    directories: Directories,
}

impl Folder {
    /// Creates the folder and proves that it can hold a file, so that a wrong setting shows at startup. Blocks.
    pub(super) fn open(root: &Path) -> Result<Self, BlobError> {
        let address = |error: io::Error| BlobError::Address(format!("{}: {error}", root.display()));
        let directories = Directories::open(root).map_err(address)?;
        let staging = directories.root().join(STAGING);
        fs::create_dir_all(&staging).map_err(address)?;
        NamedTempFile::new_in(staging).map_err(address)?;
        Ok(Self { directories })
    }

    pub(super) fn root(&self) -> &Path {
        self.directories.root()
    }

    fn path(&self, key: &str) -> Result<PathBuf, BlobError> {
        if key::is_plain(key) { Ok(self.root().join(key)) } else { Err(BlobError::Missing(key.to_owned())) }
    }

    pub(super) async fn put(&self, key: &str, bytes: Bytes) -> Result<(), BlobError> {
        self.write(key, move |file, _| file.write_all(&bytes).map_err(shared_path_error)).await
    }

    pub(super) async fn put_spool(&self, key: &str, spool: &Spool) -> Result<(), BlobError> {
        let spool = spool.clone();
        self.write(key, move |file, wanted| copy(&spool, file, wanted)).await
    }

    /// Stages what `fill` writes and publishes it, unless the caller has gone away by then.
    async fn write(
        &self,
        key: &str,
        fill: impl FnOnce(&mut File, &Weak<()>) -> Result<(), BlobError> + Send + 'static,
    ) -> Result<(), BlobError> {
        let (directories, path) = (self.directories.clone(), self.path(key)?);
        let caller = Arc::new(());
        let wanted = Arc::downgrade(&caller);
        let done = blocking(move || {
            let staging = directories.root().join(STAGING);
            let mut staged = NamedTempFile::new_in(staging).map_err(shared_path_error)?;
            fill(staged.as_file_mut(), &wanted)?;
            staged.as_file().sync_all().map_err(shared_path_error)?;
            if is_gone(&wanted) {
                return Err(caller_gone());
            }
            directories.publish(staged.into_temp_path(), &path).map(drop).map_err(file_error)
        })
        .await;
        drop(caller);
        done
    }

    pub(super) async fn range(&self, key: &str, range: Range<u64>) -> Result<Bytes, BlobError> {
        let (path, key) = (self.path(key)?, key.to_owned());
        blocking(move || read_range(&path, range).map_err(|error| read_error(error, key))).await
    }

    /// Streams a range in pieces of this size. The file is open only while a piece is read: readers that wait hold no
    /// descriptor.
    pub(super) fn stream(
        &self,
        key: String,
        range: Range<u64>,
        piece: u64,
    ) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + use<> {
        let path = self.path(&key);
        stream::once(async move {
            Ok::<_, BlobError>(stream::try_unfold((path?, range, key), move |rest| next_piece(rest, piece)))
        })
        .try_flatten()
    }

    pub(super) async fn remove(&self, key: &str) -> Result<(), BlobError> {
        let path = self.path(key)?;
        blocking(move || tree::absent_is(fs::remove_file(path), ()).map_err(file_error)).await
    }

    /// Removes all blobs under the prefix of a job that can be removed, and the directories that become empty. If only
    /// the inputs are to be removed, the directory above is the job's own, and is removed too if it is empty.
    pub(super) async fn remove_all(&self, prefix: &str) -> Result<u64, BlobError> {
        let (path, directories) = (self.path(prefix)?, self.directories.clone());
        let only_inputs = prefix.ends_with("/in");
        blocking(move || {
            let (removed, outcome) = tree::remove_files(&path);
            outcome.and(directories.remove_empty(&path, only_inputs)).map_err(file_error)?;
            Ok(removed)
        })
        .await
    }

    /// Lists the jobs that have a directory in this one, even an empty one.
    pub(super) async fn jobs(&self, directory: &str) -> Result<Vec<JobId>, BlobError> {
        let path = self.path(directory)?;
        blocking(move || {
            let names = tree::names(&path).map_err(shared_path_error)?;
            Ok(names.iter().filter_map(|name| JobId::parse(name.to_str()?)).collect())
        })
        .await
    }

    /// When the newest file under a prefix was written.
    pub(super) async fn newest(&self, prefix: &str) -> Result<Option<SystemTime>, BlobError> {
        let path = self.path(prefix)?;
        blocking(move || tree::newest(&path).map_err(shared_path_error)).await
    }

    /// The time on the file system's clock, taken from a temporary file.
    pub(super) async fn now(&self) -> Result<SystemTime, BlobError> {
        let staging = self.directories.root().join(STAGING);
        let written = move || NamedTempFile::new_in(staging)?.as_file().metadata()?.modified();
        blocking(move || written().map_err(shared_path_error)).await
    }

    /// Removes the files of writes and probes that did not end.
    pub(super) async fn sweep(&self, older_than: Duration) -> Result<u64, BlobError> {
        let directories = self.directories.clone();
        // Uses a clock that does not jump. Otherwise setting the system clock could make a running write look old.
        let now =
            Duration::from_millis(u64::try_from(SteadyClock::of_process().millis()).unwrap_or_default());
        let before = SystemTime::UNIX_EPOCH + now.saturating_sub(older_than);
        blocking(move || {
            let sweep = |name| tree::remove_older(&directories.root().join(name), before);
            let (staged, probes) = (sweep(STAGING), sweep(PROBES));
            Ok(staged.map_err(shared_path_error)? + probes.map_err(shared_path_error)?)
        })
        .await
    }

    pub(super) async fn used(&self) -> Result<u64, BlobError> {
        let directories = self.directories.clone();
        blocking(move || tree::size(directories.root()).map_err(shared_path_error)).await
    }
}

/// Copies the bytes of a spool while the caller waits for it.
fn copy(spool: &Spool, file: &mut File, wanted: &Weak<()>) -> Result<(), BlobError> {
    let mut buffer = vec![0; CHUNK.min(spool.len() as usize)];
    let mut offset = 0;
    while offset < spool.len() {
        if is_gone(wanted) {
            return Err(caller_gone());
        }
        let count = spool.read_at(offset, &mut buffer)?;
        file.write_all(&buffer[..count]).map_err(shared_path_error)?;
        offset += count as u64;
    }
    Ok(())
}

/// Reads a range of a blob, or less if the blob ends before.
fn read_range(path: &Path, range: Range<u64>) -> io::Result<Bytes> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    if meta.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    let end = range.end.min(meta.len());
    let start = range.start.min(end);
    let mut bytes = vec![0; (end - start) as usize];
    file.read_exact_at(&mut bytes, start)?;
    Ok(bytes.into())
}

/// The next piece of a stream, and what is left of it.
async fn next_piece(
    (path, range, key): (PathBuf, Range<u64>, String),
    piece: u64,
) -> Result<Option<(Bytes, (PathBuf, Range<u64>, String))>, BlobError> {
    if range.is_empty() {
        return Ok(None);
    }
    blocking(move || {
        let end = range.end.min(range.start.saturating_add(piece));
        match read_range(&path, range.start..end) {
            Ok(bytes) if bytes.is_empty() => Ok(None),
            Ok(bytes) => {
                let rest = range.start + bytes.len() as u64..range.end;
                Ok(Some((bytes, (path, rest, key))))
            }
            Err(error) => Err(read_error(error, key)),
        }
    })
    .await
}

fn is_gone(wanted: &Weak<()>) -> bool {
    wanted.strong_count() == 0
}

/// The error of a write whose caller has gone away. No one sees it.
fn caller_gone() -> BlobError {
    BlobError::Away("the caller went away".to_owned())
}

fn read_error(error: io::Error, key: String) -> BlobError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => BlobError::Missing(key),
        _ => file_error(error),
    }
}

/// Runs `work` on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(BlobError::Away(error.to_string())),
    }
}
