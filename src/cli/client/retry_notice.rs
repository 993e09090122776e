//! Says on standard error that a request is tried again: once why, how often and for how long, and on a terminal how much of
//! that is left. It belongs to one request, and its line on the terminal goes when that has ended. It cannot fail.

use std::io;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::sleep;

use crate::cli::terminal::{can_redraw, eprint_line};

/// How often the rest is shown.
const TICK: Duration = Duration::from_secs(1);

/// What the user sees while a request is tried again.
pub(super) struct RetryNotice(Option<ProgressBar>);

impl RetryNotice {
    /// Says why the first attempt failed, and for what time up to `left` more are made.
    pub(super) fn new(reason: &str, left: u32, time: Duration) -> Self {
        eprint_line(&announcement(reason, left, time));
        let bar = can_redraw(&io::stderr()).then(|| {
            // The template is a constant, so the fallback is never used.
            let style =
                ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(1).with_style(style)
        });
        Self(bar)
    }

    /// Waits before the next attempt. `later` is the time from then to the last one.
    pub(super) async fn wait(&self, delay: Duration, later: Duration) {
        let Some(bar) = &self.0 else { return sleep(delay).await };
        let mut rest = delay;
        while !rest.is_zero() {
            bar.set_message(format!("trying again for another {} s", (rest + later).as_secs()));
            let step = rest.min(TICK);
            sleep(step).await;
            rest -= step;
        }
    }
}

impl Drop for RetryNotice {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn announcement(reason: &str, left: u32, time: Duration) -> String {
    let seconds = time.as_secs();
    match left {
        1 => format!("{reason}; trying once more in {seconds} s"),
        _ => format!("{reason}; trying up to {left} more times in the next {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announcement_says_how_often_and_how_long() {
        let text = |left, seconds| announcement("x cannot be reached", left, Duration::from_secs(seconds));
        assert_eq!(text(1, 1), "x cannot be reached; trying once more in 1 s");
        assert_eq!(text(5, 31), "x cannot be reached; trying up to 5 more times in the next 31 s");
    }
}
