//! `huemill watch`: writes palettes and cards for the pictures of a folder, and for those that appear in it.
//!
//! One loop owns everything: it hears of changes, waits until files are complete, hands them to threads with an engine
//! each, and reports. The folder is searched at the start and from time to time, since network folders and overflowing
//! queues lose changes. A failed file is one line on standard error and is tried again when it changes. The exit code is
//! 0 after Ctrl-C or SIGTERM; with `--once`, it is 1 if a picture failed; 2 on bad usage.

mod messages;
mod results;
mod settling;
mod workers;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use clap::{Args, value_parser};
use huemill_imaging::Export;

use super::atomic_file;
use super::export_names;
use super::picture_args::PictureArgs;
use super::picture_folder::{self, MAX_DEPTH, RESULTS_MARK, UnreadableEntry, is_hidden, is_results_folder};
use super::terminal::{EXIT_USAGE, eprint_line, fail, print_line, printable};
use messages::{Done, End, Message};
use results::Results;
use settling::{Settling, Stamp};
use workers::{Job, stamp};

/// Messages that wait for the loop.
const MESSAGES: usize = 1_024;

/// The folder for the results in the folder of the pictures, unless another one is named.
const DEFAULT_OUT: &str = "huemill";

/// What the mark of a folder of results says to those who find it.
const MARK_TEXT: &str = "Results of huemill watch: huemill does not search this folder for pictures.\n";

/// How often the folder is searched if the system does not tell of changes.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// The arguments of `huemill watch`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 stopped by Ctrl-C or SIGTERM, or with --once all pictures were processed, \
                        1 some failed, 2 wrong usage."
)]
pub(super) struct WatchArgs {
    /// Folder of the pictures; folders in it are watched too
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Folder for the results, which are named after the whole name of the picture: `photo.jpg.json`,
    /// `photo.jpg.card.png`; it is not watched itself [default: DIR/huemill]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Process what is there, and end when nothing is left
    #[arg(long)]
    once: bool,
    /// How long a file must not change until it counts as complete, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = value_parser!(u64).range(0..=600_000))]
    settle: u64,
    /// How often to search the folder for what the system has not told of, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = value_parser!(u64).range(1..=86_400))]
    search: u64,
    #[command(flatten)]
    picture: PictureArgs,
    /// Write the palettes in these formats too, as `photo.jpg.palette.EXTENSION`
    #[arg(long, value_name = "FORMAT", value_delimiter = ',', value_parser = export_names::parser())]
    export: Vec<Export>,
}

/// Watches the folder until a signal arrives, or with `--once` until nothing is left.
pub(super) fn run(args: &WatchArgs) -> ExitCode {
    match args.results() {
        Ok(results) => watch(args, &results).unwrap_or_else(fail),
        Err(reason) => {
            eprint_line(&reason);
            ExitCode::from(EXIT_USAGE)
        }
    }
}

impl WatchArgs {
    /// The folder for the results, as the user knows it.
    fn out(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| self.folder.join(DEFAULT_OUT))
    }

    /// Where results go, or why the arguments cannot be used.
    fn results(&self) -> Result<Results, String> {
        let options = self.picture.options()?;
        let failed = |path: &Path, error: &io::Error| format!("{}: {error}", path.display());
        let root = fs::canonicalize(&self.folder).map_err(|error| failed(&self.folder, &error))?;
        if !root.is_dir() {
            return Err(format!(
                "{}: this is not a folder; name the folder of the pictures",
                self.folder.display()
            ));
        }
        let out = self.out.clone().unwrap_or_else(|| self.folder.join(DEFAULT_OUT));
        let created = fs::create_dir_all(&out).and_then(|()| fs::canonicalize(&out));
        let out = created.map_err(|error| failed(&out, &error))?;
        if out == root {
            return Err(
                "--out must not be the folder that is watched: the cards would be taken for pictures".into(),
            );
        }
        let fields = self.picture.fields().into_iter().map(|(name, value)| format!("{name}={value}"));
        let made_with = fields.collect::<Vec<_>>().join(" ");
        Ok(Results { root, out, options, exports: self.export.clone(), made_with })
    }
}

fn watch(args: &WatchArgs, results: &Results) -> io::Result<ExitCode> {
    let (send, receive) = mpsc::sync_channel(MESSAGES);
    let stop = Arc::new(AtomicBool::new(false));
    messages::handle_signals(Arc::clone(&stop), send.clone())?;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (jobs, queue) = mpsc::sync_channel(2 * threads);
    let queue = Mutex::new(queue);
    let mut folder = WatchedFolder {
        args,
        results,
        stop: &stop,
        start: Instant::now(),
        settling: Settling::new(Duration::from_millis(args.settle)),
        settled: HashMap::new(),
        in_work: HashSet::new(),
        max_in_work: 2 * threads,
        reported: HashSet::new(),
        written: 0,
        failed: 0,
    };
    thread::scope(|scope| {
        for number in 0..threads {
            let (queue, stop, send) = (&queue, &stop, send.clone());
            let named = thread::Builder::new().name(format!("picture-{number}"));
            named.spawn_scoped(scope, move || workers::run(queue, results, stop, &send))?;
        }
        folder.run(&receive, send, jobs);
        Ok(folder.exit_code())
    })
}

/// The loop's state.
struct WatchedFolder<'a> {
    args: &'a WatchArgs,
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

impl WatchedFolder<'_> {
    /// Ends after a signal, or with `--once` when nothing is left. No file is in work then.
    fn run(&mut self, messages: &Receiver<Message>, send: SyncSender<Message>, jobs: SyncSender<Job>) {
        let (watcher, interval) = self.watcher(send);
        let mut next_search = Duration::ZERO;
        while !self.stop.load(Ordering::Relaxed) {
            if self.now() >= next_search || self.settling.take_overflow() {
                self.search();
                next_search = self.now() + interval;
            }
            self.hand_out(&jobs);
            if self.args.once && self.settling.is_empty() && self.in_work.is_empty() {
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
        if self.args.once {
            return (None, Duration::MAX / 4);
        }
        let (folder, out) = (self.args.folder.display(), self.args.out());
        let out = out.display();
        let interval = Duration::from_secs(self.args.search);
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
        if is_hidden || self.results.contains(path) || self.is_in_other_results(path) {
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
                let result = self.args.out().join(result.strip_prefix(&self.results.out).unwrap_or(&result));
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
        self.args.folder.join(self.results.below(path))
    }

    fn exit_code(&self) -> ExitCode {
        if self.args.once && self.failed > 0 {
            return ExitCode::FAILURE;
        }
        if !self.args.once {
            eprint_line(&format!("stopped; {} pictures processed, {} failed", self.written, self.failed));
        }
        ExitCode::SUCCESS
    }
}
