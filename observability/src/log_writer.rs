//! Writes log lines to standard output through a bounded queue and a thread of its own, as JSON or as readable lines.
//!
//! A reader of standard output that is slow or gone never delays a request. Lines that do not fit into the queue, or
//! that cannot be written, are dropped and counted in `log_lines_dropped_total`.
//!
//! Every panic is logged too: its location, its thread and the part of its message that is safe to log. A panic's
//! message can quote the data that caused it (`unwrap` prints the error, an assertion prints both sides), and that data
//! may come from a client. So a literal message is logged whole, and a formatted one only up to the first colon or line
//! break; the location tells the rest. The line has the fields of the current span, such as the request's id. Only what
//! [`catch_panic`] catches is left to its caller to log.

use std::any::Any;
use std::cell::RefCell;
use std::io::{self, Stdout, Write};
use std::panic::{PanicHookInfo, UnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

use crate::pretty_log::PrettyLines;

/// The maximum number of queued lines.
const QUEUE_LINES: usize = 16_384;

/// Lines that could not be written.
static WRITE_FAILURES: AtomicU64 = AtomicU64::new(0);

/// Counts the lines that did not fit into the queue.
static QUEUE_OVERFLOWS: OnceLock<ErrorCounter> = OnceLock::new();

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineStyle {
    /// For programs.
    Json,
    /// For people.
    Pretty {
        /// With the control sequences of terminals for colours.
        colour: bool,
    },
}

/// Returns a writer for [`json_log::init`](crate::json_log::init) and a guard. Dropping the guard writes the lines that
/// are still queued, so keep it until the process ends.
pub fn stdout(style: LineStyle) -> (NonBlocking, WorkerGuard) {
    let builder =
        NonBlockingBuilder::default().lossy(true).buffered_lines_limit(QUEUE_LINES).thread_name("log");
    let output = CountingStdout(io::stdout());
    let (writer, guard) = match style {
        LineStyle::Json => builder.finish(output),
        // Lines are rewritten by the log's own thread, so requests never wait for it.
        LineStyle::Pretty { colour } => builder.finish(PrettyLines::new(output, colour)),
    };
    let _ = QUEUE_OVERFLOWS.set(writer.error_counter());
    (writer, guard)
}

/// Lines dropped since the start.
#[must_use]
pub fn dropped_lines() -> u64 {
    let overflows = QUEUE_OVERFLOWS.get().map_or(0, |queue| queue.dropped_lines() as u64);
    overflows + WRITE_FAILURES.load(Ordering::Relaxed)
}

/// Writes whole lines. It counts a line that cannot be written and reports success, because nothing could handle the
/// error.
struct CountingStdout(Stdout);

impl Write for CountingStdout {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.write_all(line).is_err() {
            WRITE_FAILURES.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // The buffer holds whole lines, but it does not tell how many: a failure cannot be counted.
        let _ = self.0.flush();
        Ok(())
    }
}

/// The maximum length of a logged message, in characters.
const MAX_MESSAGE_CHARS: usize = 160;

/// Logs every panic from now on. In a process without a log, the previous hook stays in force.
pub fn install_panic_hook() {
    let previous = take_hook();
    set_hook(Box::new(move |info| {
        if tracing::dispatcher::has_been_set() {
            report(info);
        } else {
            previous(info);
        }
    }));
}

/// What the panic hook does with a panic of this thread.
enum PanicReport {
    Log,
    /// [`catch_panic`] waits for it.
    Keep,
    /// It was kept, with its location. A further panic ends the process, so it is logged.
    Kept(Option<String>),
}

thread_local! {
    static PANIC_REPORT: RefCell<PanicReport> = const { RefCell::new(PanicReport::Log) };
}

/// A panic that was caught and not logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaughtPanic {
    /// The part of its message that is safe to log; see [`panic_text`].
    pub reason: String,
    /// Where it happened, if the panic hook is installed.
    pub location: Option<String>,
}

/// Runs `work` and returns its panic without logging it. This is for work on what clients send: they could fill the log
/// with it, so the caller decides what to log.
///
/// # Errors
/// The panic.
pub fn catch_panic<T>(work: impl FnOnce() -> T + UnwindSafe) -> Result<T, CaughtPanic> {
    let before = PANIC_REPORT.replace(PanicReport::Keep);
    let outcome = catch_unwind(work);
    let report = PANIC_REPORT.replace(before);
    outcome.map_err(|panic| CaughtPanic {
        reason: panic_text(&*panic).to_owned(),
        location: if let PanicReport::Kept(location) = report { location } else { None },
    })
}

fn report(info: &PanicHookInfo<'_>) {
    let is_kept = PANIC_REPORT.try_with(|report| {
        let mut report = report.borrow_mut();
        let is_kept = matches!(*report, PanicReport::Keep);
        if is_kept {
            *report = PanicReport::Kept(info.location().map(ToString::to_string));
        }
        is_kept
    });
    if is_kept.unwrap_or(false) {
        return;
    }
    let thread = std::thread::current();
    let location = info.location().map(tracing::field::display);
    crate::log!(PANIC, message = %panic_text(info.payload()), location, thread = thread.name());
}

/// The part of a panic's message that is safe to log: all of a literal, the beginning of a formatted text.
#[must_use]
pub fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = if let Some(literal) = payload.downcast_ref::<&'static str>() {
        literal
    } else if let Some(formatted) = payload.downcast_ref::<String>() {
        formatted.split([':', '\n']).next().unwrap_or_default()
    } else {
        "a panic without a message"
    };
    text.char_indices().nth(MAX_MESSAGE_CHARS).map_or(text, |(end, _)| &text[..end])
}
