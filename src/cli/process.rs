//! `huemill process`: processes pictures locally, without a server.
//!
//! The exit code is 0, 1 if a picture failed, or 2 on bad usage. Files are processed in parallel, with one engine for
//! each thread, and shown in the order of the arguments. A failed file is one line on standard error and does not stop
//! the others. Nothing is written to disk without `--out` or `--sheet`.

mod cards;
mod eta;
mod inputs;
mod ordered;
mod output;
mod plain_text;
mod progress;
mod sheets;
mod terminal_text;

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use clap::{ArgAction, Args};
use huemill_imaging::{Aspect, Export, Options};

use super::export_names;
use super::file_processor::{FileProcessor, FileResult, Outputs, ProcessError};
use super::picture_args::PictureArgs;
use super::terminal::{EXIT_USAGE, eprint_line, fail, has_colour};
use inputs::Input;
use output::OutputFormat;
use plain_text::Details;
use progress::Progress;
use sheets::{SheetError, SheetWriter};

/// The arguments of `huemill process`.
#[derive(Debug, Args)]
pub(super) struct ProcessArgs {
    /// Pictures, folders and patterns such as 'photos/**/*.jpg'; `-` reads standard input
    #[arg(required = true, value_name = "FILES|DIR|PATTERN")]
    files: Vec<PathBuf>,
    /// Folder for the cards, which are named `NAME.card.EXTENSION`; without it, no cards are written. The folders below
    /// a folder or a pattern are kept
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON object per line and file, with the members of the HTTP response; `social_image` is the path
    /// of the card
    #[arg(long, action = ArgAction::SetTrue)]
    json: bool,
    #[command(flatten)]
    picture: PictureArgs,
    /// Write the palettes in these formats too, to the folder of `--out`, as `NAME.palette.EXTENSION`; without `--out`,
    /// print the palette of one picture in one format instead
    #[arg(long, value_name = "FORMAT", value_delimiter = ',', value_parser = export_names::parser())]
    export: Vec<Export>,
    /// Draw all pictures with their crops, palettes and roles on contact sheets of 30 (PNG, JPEG or WebP); further sheets
    /// are FILE-2, FILE-3 … The output says of each picture on which sheet it is, under which number
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
}

/// Processes the files and prints the results.
pub(super) fn run(args: &ProcessArgs) -> ExitCode {
    let inputs = inputs::collect(&args.files, |path| args.is_own(path));
    let usage_error = |reason: &str| {
        eprint_line(reason);
        ExitCode::from(EXIT_USAGE)
    };
    let (options, format, sheets) = match (args.picture.options(), args.format(&inputs), args.sheets()) {
        (Ok(options), Ok(format), Ok(sheets)) => (options, format, sheets),
        (Err(reason), ..) => return usage_error(&reason),
        (_, Err(reason), _) => return usage_error(reason),
        (.., Err(error)) => return usage_error(&error.to_string()),
    };
    let outputs = match args.outputs(&inputs, &options) {
        Ok(outputs) => outputs,
        Err(error) => return fail(error),
    };
    let work = |processor: &mut FileProcessor, at: usize| match &inputs[at].problem {
        Some(problem) => Err(ProcessError::Argument(problem.clone())),
        None => processor.process(&inputs[at].path, &options, &outputs[at]),
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut printer = ResultPrinter {
        format,
        aspect: options.aspect,
        inputs: &inputs,
        progress: Progress::new(&inputs, threads),
        sheets,
        failed: false,
    };
    ordered::run(inputs.len(), threads, work, |update| printer.handle(update));
    printer.finish()
}

impl ProcessArgs {
    /// Whether a file was written by an earlier run with the same arguments.
    fn is_own(&self, file: &Path) -> bool {
        self.out.as_ref().is_some_and(|out| cards::is_card(file, out))
            || self.sheet.as_ref().is_some_and(|sheet| sheets::is_sheet(file, sheet))
    }

    fn sheets(&self) -> Result<Option<SheetWriter>, SheetError> {
        self.sheet.as_deref().map(SheetWriter::new).transpose()
    }

    /// How results are printed, or why the arguments contradict each other.
    fn format(&self, inputs: &[Input]) -> Result<OutputFormat, &'static str> {
        let is_terminal = io::stdout().is_terminal();
        match (&self.out, &self.export[..], inputs) {
            (Some(_), ..) | (None, [], _) => Ok(OutputFormat::choose(self.json, has_colour(&io::stdout()))),
            _ if self.json => Err("--export with --json requires --out, the folder for the palettes"),
            (None, [Export::Ase], [_]) if is_terminal => Err(
                "--export ase is binary: send it to a file with > palette.ase, or name a folder with --out",
            ),
            (None, [export], [_]) => Ok(OutputFormat::Palette(*export)),
            (None, [_], _) => Err("--export of several pictures requires --out, the folder for the palettes"),
            _ => Err("several formats of --export require --out, the folder for the palettes"),
        }
    }

    /// What is made of each file.
    fn outputs(&self, inputs: &[Input], options: &Options) -> Result<Vec<Outputs>, cards::CardsDirError> {
        let tile = self.sheet.is_some();
        let Some(out) = &self.out else {
            return Ok(inputs.iter().map(|_| Outputs { tile, ..Outputs::default() }).collect());
        };
        let palettes = |card: &Path| {
            self.export.iter().map(|export| (*export, cards::palette_path(card, *export))).collect()
        };
        let (root, cards) = cards::plan(inputs, out, options.card)?;
        let of_card =
            |card: PathBuf| Outputs { root: root.clone(), palettes: palettes(&card), card: Some(card), tile };
        Ok(cards.into_iter().map(of_card).collect())
    }
}

