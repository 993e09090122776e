//! Blobs as files of a local folder: the key is the path. What is written is staged in a folder of its own, synced,
//! renamed into place, and the folders above it are synced too: a blob is there whole and for good, or not at all.
//!
//! All work is done on the runtime's blocking threads. A write whose caller goes away stops at the next chunk and
//! leaves nothing; what a crash leaves in the staging folder goes with [`Folder::sweep`].

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use tempfile::{NamedTempFile, TempPath};

use super::BlobError;
use super::gate::Gate;
use super::key::{self, JOBS, PROBES};
use super::tree;
use crate::job::JobId;
use crate::spool::Spool;

/// Bytes read or copied at a time.
const CHUNK: usize = 256 << 10;
/// Where blobs lie while they are written.
const STAGING: &str = "staging";
/// How often a blob's folder is made anew when another process takes it away at the same moment.
const ATTEMPTS: u32 = 100;

/// A local folder of blobs.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: Arc<Path>,
    gate: Gate,
}

impl Folder {
    /// Makes the folder and proves that a file can be made in it, so that a wrong setting shows at start. Blocks.
    pub(super) fn open(root: &Path) -> Result<Self, BlobError> {
        let address = |error: io::Error| BlobError::Address(format!("{}: {error}", root.display()));
        fs::create_dir_all(root.join(STAGING)).map_err(address)?;
        let root: Arc<Path> = root.canonicalize().map_err(address)?.into();
        NamedTempFile::new_in(root.join(STAGING)).map_err(address)?;
        Ok(Self { root, gate: Gate::default() })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, key: &str) -> Result<PathBuf, BlobError> {
        if key::is_plain(key) { Ok(self.root.join(key)) } else { Err(BlobError::Missing(key.to_owned())) }
    }

    pub(super) async fn put(&self, key: &str, bytes: Bytes) -> Result<(), BlobError> {
        self.write(key, move |file, _| file.write_all(&bytes).map_err(failed)).await
    }

    pub(super) async fn put_spool(&self, key: &str, spool: &Spool) -> Result<(), BlobError> {
        let spool = spool.clone();
        self.write(key, move |file, wanted| copy(&spool, file, wanted)).await
    }

    /// Stages what `fill` writes and puts it in its place, unless the caller is gone by then.
    async fn write(
        &self,
        key: &str,
        fill: impl FnOnce(&mut File, &Weak<()>) -> Result<(), BlobError> + Send + 'static,
    ) -> Result<(), BlobError> {
        let (root, gate, path) = (Arc::clone(&self.root), self.gate.clone(), self.path(key)?);
        let caller = Arc::new(());
        let wanted = Arc::downgrade(&caller);
        let done = blocking(move || {
            let mut staged = NamedTempFile::new_in(root.join(STAGING)).map_err(failed)?;
            fill(staged.as_file_mut(), &wanted)?;
            staged.as_file().sync_all().map_err(failed)?;
            if is_gone(&wanted) {
                return Err(abandoned());
            }
            gate.shared(|| publish(&root, staged.into_temp_path(), &path)).map_err(failed)
        })
        .await;
        drop(caller);
        done
    }

    pub(super) async fn range(&self, key: &str, range: Range<u64>) -> Result<Bytes, BlobError> {
        let (path, key) = (self.path(key)?, key.to_owned());
        blocking(move || {
            let read = Part::open(&path, range).and_then(|mut part| part.read(usize::MAX));
            read.map_err(|error| unread(error, key))
        })
        .await
    }

