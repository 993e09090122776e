//! Where log lines leave the process: standard output, behind a queue and on a thread of its own, so that a reader
//! that is slow or gone never makes a request wait. What does not fit, or cannot be written, is lost and counted.

use std::io::{self, Stdout, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// Lines that may wait to be written.
const LINES: usize = 16_384;

/// Lines that could not be written.
static UNWRITTEN: AtomicU64 = AtomicU64::new(0);

/// Counts the lines that found no room.
static QUEUE: OnceLock<ErrorCounter> = OnceLock::new();

/// A writer for [`init`](crate::line::init), and what must be kept until the end: dropping it writes what waits.
pub fn stdout() -> (NonBlocking, WorkerGuard) {
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES).thread_name("log");
    let (writer, guard) = builder.finish(Counting(io::stdout()));
    let _ = QUEUE.set(writer.error_counter());
    (writer, guard)
}

/// Lines lost since the start.
#[must_use]
pub fn lost() -> u64 {
    let full = QUEUE.get().map_or(0, |queue| queue.dropped_lines() as u64);
    full + UNWRITTEN.load(Ordering::Relaxed)
}

/// Writes whole lines; one that fails is counted, and nobody can be told.
struct Counting(Stdout);

impl Write for Counting {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.write_all(line).is_err() {
            UNWRITTEN.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // What was buffered is whole lines, of which nobody knows how many.
        let _ = self.0.flush();
        Ok(())
    }
}
