//! `huemill watch`: writes palettes and cards for the pictures of a folder, and for those that appear in it.
//!
//! A loop on the main thread follows the folder and hands its files to threads with an engine each. A failed file is one
//! line on standard error and is tried again when it changes. The exit code is 0 after Ctrl-C or SIGTERM; with `--once`,
//! it is 1 if a picture failed; 2 on bad usage.

mod messages;
mod results;
mod settling;
mod watched_folder;
mod workers;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;
use std::{fs, io};

use clap::{Args, value_parser};
use huemill_imaging::Export;

use super::export_names;
use super::file_error::{FileCommand, explain};
use super::picture_args::PictureArgs;
use super::picture_folder;
use super::terminal::{EXIT_USAGE, eprint_line, fail};
use results::Results;
use watched_folder::{Places, WatchedFolder};

/// Messages that wait for the loop.
const MESSAGES: usize = 1_024;

/// The folder for the results in the folder of the pictures, unless another one is named.
const DEFAULT_OUT: &str = "huemill";

/// The arguments of `huemill watch`.
#[derive(Debug, Args)]
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

    fn places(&self) -> Places {
        Places {
            folder: self.folder.clone(),
            out: self.out(),
            once: self.once,
            settle: Duration::from_millis(self.settle),
            search: Duration::from_secs(self.search),
        }
    }

    /// Where results go, or why the arguments cannot be used.
    fn results(&self) -> Result<Results, String> {
        let options = self.picture.options()?;
        let failed = |path: &Path, error: &io::Error| format!("{}: {error}", path.display());
        let root = fs::canonicalize(&self.folder).map_err(|error| {
            format!("{}: {}", self.folder.display(), explain(FileCommand::Process, &self.folder, &error))
        })?;
        if !root.is_dir() {
            return Err(format!(
                "{}: this is not a folder; name the folder of the pictures",
                self.folder.display()
            ));
        }
        let out = self.out();
        let created = fs::create_dir_all(&out).and_then(|()| fs::canonicalize(&out));
        let out = created.map_err(|error| failed(&out, &error))?;
        if out == root {
            return Err(
                "--out must not be the folder that is watched: the cards would be taken for pictures".into(),
            );
        }
        // Whoever may write to the watched folder could otherwise choose where results are written.
        if self.out.is_none() && !out.starts_with(&root) {
            return Err(format!(
                "{}: this link leads out of the folder that is watched; name the folder for the results with --out",
                self.out().display()
            ));
        }
        picture_folder::mark_results(&out).map_err(|error| failed(&out, &error))?;
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
    let places = args.places();
    let mut folder = WatchedFolder::new(&places, results, &stop, 2 * threads);
    thread::scope(|scope| {
        for number in 0..threads {
            let (queue, stop, send) = (&queue, &stop, send.clone());
            let named = thread::Builder::new().name(format!("picture-{number}"));
            named.spawn_scoped(scope, move || workers::run(queue, results, stop, &send))?;
        }
        folder.run(&receive, send, &jobs);
        // The threads end when no one sends jobs.
        drop(jobs);
        Ok(folder.exit_code())
    })
}
