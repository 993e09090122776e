//! `huemill process`: pictures on this machine, without a server.
//!
//! Owns the arguments and the exit code: 0, 1 where a picture failed, 2 on bad usage. Files are worked on in
//! parallel, one engine a thread, and shown in the order of the arguments. A failure is one line on stderr and
//! does not stop the others. Nothing is written to disk without `--out`.

mod cards;
mod failure;
mod order;
mod picture;
mod view;

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use clap::{ArgAction, Args, ValueEnum, value_parser};
use huemill_imaging::{Aspect, CardFormat, Options};
use indicatif::{ProgressBar, ProgressStyle};

use super::EXIT_USAGE;
use picture::{Done, Worker};
use view::View;
pub(super) use view::printable;

/// From this many files on, a terminal gets a progress bar.
const MANY: usize = 4;

/// What to process, and what to make of it.
#[derive(Debug, Args)]
pub struct ProcessArgs {
    /// Pictures; `-` is standard input
    #[arg(required = true, value_name = "FILES")]
    files: Vec<PathBuf>,
    /// Write each picture's card into this directory, as `NAME.card.EXTENSION`
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON object a file and line: the members of the HTTP answer, `social_image` being the card's path
    #[arg(long, action = ArgAction::SetTrue)]
    json: bool,
    /// Colours of a palette, 2 to 20
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u8).range(COLORS))]
    colors: u8,
    /// The crop's shape
    #[arg(long, value_name = "W:H", default_value_t = Aspect::default())]
    aspect: Aspect,
    /// How the cards are encoded
    #[arg(long, value_enum, default_value_t = Format::Png)]
    format: Format,
    /// Quality of JPEG cards, 1 to 100 [default: 85]
    #[arg(long, value_name = "Q", value_parser = value_parser!(u8).range(1..=100))]
    quality: Option<u8>,
}

/// How many colours a palette may have.
pub(super) const COLORS: std::ops::RangeInclusive<i64> =
    *Options::COLORS.start() as i64..=*Options::COLORS.end() as i64;

/// How a card may be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Png,
    Jpeg,
    Webp,
}

impl ProcessArgs {
    /// What the engine is asked for, or why that makes no sense.
    fn options(&self) -> Result<Options, &'static str> {
        let card = match (self.format, self.quality) {
            (Format::Jpeg, quality) => {
                CardFormat::Jpeg { quality: quality.unwrap_or(CardFormat::DEFAULT_QUALITY) }
            }
            (_, Some(_)) => return Err("--quality is for --format jpeg: the other formats are lossless"),
            (Format::Png, None) => CardFormat::Png,
            (Format::Webp, None) => CardFormat::WebP,
        };
        let mut options = Options::default().with_colors(self.colors).ok_or("--colors takes 2 to 20")?;
        options.aspect = self.aspect;
        options.card = card;
        Ok(options)
    }
}

/// Processes the files, prints what became of them and says so in the exit code.
#[must_use]
pub fn run(args: &ProcessArgs) -> ExitCode {
    let options = match args.options() {
        Ok(options) => options,
        Err(reason) => {
            complain(reason);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let cards = match args.out.as_deref().map(|out| cards::plan(&args.files, out, options.card)).transpose() {
        Ok(cards) => cards,
        Err(error) => {
            complain(&error.to_string());
            return ExitCode::FAILURE;
        }
    };
    let view = View::choose(args.json, io::stdout().is_terminal(), std::env::var_os("NO_COLOR").as_deref());
    let work = |worker: &mut Worker, at: usize| {
        worker.process(&args.files[at], &options, cards.as_ref().map(|cards| cards[at].as_path()))
    };
    let mut report = Report { view, files: &args.files, bar: bar(args.files.len()), failed: false };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    order::run(args.files.len(), threads, work, |event| report.take(event));
    report.bar.finish_and_clear();
    if report.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Where results go.
struct Report<'a> {
    view: View,
    files: &'a [PathBuf],
    bar: ProgressBar,
    failed: bool,
}

impl Report<'_> {
    /// Counts what has ended and prints what is due. Stops the work where nobody reads any more.
    fn take(&mut self, event: order::Event<Done>) -> ControlFlow<()> {
        match event {
            order::Event::Ended => {
                self.bar.inc(1);
                ControlFlow::Continue(())
            }
            order::Event::Due(at, done) => self.print(&self.files[at], &done),
        }
    }

    fn print(&mut self, file: &Path, done: &Done) -> ControlFlow<()> {
        if let Err(failure) = done {
            self.failed = true;
            self.bar.suspend(|| complain(&format!("{}: {failure}", file.display())));
        }
        let text = self.view.text(file, done);
        let printed = self.bar.suspend(|| {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        });
        match printed {
            Ok(()) => ControlFlow::Continue(()),
            // The reader has what it wanted.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ControlFlow::Break(()),
            Err(error) => {
                self.failed = true;
                complain(&format!("standard output: {error}"));
                ControlFlow::Break(())
            }
        }
    }
}

/// A bar on stderr, where that is a terminal and there is something to wait for.
fn bar(files: usize) -> ProgressBar {
    if files < MANY || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    // The template is a constant; were it wrong, the plain bar would do.
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(files as u64).with_style(style)
}

/// One line on stderr, whatever the text holds.
pub(super) fn complain(text: &str) {
    // Where stderr is closed there is nobody left to tell.
    let _ = writeln!(io::stderr(), "huemill: {}", view::printable(text));
}