/// Prints the results, counts them on the progress bar, and collects the sheets.
struct ResultPrinter<'a> {
    format: OutputFormat,
    aspect: Aspect,
    inputs: &'a [Input],
    progress: Progress,
    sheets: Option<SheetWriter>,
    failed: bool,
}

impl ResultPrinter<'_> {
    /// Stops the work if standard output is closed.
    fn handle(&mut self, update: ordered::Update<FileResult>) -> ControlFlow<()> {
        match update {
            ordered::Update::Started(at) => self.progress.start(at),
            ordered::Update::Finished(at) => self.progress.finish(at),
            ordered::Update::Next(at, result) => return self.print(&self.inputs[at].path, result),
        }
        ControlFlow::Continue(())
    }

    fn print(&mut self, file: &Path, mut result: FileResult) -> ControlFlow<()> {
        if let Err(error) = &result {
            self.progress.count_failure();
            self.report(&format!("{}: {error}", file.display()));
        }
        let tile = result.as_mut().ok().and_then(|processed| processed.tile.take());
        let added = self.sheets.as_mut().zip(tile).map(|(sheets, tile)| sheets.add(tile));
        let place = added.map(|(place, written)| {
            self.report_sheet(written);
            place
        });
        let details = Details { aspect: self.aspect, sheet: place.as_ref() };
        let bytes = self.format.bytes(file, &result, details);
        let printed = self.progress.suspend(|| {
            let mut out = io::stdout().lock();
            out.write_all(&bytes).and_then(|()| out.flush())
        });
        match printed {
            Ok(()) => ControlFlow::Continue(()),
            // The reader, such as `head`, has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ControlFlow::Break(()),
            Err(error) => {
                self.report(&format!("standard output: {error}"));
                ControlFlow::Break(())
            }
        }
    }

    /// Prints what has failed, without the bar.
    fn report(&mut self, text: &str) {
        self.failed = true;
        self.progress.suspend(|| eprint_line(text));
    }

    fn report_sheet(&mut self, written: Result<(), SheetError>) {
        if let Err(error) = written {
            self.report(&error.to_string());
        }
    }

    /// Writes the last sheet and returns the exit code.
    fn finish(mut self) -> ExitCode {
        let written = self.sheets.as_mut().map_or(Ok(()), SheetWriter::write);
        self.report_sheet(written);
        self.progress.clear();
        if self.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}
