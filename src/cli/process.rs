//! `huemill process`: processes pictures locally, without a server.
//!
//! The exit code is 0, 1 if a picture failed, or 2 on bad usage. Files are processed in parallel, with one engine for
//! each thread, and shown in the order of the arguments. A failed file is one line on standard error and does not stop
//! the others. Nothing is written to disk without `--out`.

mod cards;
mod ordered;
mod output;
mod picture;

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use clap::builder::PossibleValuesParser;
use clap::{ArgAction, Args};
use huemill_imaging::Export;
use indicatif::{ProgressBar, ProgressStyle};

use super::picture_args::PictureArgs;
use super::terminal::{EXIT_USAGE, eprint_line, fail, has_colour};
use output::OutputFormat;
use picture::{FileProcessor, FileResult};

/// The number of files from which a progress bar is shown on a terminal.
const PROGRESS_BAR_FILES: usize = 4;

/// The arguments of `huemill process`.
#[derive(Debug, Args)]
pub(super) struct ProcessArgs {
    /// Pictures; `-` reads standard input
    #[arg(required = true, value_name = "FILES")]
    files: Vec<PathBuf>,
    /// Folder for the cards, which are named `NAME.card.EXTENSION`; without it, no cards are written
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON object per line and file, with the members of the HTTP response; `social_image` is the path
    /// of the card
    #[arg(long, action = ArgAction::SetTrue)]
    json: bool,
    #[command(flatten)]
    picture: PictureArgs,
    /// Write the palettes in these formats too, to the folder of `--out`, as `NAME.palette.EXTENSION`
    #[arg(long, value_name = "FORMAT", requires = "out", value_delimiter = ',',
          value_parser = PossibleValuesParser::new(Export::ALL.map(Export::extension)))]
    export: Vec<String>,
}

/// Processes the files and prints the results.
pub(super) fn run(args: &ProcessArgs) -> ExitCode {
    let options = match args.picture.options() {
        Ok(options) => options,
        Err(reason) => {
            eprint_line(&reason);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let cards = match args.out.as_deref().map(|out| cards::plan(&args.files, out, options.card)).transpose() {
        Ok(cards) => cards,
        Err(error) => return fail(error),
    };
    let format = OutputFormat::choose(args.json, has_colour(&io::stdout()));
    // clap accepts no others.
    let exports: Vec<Export> = args.export.iter().filter_map(|name| name.parse().ok()).collect();
    let work = |processor: &mut FileProcessor, at: usize| {
        let card = cards.as_ref().map(|cards| cards[at].as_path());
        processor.process(&args.files[at], &options, card, &exports)
    };
    let mut printer =
        ResultPrinter { format, files: &args.files, bar: progress_bar(args.files.len()), failed: false };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    ordered::run(args.files.len(), threads, work, |update| printer.handle(update));
    printer.bar.finish_and_clear();
    if printer.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Prints the results and counts them on the progress bar.
struct ResultPrinter<'a> {
    format: OutputFormat,
    files: &'a [PathBuf],
    bar: ProgressBar,
    failed: bool,
}

impl ResultPrinter<'_> {
    /// Stops the work if standard output is closed.
    fn handle(&mut self, update: ordered::Update<FileResult>) -> ControlFlow<()> {
        match update {
            ordered::Update::Finished => {
                self.bar.inc(1);
                ControlFlow::Continue(())
            }
            ordered::Update::Next(at, result) => self.print(&self.files[at], &result),
        }
    }

    fn print(&mut self, file: &Path, result: &FileResult) -> ControlFlow<()> {
        if let Err(error) = result {
            self.failed = true;
            self.bar.suspend(|| eprint_line(&format!("{}: {error}", file.display())));
        }
        let text = self.format.text(file, result);
        let printed = self.bar.suspend(|| {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        });
        match printed {
            Ok(()) => ControlFlow::Continue(()),
            // The reader, such as `head`, has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ControlFlow::Break(()),
            Err(error) => {
                self.failed = true;
                eprint_line(&format!("standard output: {error}"));
                ControlFlow::Break(())
            }
        }
    }
}

/// A progress bar on standard error. It is hidden if that is not a terminal or there are few files.
fn progress_bar(files: usize) -> ProgressBar {
    if files < PROGRESS_BAR_FILES || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    // The template is a constant, so the fallback is never used.
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(files as u64).with_style(style)
}
