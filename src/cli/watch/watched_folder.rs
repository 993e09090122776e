//! The loop of `huemill watch`: hears of changes, waits until files are complete, hands them to the threads, and reports.
//!
//! It owns all that is known of the folder. The folder is searched at the start and from time to time, since network folders
//! and overflowing queues lose changes. Nothing that fails ends the loop.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use super::messages::{self, Done, End, Message};
use super::results::Results;
use super::settling::{Settling, Stamp};
use super::workers::{Job, stamp};
use crate::cli::picture_folder::{self, MAX_DEPTH, UnreadableEntry, is_hidden, is_results_folder};
use crate::cli::terminal::{eprint_line, print_line, printable};

/// How often the folder is searched if the system does not tell of changes.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// What is watched, and how.
#[derive(Debug)]
pub(super) struct Places {
    /// The folder of the pictures, as the user knows it.
    pub(super) folder: PathBuf,
    /// The folder of the results, as the user knows it.
    pub(super) out: PathBuf,
    /// Whether to end when nothing is left.
    pub(super) once: bool,
    /// How long a file must not change until it is complete.
    pub(super) settle: Duration,
    /// How often the folder is searched.
    pub(super) search: Duration,
}

/// The loop's state.
pub(super) struct WatchedFolder<'a> {
    places: &'a Places,
    results: &'a Results,
    stop: &'a AtomicBool,
    start: Instant,
    settling: Settling,
    /// Files that need no work in this state: done, failed, or no pictures.
    settled: HashMap<PathBuf, Stamp>,
    in_work: HashSet<PathBuf>,
    max_in_work: usize,
    /// What could not be read in the last search, so that it is reported once.
    reported: HashSet<PathBuf>,
    written: usize,
    failed: usize,
}

impl<'a> WatchedFolder<'a> {
    /// Nothing is known of the folder yet.
    pub(super) fn new(
        places: &'a Places,
        results: &'a Results,
        stop: &'a AtomicBool,
        max_in_work: usize,
    ) -> Self {
        Self {
            places,
            results,
            stop,
            start: Instant::now(),
            settling: Settling::new(places.settle),
            settled: HashMap::new(),
            in_work: HashSet::new(),
            max_in_work,
            reported: HashSet::new(),
            written: 0,
            failed: 0,
        }
    }

