//! Decides when a file is complete: when neither its size nor its time has changed for a while, or at once when it was moved
//! into place. Knows no clock and no disk, and cannot fail.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The size in bytes.
    pub(super) bytes: u64,
    /// The time of the last change since 1970.
    pub(super) modified: Duration,
}

impl Stamp {
    pub(super) fn of(metadata: &std::fs::Metadata) -> Self {
        // Where the time is not known, or before 1970, the size must do.
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self { bytes: metadata.len(), modified: modified.unwrap_or_default() }
    }

    /// How long ago the last change was. 0 if it lies in the future.
    fn age(self, now: SystemTime) -> Duration {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        now.saturating_sub(self.modified)
    }
}

#[derive(Debug)]
struct Waiting {
    stamp: Stamp,
    /// When it is complete if it does not change.
    due: Duration,
}

/// The files that may still be growing.
#[derive(Debug)]
pub(super) struct Settling {
    settle: Duration,
    files: HashMap<PathBuf, Waiting>,
    /// The same files by when they are due, so that none has to be searched for among many.
    by_due: BTreeSet<(Duration, PathBuf)>,
}

impl Settling {
    pub(super) fn new(settle: Duration) -> Self {
        Self { settle, files: HashMap::new(), by_due: BTreeSet::new() }
    }

    /// A file was seen in this state. `is_moved` says that it was moved into place, and so is complete. `now` is the time
    /// of any clock that does not jump.
    pub(super) fn see(&mut self, path: PathBuf, stamp: Stamp, is_moved: bool, now: Duration) {
        let known = self.files.get(&path);
        if is_moved {
            self.wait_for(path, Waiting { stamp, due: now });
        } else if known.is_none_or(|known| known.stamp != stamp) {
            // What has not changed for long before it was first seen is complete already.
            let unchanged = if known.is_none() { stamp.age(SystemTime::now()) } else { Duration::ZERO };
            let due = now + self.settle.saturating_sub(unchanged);
            self.wait_for(path, Waiting { stamp, due });
        }
    }

    fn wait_for(&mut self, path: PathBuf, waiting: Waiting) {
        self.forget(&path);
        self.by_due.insert((waiting.due, path.clone()));
        self.files.insert(path, waiting);
    }

    /// Takes a file that is due, with the state in which it was last seen.
    pub(super) fn take_due(&mut self, now: Duration) -> Option<(PathBuf, Stamp)> {
        if self.next_due()? > now {
            return None;
        }
        let (_, path) = self.by_due.pop_first()?;
        self.files.remove_entry(&path).map(|(path, waiting)| (path, waiting.stamp))
    }

    /// The file is not there any more, or not waited for.
    pub(super) fn forget(&mut self, path: &Path) {
        if let Some((path, waiting)) = self.files.remove_entry(path) {
            self.by_due.remove(&(waiting.due, path));
        }
    }

    /// When the next file is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.by_due.first().map(|(due, _)| *due)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: Duration = Duration::from_secs(2);

    fn stamp(bytes: u64) -> Stamp {
        Stamp {
            bytes,
            modified: SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(60),
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_growing_file_is_waited_for() {
        let mut settling = Settling::new(SETTLE);
        let (first, second) = (stamp(1), stamp(2));
        settling.see("a".into(), first, false, at(0));
        assert_eq!(settling.take_due(at(1)), None);
        settling.see("a".into(), second, false, at(1));
        settling.see("a".into(), second, false, at(2));
        assert_eq!((settling.take_due(at(2)), settling.next_due()), (None, Some(at(3))));
        assert_eq!(settling.take_due(at(3)), Some(("a".into(), second)));
        assert!(settling.is_empty());
    }

    #[test]
    fn a_file_that_was_moved_into_place_is_due_at_once_until_it_changes() {
        let mut settling = Settling::new(SETTLE);
        let moved = stamp(1);
        settling.see("a".into(), moved, false, at(0));
        settling.see("a".into(), moved, true, at(1));
        settling.see("a".into(), moved, false, at(1));
        assert_eq!(settling.next_due(), Some(at(1)));
        settling.see("a".into(), stamp(2), false, at(1));
        assert_eq!(settling.next_due(), Some(at(3)));
    }

    #[test]
    fn a_file_that_is_old_when_it_is_first_seen_is_due_at_once() {
        let mut settling = Settling::new(SETTLE);
        let old = Stamp { bytes: 1, modified: at(1_000_000) };
        settling.see("a".into(), old, false, at(5));
        assert_eq!(settling.take_due(at(5)), Some(("a".into(), old)));
    }

    #[test]
    fn files_are_taken_in_the_order_in_which_they_are_due_and_only_once() {
        let mut settling = Settling::new(SETTLE);
        let (first, second) = (stamp(1), stamp(2));
        for path in ["a", "b", "c"] {
            settling.see(path.into(), first, false, at(0));
        }
        settling.see("a".into(), second, false, at(1));
        settling.forget(Path::new("c"));
        let taken: Vec<_> = std::iter::from_fn(|| settling.take_due(at(9))).collect();
        assert_eq!(taken, [("b".into(), first), ("a".into(), second)]);
        assert_eq!((settling.next_due(), settling.is_empty()), (None, true));
    }

    #[test]
    fn however_many_files_wait_all_of_them_are_taken() {
        let mut settling = Settling::new(SETTLE);
        let one = stamp(1);
        for number in 0..20_000 {
            settling.see(number.to_string().into(), one, true, at(0));
        }
        assert_eq!(std::iter::from_fn(|| settling.take_due(at(0))).count(), 20_000);
    }
}
