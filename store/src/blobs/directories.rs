//! The directories of a blob folder: created when needed, synced to disk, and removed once they are empty.
//!
//! A blob is durable once its bytes, its name, and the names of all directories above it are on disk. This process
//! remembers the directories that it has synced, so most blobs need only a sync of their own directory. A crash between
//! the creation and the sync of a directory is harmless, because a new process remembers nothing.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tempfile::TempPath;

use super::tree;

/// How often the directory of a blob is created again when another process removes it at the same time.
const MAX_ATTEMPTS: u32 = 100;
/// Maximum number of remembered directories. Beyond that all are forgotten, which costs some extra syncs.
const MAX_REMEMBERED: usize = 4096;

/// The directories of one blob folder. Cheap to clone; all clones share their state. All methods block.
#[derive(Debug, Clone)]
pub(super) struct Directories(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    /// Puts share this lock. The removal of empty directories takes it exclusively, so that it does not keep removing
    /// the directories that puts create. It covers only this process; if another process removes a directory, the put
    /// retries.
    in_use: RwLock<()>,
    /// Directories whose names are on disk, like the names of all directories above them.
    durable: Mutex<HashSet<PathBuf>>,
}

impl Directories {
    /// Opens the folder `root`, and creates it if it is missing.
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

    /// Moves a synced file to its final path and makes its name durable. Returns how many directories were synced.
    pub(super) fn publish(&self, staged: TempPath, path: &Path) -> io::Result<usize> {
        let _shared = self.0.in_use.read().unwrap_or_else(PoisonError::into_inner);
        let directory = path.parent().unwrap_or(&self.0.root);
        let mut placed = fs::rename(&staged, path);
        for _ in 0..MAX_ATTEMPTS {
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
        // A directory that is gone by now was removed together with the blob.
        unsynced.iter().try_for_each(|directory| tree::absent_is(sync(directory), ()))?;
        self.remember(directory);
        Ok(unsynced.len())
    }

    /// Removes this directory and its subdirectories if they are empty, and with `parent` also the directory above.
    pub(super) fn remove_empty(&self, directory: &Path, parent: bool) -> io::Result<()> {
        let _exclusive = self.0.in_use.write().unwrap_or_else(PoisonError::into_inner);
        tree::remove_empty(directory)?;
        directory.parent().filter(|_| parent).map_or(Ok(()), tree::remove_if_empty)
    }

    /// Creates a directory and those above it. Forgets the directory first: it is not on disk, whatever was remembered,
    /// and no other put may treat it as synced.
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

    /// The directories to sync after a new name in this directory: this one, and each directory that contains a name
    /// that is not known to be durable.
    fn unsynced(&self, directory: &Path) -> Vec<PathBuf> {
        let durable = self.durable();
        let fresh = self.chain(directory).take_while(|directory| !durable.contains(*directory));
        let above = fresh.filter_map(Path::parent);
        std::iter::once(directory).chain(above).map(Path::to_owned).collect()
    }

    fn remember(&self, directory: &Path) {
        let mut durable = self.durable();
        if durable.len() >= MAX_REMEMBERED {
            durable.clear();
        }
        durable.extend(self.chain(directory).map(Path::to_owned));
    }

    /// The directory and those above it, without the root.
    fn chain<'a>(&'a self, directory: &'a Path) -> impl Iterator<Item = &'a Path> {
        directory.ancestors().take_while(|directory| *directory != self.0.root)
    }

    fn durable(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.0.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Creates a directory unless it exists.
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
        let folder = TempDir::new().unwrap();
        let directories = Directories::open(folder.path()).unwrap();
        assert_eq!(put(&directories, "ab/jobs/1/in/0"), 5, "in, 1, jobs, ab and the root");
        assert_eq!(put(&directories, "ab/jobs/1/in/1"), 1, "in");
        assert_eq!(put(&directories, "ab/jobs/1/out/0.png"), 2, "out and 1");
        assert_eq!(put(&directories, "ab/jobs/1/out/1.png"), 1, "out");
        assert_eq!(put(&directories, "ab/jobs/1/out/1.png"), 1, "out again, because the blob was replaced");
        assert_eq!(put(&directories, "ab/jobs/2/out/0.png"), 3, "out, 2 and jobs");
        assert_eq!(put(&directories, "probes/0"), 2, "probes and the root");
    }

    #[test]
    fn a_directory_that_is_created_again_is_synced_again() {
        let folder = TempDir::new().unwrap();
        let directories = Directories::open(folder.path()).unwrap();
        put(&directories, "ab/jobs/1/in/0");
        // Like another process would.
        fs::remove_dir_all(folder.path().join("ab/jobs/1")).unwrap();
        assert_eq!(put(&directories, "ab/jobs/1/in/0"), 3, "in, 1 and jobs");
    }

    #[test]
    fn a_new_process_syncs_the_directories_it_finds() {
        let folder = TempDir::new().unwrap();
        fs::create_dir_all(folder.path().join("ab/jobs/1/in")).unwrap();
        let directories = Directories::open(folder.path()).unwrap();
        assert_eq!(put(&directories, "ab/jobs/1/in/0"), 5);
        assert_eq!(put(&directories, "ab/jobs/1/in/1"), 1);
    }

    #[test]
    fn the_number_of_remembered_directories_is_bounded() {
        let folder = TempDir::new().unwrap();
        let directories = Directories::open(folder.path()).unwrap();
        for number in 0..MAX_REMEMBERED * 2 {
            directories.remember(&directories.root().join(number.to_string()));
            assert!(directories.durable().len() <= MAX_REMEMBERED);
        }
    }
}