    pub(super) fn stream(
        &self,
        key: String,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + use<> {
        let path = self.path(&key);
        stream::once(async move {
            let (path, name) = (path?, key.clone());
            let part =
                blocking(move || Part::open(&path, range).map_err(|error| unread(error, name))).await?;
            Ok::<_, BlobError>(stream::try_unfold((part, key), chunk))
        })
        .try_flatten()
    }

    pub(super) async fn remove(&self, key: &str) -> Result<(), BlobError> {
        let path = self.path(key)?;
        blocking(move || tree::absent_is(fs::remove_file(path), ()).map_err(failed)).await
    }

    /// Removes all below a prefix, and the folders that are empty then.
    pub(super) async fn remove_all(&self, prefix: &str) -> Result<u64, BlobError> {
        let (path, gate) = (self.path(prefix)?, self.gate.clone());
        blocking(move || {
            let removed = tree::remove_files(&path).map_err(failed)?;
            let emptied = || {
                tree::remove_empty(&path)?;
                path.parent().map_or(Ok(()), tree::remove_if_empty)
            };
            gate.alone(emptied).map_err(failed)?;
            Ok(removed)
        })
        .await
    }

    pub(super) async fn jobs(
        &self,
        after: Option<&JobId>,
        most: usize,
    ) -> Result<Vec<(JobId, SystemTime)>, BlobError> {
        let (folder, after) = (self.root.join(JOBS), after.cloned());
        blocking(move || jobs_in(&folder, after.as_ref(), most).map_err(failed)).await
    }

    /// Removes what writes and probes that never ended have left: files, and folders made for nothing.
    pub(super) async fn sweep(&self, older_than: Duration) -> Result<u64, BlobError> {
        let (root, gate) = (Arc::clone(&self.root), self.gate.clone());
        let before = SystemTime::now().checked_sub(older_than).unwrap_or(SystemTime::UNIX_EPOCH);
        blocking(move || {
            let sweep = |folder| tree::remove_older(&root.join(folder), before).map_err(failed);
            let swept = sweep(STAGING)? + sweep(PROBES)?;
            let jobs = root.join(JOBS);
            for job in tree::names(&jobs).map_err(failed)? {
                gate.alone(|| tree::remove_empty(&jobs.join(job))).map_err(failed)?;
            }
            Ok(swept)
        })
        .await
    }

    pub(super) async fn used(&self) -> Result<u64, BlobError> {
        let root = Arc::clone(&self.root);
        blocking(move || tree::size(&root).map_err(failed)).await
    }
}

/// Copies a spool's bytes, as long as somebody waits for it.
fn copy(spool: &Spool, file: &mut File, wanted: &Weak<()>) -> Result<(), BlobError> {
    let mut buffer = vec![0; CHUNK.min(spool.len() as usize)];
    let mut offset = 0;
    while offset < spool.len() {
        if is_gone(wanted) {
            return Err(abandoned());
        }
        let count = spool.read_at(offset, &mut buffer)?;
        file.write_all(&buffer[..count]).map_err(failed)?;
        offset += count as u64;
    }
    Ok(())
}

/// Puts a synced file in its place for good: the folders above it are synced too, since a name is theirs. One that
/// is gone by then was removed together with the blob, after it.
fn publish(root: &Path, staged: TempPath, path: &Path) -> io::Result<()> {
    let parent = path.parent().unwrap_or(root);
    let place = || fs::create_dir_all(parent).and_then(|()| fs::rename(&staged, path));
    let mut placed = place();
    for _ in 1..ATTEMPTS {
        match placed {
            Err(error) if error.kind() == ErrorKind::NotFound => placed = place(),
            _ => break,
        }
    }
    placed?;
    staged.keep().map_err(|failure| failure.error)?;
    let mut folders = parent.ancestors().take_while(|folder| folder.starts_with(root));
    folders
        .try_for_each(|folder| tree::absent_is(File::open(folder).and_then(|folder| folder.sync_all()), ()))
}

/// The jobs of a folder in order. All names are read for each page of them: there are no more than jobs that live.
fn jobs_in(folder: &Path, after: Option<&JobId>, most: usize) -> io::Result<Vec<(JobId, SystemTime)>> {
    let names = tree::names(folder)?;
    let mut ids: Vec<_> = names.iter().filter_map(|name| JobId::parse(name.to_str()?)).collect();
    ids.retain(|id| after.is_none_or(|after| id > after));
    ids.sort_unstable();
    let dated = |id: JobId| match tree::newest(&folder.join(id.as_str())) {
        Ok(newest) => newest.map(|newest| Ok((id, newest))),
        Err(error) => Some(Err(error)),
    };
    ids.into_iter().filter_map(dated).take(most).collect()
}

/// A blob's bytes that are being read.
struct Part {
    file: Arc<File>,
    rest: Range<u64>,
}

impl Part {
    fn open(path: &Path, range: Range<u64>) -> io::Result<Self> {
        let file = File::open(path)?;
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(ErrorKind::NotFound.into());
        }
        let end = range.end.min(meta.len());
        Ok(Self { file: Arc::new(file), rest: range.start.min(end)..end })
    }

    fn read(&mut self, most: usize) -> io::Result<Bytes> {
        let length = (self.rest.end - self.rest.start).min(most as u64);
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, self.rest.start)?;
        self.rest.start += length;
        Ok(bytes.into())
    }
}

/// A blob's next bytes; a step of a stream.
async fn chunk((mut part, key): (Part, String)) -> Result<Option<(Bytes, (Part, String))>, BlobError> {
    if part.rest.is_empty() {
        return Ok(None);
    }
    blocking(move || match part.read(CHUNK) {
        Ok(bytes) => Ok(Some((bytes, (part, key)))),
        Err(error) => Err(unread(error, key)),
    })
    .await
}

fn is_gone(wanted: &Weak<()>) -> bool {
    wanted.strong_count() == 0
}

/// Nobody sees this one.
fn abandoned() -> BlobError {
    BlobError::Away("the caller went away".to_owned())
}

fn unread(error: io::Error, key: String) -> BlobError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => BlobError::Missing(key),
        _ => failed(error),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "reads well behind map_err")]
fn failed(error: io::Error) -> BlobError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => BlobError::Full(error.to_string()),
        _ => BlobError::Away(error.to_string()),
    }
}

/// Runs `work` where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(BlobError::Away(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_trouble() {
        const NO_SPACE: i32 = 28;
        const QUOTA: i32 = 122;
        const INPUT_OUTPUT: i32 = 5;
        let of = |number| failed(io::Error::from_raw_os_error(number));
        assert!(matches!(of(NO_SPACE), BlobError::Full(_)));
        assert!(matches!(of(QUOTA), BlobError::Full(_)));
        assert!(matches!(of(INPUT_OUTPUT), BlobError::Away(_)));
    }
}
