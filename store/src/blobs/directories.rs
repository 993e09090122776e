//! The directories of a folder of blobs: made for a blob, put on the disk, and taken away once they are empty.
//!
//! A blob is durable once its bytes, its name, and the names of all directories above it are on the disk. Names of
//! directories that this process has once synced are remembered, so that most blobs cost the sync of their own
//! directory alone. A crash between the making of a directory and its sync is covered: a process that starts remembers
//! nothing.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tempfile::TempPath;

use super::tree;

/// How often a blob's directory is made anew when another process takes it away at the same moment.
const ATTEMPTS: u32 = 100;
/// Directories that are remembered before all are forgotten, which costs some syncs again.
const REMEMBERED: usize = 4096;

/// Cheap to clone; all clones are one. All of it blocks.
#[derive(Debug, Clone)]
pub(super) struct Directories(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    /// Held by puts together, and alone to take empty directories away: without it the two could keep step for long,
    /// each directory made for nothing. It holds for this process; against another one a put tries again.
    in_use: RwLock<()>,
    /// Directories whose names are on the disk, and so are those of all above them.
    durable: Mutex<HashSet<PathBuf>>,
}

impl Directories {
    /// Below `root`, which is made if it is missing.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let is_missing = |directory: &&Path| !directory.as_os_str().is_empty() && !directory.exists();
        let missing = root.ancestors().take_while(is_missing).count();
        fs::create_dir_all(root)?;
        let root = root.canonicalize()?;
        for directory in root.ancestors().skip(1).take(missing) {
            sync(directory)?;
        }
        Ok(Self(Arc::new(Inner { root, in_use: RwLock::default(), durable: Mutex::default() })))
    }

    pub(super) fn root(&self) -> &Path {
        &self.0.root
    }

    /// Puts a synced file in its place for good. How many directories were synced for it.
    pub(super) fn publish(&self, staged: TempPath, path: &Path) -> io::Result<usize> {
        let _held = self.0.in_use.read().unwrap_or_else(PoisonError::into_inner);
        let directory = path.parent().unwrap_or(&self.0.root);
        let mut placed = fs::rename(&staged, path);
        for _ in 0..ATTEMPTS {
            match placed {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    placed = self.make(directory).and_then(|()| fs::rename(&staged, path));
                }
                _ => break,
            }
        }
        placed?;
        staged.keep().map_err(|failure| failure.error)?;
        let unsynced = self.unsynced(directory);
        // One that is gone by now was removed together with the blob, after it.
        unsynced.iter().try_for_each(|directory| tree::absent_is(sync(directory), ()))?;
        self.remember(directory);
        Ok(unsynced.len())
    }

    /// Removes directories below and with this one, and `above` it, as far as they are empty.
    pub(super) fn remove_empty(&self, directory: &Path, above: bool) -> io::Result<()> {
        let _alone = self.0.in_use.write().unwrap_or_else(PoisonError::into_inner);
        tree::remove_empty(directory)?;
        directory.parent().filter(|_| above).map_or(Ok(()), tree::remove_if_empty)
    }

    /// Makes a directory and those above it. What is about to be made is not on the disk, whatever was remembered: it
    /// is forgotten first, so that no other put takes it for synced.
    fn make(&self, directory: &Path) -> io::Result<()> {
        self.durable().remove(directory);
        match (create(directory), directory.parent()) {
            (Err(error), Some(parent)) if error.kind() == ErrorKind::NotFound => {
                self.make(parent)?;
                create(directory)
            }
            (made, _) => made,
        }
    }

    /// The directories to sync after a new name in this one: it, and each that holds a name not known to be durable.
    fn unsynced(&self, directory: &Path) -> Vec<PathBuf> {
        let durable = self.durable();
        let fresh = self.chain(directory).take_while(|directory| !durable.contains(*directory));
        let above = fresh.filter_map(Path::parent);
        std::iter::once(directory).chain(above).map(Path::to_owned).collect()
    }

    fn remember(&self, directory: &Path) {
        let mut durable = self.durable();
        if durable.len() >= REMEMBERED {
            durable.clear();
        }
        durable.extend(self.chain(directory).map(Path::to_owned));
    }

    /// A directory and those above it, without the root.
    fn chain<'a>(&'a self, directory: &'a Path) -> impl Iterator<Item = &'a Path> {
        directory.ancestors().take_while(|directory| *directory != self.0.root)
    }

    fn durable(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.0.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a directory unless something of its name is there.
fn create(directory: &Path) -> io::Result<()> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tempfile::{NamedTempFile, TempDir};

    use super::*;

    fn put(directories: &Directories, key: &str) -> usize {
        let staged = NamedTempFile::new_in(directories.root()).unwrap();
        directories.publish(staged.into_temp_path(), &directories.root().join(key)).unwrap()
    }

    #[test]
    fn only_directories_with_new_names_are_synced() {
        let place = TempDir::new().unwrap();
        let directories = Directories::open(place.path()).unwrap();
        assert_eq!(put(&directories, "ab/jobs/1/in/0"), 5, "in, 1, jobs, ab and the root");
        assert_eq!(put(&directories, "ab/jobs/1/in/1"), 1, "in");
        assert_eq!(put(&directories, "ab/jobs/1/out/0.png"), 2, "out and 1");
        assert_eq!(put(&directories, "ab/jobs/1/out/1.png"), 1, "out");
        assert_eq!(
            put(&directories, "ab/jobs/1/out/1.png"),
            1,
            "out again, for the blob that took its place"
        );
        assert_eq!(put(&directories, "ab/jobs/2/out/0.png"), 3, "out, 2 and jobs");
        assert_eq!(put(&directories, "probes/0"), 2, "probes and the root");
    }

    #[test]
    fn a_directory_that_is_made_anew_is_synced_anew() {
        let place = TempDir::new().unwrap();
        let directories = Directories::open(place.path()).unwrap();
        put(&directories, "ab/jobs/1/in/0");
        // As another process does.
        fs::remove_dir_all(place.path().join("ab/jobs/1")).unwrap();
        assert_eq!(put(&directories, "ab/jobs/1/in/0"), 3, "in, 1 and jobs");
    }

    #[test]
    fn a_process_that_starts_trusts_no_directory_that_it_finds() {
        let place = TempDir::new().unwrap();
        fs::create_dir_all(place.path().join("ab/jobs/1/in")).unwrap();
        let directories = Directories::open(place.path()).unwrap();
        assert_eq!(put(&directories, "ab/jobs/1/in/0"), 5);
        assert_eq!(put(&directories, "ab/jobs/1/in/1"), 1);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let place = TempDir::new().unwrap();
        let directories = Directories::open(place.path()).unwrap();
        for number in 0..REMEMBERED * 2 {
            directories.remember(&directories.root().join(number.to_string()));
            assert!(directories.durable().len() <= REMEMBERED);
        }
    }
}
