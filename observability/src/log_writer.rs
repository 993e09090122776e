//! Writes log lines to standard output through a bounded queue and a thread of its own.
//!
//! A reader of standard output that is slow or gone never delays a request. Lines that do not fit into the queue, or
//! that cannot be written, are dropped and counted in `log_lines_dropped_total`.

use std::io::{self, Stdout, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// The maximum number of queued lines.
const QUEUE_LINES: usize = 16_384;

/// Lines that could not be written.
static WRITE_FAILURES: AtomicU64 = AtomicU64::new(0);

/// Counts the lines that did not fit into the queue.
static QUEUE_OVERFLOWS: OnceLock<ErrorCounter> = OnceLock::new();

/// Returns a writer for [`json_log::init`](crate::json_log::init) and a guard. Dropping the guard writes the lines that
/// are still queued, so keep it until the process ends.
pub fn stdout() -> (NonBlocking, WorkerGuard) {
    let builder =
        NonBlockingBuilder::default().lossy(true).buffered_lines_limit(QUEUE_LINES).thread_name("log");
    let (writer, guard) = builder.finish(CountingStdout(io::stdout()));
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