    /// Ends after a signal, or with `--once` when nothing is left. No file is in work then.
    pub(super) fn run(
        &mut self,
        messages: &Receiver<Message>,
        send: SyncSender<Message>,
        jobs: &SyncSender<Job>,
    ) {
        let (watcher, interval) = self.watcher(send);
        let mut next_search = Duration::ZERO;
        while !self.stop.load(Ordering::Relaxed) {
            if self.now() >= next_search {
                self.search();
                next_search = self.now() + interval;
            }
            self.hand_out(jobs);
            if self.places.once && self.settling.is_empty() && self.in_work.is_empty() {
                break;
            }
            let wait = self.wait_until(next_search);
            match messages.recv_timeout(wait) {
                Ok(Message::Search) => next_search = self.now(),
                Ok(message) => self.handle(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        drop(watcher);
        while !self.in_work.is_empty() {
            let Ok(message) = messages.recv() else { break };
            if let Message::Done(done) = message {
                self.finish(done);
            }
        }
    }

    /// The watcher, and how often the folder is searched.
    fn watcher(&self, send: SyncSender<Message>) -> (Option<notify::RecommendedWatcher>, Duration) {
        if self.places.once {
            return (None, Duration::MAX / 4);
        }
        let (folder, out) = (self.places.folder.display(), self.places.out.display());
        let interval = self.places.search;
        match messages::watch(&self.results.root, send) {
            Ok(watcher) => {
                eprint_line(&format!("watching {folder}; results are written to {out}; Ctrl-C ends"));
                (Some(watcher), interval)
            }
            Err(error) => {
                let interval = interval.min(POLL_INTERVAL);
                eprint_line(&format!(
                    "watching {folder} by searching it every {} s, since the system does not tell of changes \
                     ({error}); results are written to {out}; Ctrl-C ends",
                    interval.as_secs()
                ));
                (None, interval)
            }
        }
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// How long to wait for a message.
    fn wait_until(&self, next_search: Duration) -> Duration {
        // If all threads are busy, the next message says that one has finished.
        let due = self.settling.next_due().filter(|_| self.in_work.len() < self.max_in_work);
        due.map_or(next_search, |due| due.min(next_search)).saturating_sub(self.now())
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Changed(path) => self.consider_all(&path, false),
            Message::Moved(path) => self.consider_all(&path, true),
            Message::Done(done) => self.finish(done),
            Message::Search | Message::Stop => {}
        }
    }

    /// Looks for files that need work, and forgets those that are gone.
    fn search(&mut self) {
        let mut known = std::mem::take(&mut self.settled);
        let mut unreadable = HashSet::new();
        for file in picture_folder::files(&self.results.root, MAX_DEPTH) {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            match file {
                Ok(path) => {
                    if let Some(stamp) = known.remove(&path) {
                        self.settled.insert(path.clone(), stamp);
                    }
                    self.consider(path, false);
                }
                Err(UnreadableEntry { path, source }) => {
                    if !self.reported.contains(&path) {
                        self.report(&path, &format!("cannot be read: {source}"));
                    }
                    unreadable.insert(path);
                }
            }
        }
        self.reported = unreadable;
    }

    /// Considers a file, or all files of a folder.
    fn consider_all(&mut self, path: &Path, is_moved: bool) {
        let is_hidden = self.results.below(path).iter().any(is_hidden);
        if is_hidden || self.is_in_other_results(path) {
            return;
        }
        if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
            // What cannot be read is reported by the next search.
            picture_folder::files(path, MAX_DEPTH).flatten().for_each(|file| self.consider(file, is_moved));
        } else {
            self.consider(path.to_owned(), is_moved);
        }
    }

    /// Whether the path lies in a folder of results, such as those of another `huemill watch`.
    fn is_in_other_results(&self, path: &Path) -> bool {
        let root = &self.results.root;
        path.ancestors().skip(1).take_while(|folder| *folder != root).any(is_results_folder)
    }

    /// Waits for a file, unless it needs no work.
    fn consider(&mut self, path: PathBuf, is_moved: bool) {
        // The mark keeps the search out of the results, but it may be gone.
        if self.results.contains(&path) {
            return;
        }
        let Some(stamp) = stamp(&path) else { return self.settling.forget(&path) };
        // A file that changes while it is in work is considered again when that ends.
        if self.settled.get(&path) == Some(&stamp) || self.in_work.contains(&path) {
            return;
        }
        if self.results.are_up_to_date(&path, stamp) {
            self.settling.forget(&path);
            self.settled.insert(path, stamp);
        } else {
            let now = self.now();
            self.settling.see(path, stamp, is_moved, now);
        }
    }

    /// Gives files that are complete to the threads.
    fn hand_out(&mut self, jobs: &SyncSender<Job>) {
        while self.in_work.len() < self.max_in_work {
            let Some((path, seen)) = self.settling.take_due(self.now()) else { return };
            match stamp(&path) {
                Some(stamp) if stamp == seen => {
                    self.in_work.insert(path.clone());
                    // The queue has room for as many as may be in work.
                    let _ = jobs.send(Job { path, stamp });
                }
                Some(_) => self.consider(path, false),
                None => {}
            }
        }
    }

    fn finish(&mut self, done: Done) {
        let Done { path, stamp, end } = done;
        self.in_work.remove(&path);
        match end {
            End::Written(result) => {
                self.written += 1;
                let result = self.places.out.join(result.strip_prefix(&self.results.out).unwrap_or(&result));
                let shown = [self.shown(&path), result].map(|path| path.to_string_lossy().into_owned());
                print_line(&shown.each_ref().map(|path| printable(path)).join(" -> "));
            }
            End::Failed(reason) => self.report(&path, &reason),
            End::NotAPicture => {}
            End::Changed => return self.consider(path, false),
            End::Skipped => return,
        }
        self.settled.insert(path.clone(), stamp);
        // It may have changed since.
        self.consider(path, false);
    }

    fn report(&mut self, path: &Path, reason: &str) {
        self.failed += 1;
        eprint_line(&format!("{}: {reason}", self.shown(path).display()));
    }

    /// A path as the user knows it.
    fn shown(&self, path: &Path) -> PathBuf {
        self.places.folder.join(self.results.below(path))
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        if self.places.once && self.failed > 0 {
            return ExitCode::FAILURE;
        }
        if !self.places.once {
            eprint_line(&format!("stopped; {} pictures processed, {} failed", self.written, self.failed));
        }
        ExitCode::SUCCESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_takes_no_results_for_pictures_where_their_mark_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let (root, out) = (folder.path().to_owned(), folder.path().join("huemill"));
        fs::create_dir(&out).unwrap();
        fs::write(out.join("a.png.card.png"), "card").unwrap();
        let places = Places {
            folder: root.clone(),
            out: out.clone(),
            once: true,
            settle: Duration::ZERO,
            search: Duration::MAX,
        };
        let results = Results::for_tests(root, out);
        let stop = AtomicBool::new(false);
        let mut watched = WatchedFolder::new(&places, &results, &stop, 1);
        watched.search();
        assert!(watched.settling.is_empty());
        fs::write(places.folder.join("a.png"), "picture").unwrap();
        watched.search();
        assert!(!watched.settling.is_empty());
    }
}
