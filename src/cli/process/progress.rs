//! The progress bar on standard error: how much of the work is done, how many files, how many of them failed, how long it
//! has taken, and how long it will take. It is hidden where it would not be seen or would not be readable: without a
//! terminal, on one that cannot move its cursor, and for few files.

use std::fmt::Write;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::eta::{Eta, Work};
use super::inputs::Input;
use crate::cli::terminal::can_redraw;

/// The number of files from which a progress bar is shown.
const MIN_FILES: usize = 4;

/// The length of the bar: the work in thousandths.
const LENGTH: u64 = 1_000;

/// How often the times are drawn again while no file ends.
const TICK: Duration = Duration::from_millis(250);

/// The bar.
pub(super) struct Progress {
    bar: ProgressBar,
    start: Instant,
    state: Arc<Mutex<State>>,
}

struct State {
    eta: Eta,
    files: usize,
    done: usize,
    failed: usize,
}

impl Progress {
    pub(super) fn new(inputs: &[Input], threads: usize) -> Self {
        let eta = Eta::new(inputs.iter().map(work).collect(), threads);
        let state = Arc::new(Mutex::new(State { eta, files: inputs.len(), done: 0, failed: 0 }));
        let start = Instant::now();
        let bar = if inputs.len() < MIN_FILES || !can_redraw(&io::stderr()) {
            ProgressBar::hidden()
        } else {
            visible(start, Arc::clone(&state))
        };
        Self { bar, start, state }
    }

    pub(super) fn start(&self, at: usize) {
        self.update(|state, now| state.eta.start(at, now));
    }

    pub(super) fn finish(&self, at: usize) {
        self.update(|state, now| {
            state.eta.finish(at, now);
            state.done += 1;
        });
    }

    pub(super) fn count_failure(&self) {
        self.update(|state, _| state.failed += 1);
    }

    /// Prints without the bar.
    pub(super) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Removes the bar.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn update(&self, change: impl FnOnce(&mut State, Duration)) {
        let position = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut state, self.start.elapsed());
            (state.eta.done() * LENGTH as f64) as u64
        };
        // The bar draws, and asks for the state: it must not be locked.
        self.bar.set_position(position);
    }
}

fn work(input: &Input) -> Work {
    if input.problem.is_some() {
        return Work::none();
    }
    let extension = input.path.extension().unwrap_or_default().to_string_lossy();
    Work::new(&extension, input.bytes)
}

fn visible(start: Instant, state: Arc<Mutex<State>>) -> ProgressBar {
    let text = move |_: &ProgressState, out: &mut dyn Write| {
        let state = state.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing to the line that indicatif draws cannot fail.
        let _ = out.write_str(&state.text(start.elapsed()));
    };
    // The template is a constant, so the fallback is never used.
    let style = ProgressStyle::with_template("{wide_bar} {files}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("files", text);
    let bar = ProgressBar::new(LENGTH).with_style(style);
    bar.enable_steady_tick(TICK);
    bar
}

impl State {
    fn text(&self, elapsed: Duration) -> String {
        let failed = if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        let eta = self.eta.left(elapsed).map_or("?".to_owned(), clock);
        format!("{}/{} files{failed}  {}  ETA {eta}", self.done, self.files, clock(elapsed))
    }
}

/// Hours, minutes and seconds.
fn clock(time: Duration) -> String {
    let seconds = (time.as_secs_f64()).round() as u64;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_counts_files_failures_and_time() {
        let mut state =
            State { eta: Eta::new(vec![Work::new("jpg", 0); 4], 1), files: 4, done: 0, failed: 0 };
        assert_eq!(state.text(Duration::ZERO), "0/4 files  0:00  ETA ?");
        state.eta.start(0, Duration::ZERO);
        state.eta.finish(0, Duration::from_secs(1_300));
        (state.done, state.failed) = (1, 1);
        assert_eq!(state.text(Duration::from_secs(1_300)), "1/4 files, 1 failed  21:40  ETA 1:05:00");
    }
}
